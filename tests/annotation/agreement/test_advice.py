"""What the figures mean in words: verdicts on drafts, signs of raters, and what to do next."""

from dataclasses import replace

import pytest

from annotation.agreement.advice import describe_arm, list_advice, pulls
from annotation.agreement.figures import ArmRow, AxisAgreement, compute_agreement
from annotation.agreement.page_sections import choose_raters
from annotation.agreement.rater_signs import list_signs
from annotation.agreement.rater_table import RaterRow
from annotation.agreement.ratings_needed import compute_needed
from annotation.models import Campaign
from qsave.axes import AXES, Axis
from qsave.statistics.anchoring import Anchoring, summarise_edit_distances
from qsave.statistics.evidence import Weighed
from qsave.statistics.figures import Estimate, Interval, Undefined
from qsave.statistics.raters import RaterFigures, count_matches
from tests.annotation.factories import make_campaign, make_user, rate_all

UNKNOWN = Undefined("nothing was measured")


def estimate(value: float, reach: float) -> Estimate:
    return Estimate(value, Interval(value - reach, value + reach))


def make_arm(difference: Estimate, nearer: Estimate, ratio: Estimate, items: int = 40) -> ArmRow:
    return ArmRow(Axis.VISUAL, Anchoring(items, difference, nearer, ratio), summarise_edit_distances([]), True)


NO_SHIFT, NO_PULL, NO_NARROWING = estimate(0.02, 0.1), estimate(0.01, 0.1), estimate(1.0, 0.1)


@pytest.mark.parametrize(
    ("arm", "words", "pulled"),
    [
        (make_arm(NO_SHIFT, NO_PULL, NO_NARROWING), "No difference between", False),
        (make_arm(estimate(0.3, 0.1), NO_PULL, NO_NARROWING), "0.30 levels higher", True),
        (make_arm(estimate(-0.3, 0.1), NO_PULL, NO_NARROWING), "0.30 levels lower", True),
        (make_arm(NO_SHIFT, estimate(0.2, 0.1), NO_NARROWING), "0.20 levels closer to the drafted", True),
        (make_arm(NO_SHIFT, NO_PULL, estimate(0.7, 0.1)), "differ less from each other", False),
        (make_arm(estimate(0.3, 0.1), NO_PULL, NO_NARROWING, items=3), "3 clips have blind and assisted", False),
    ],
)
def test_the_verdict_on_drafts_says_only_what_intervals_show(arm: ArmRow, words: str, pulled: bool) -> None:
    assert words in describe_arm(arm)
    assert pulls(arm) is pulled


def make_rater(rater: int, **changes: object) -> RaterRow:
    figures = RaterFigures(rater, 100, 100, 3.0, 0.9, 0.0, 0.5, 0.7, 0.7)
    row = RaterRow(
        rater=rater,
        name=f"rater {rater}",
        is_simulated=False,
        ratings=100,
        seconds=30.0,
        watched=0.95,
        drafts_confirmed=0.4,
        gold=count_matches([(3, 3)] * 10),
        repeats=count_matches([]),
        qualification=UNKNOWN,
        axes=dict.fromkeys(AXES, figures),
        bt500={},
        is_screened=False,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


USUAL = tuple(make_rater(number) for number in range(3))
FLAT = dict.fromkeys(AXES, RaterFigures(9, 100, 100, 3.0, 0.2, 0.0, 0.5, 0.7, 0.7))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seconds": 8.0}, "Rates in 8 s; the median rater takes 30 s."),
        ({"watched": 0.5}, "Watches 50% of a clip"),
        ({"drafts_confirmed": 0.97}, "Leaves 97% of drafts unedited."),
        ({"axes": FLAT}, "almost the same score"),
        ({"gold": count_matches([(1, 5)] * 10)}, "within one level on 0% of golds"),
        ({"repeats": count_matches([(1, 5)] * 5)}, "0% of repeats"),
    ],
)
def test_a_sign_is_a_sentence_and_only_of_the_rater_who_shows_it(changes: dict[str, object], words: str) -> None:
    signs = list_signs([*USUAL, make_rater(9, **changes)])
    assert list(signs) == [9]
    assert words in " ".join(signs[9])


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": 8.0, "ratings": 19},
        {"seconds": UNKNOWN, "watched": UNKNOWN, "drafts_confirmed": UNKNOWN},
        {"gold": count_matches([(1, 5)] * 4)},
    ],
)
def test_too_little_is_no_sign(changes: dict[str, object]) -> None:
    assert list_signs([*USUAL, make_rater(9, **changes)]) == {}


def test_of_many_raters_the_section_has_those_to_look_at() -> None:
    raters = [make_rater(number, ratings=40 + number) for number in range(5)]
    chosen = choose_raters(raters, {0: ["Rates in 8 s."]}, 3)
    assert [rater.rater for rater in chosen] == [0, 3, 4]
    assert choose_raters(raters, {}, None) == raters


def list_actions(campaign: Campaign, raters: tuple[RaterRow, ...] = ()) -> list[str]:
    agreement = compute_agreement(campaign)
    needed = [compute_needed(axis.axis, axis.spread, campaign.overlap) for axis in agreement.axes]
    signs = list_signs(raters)
    return [one.action for one in list_advice(campaign, agreement.axes, agreement.arms, raters, signs, needed)]


@pytest.mark.django_db
def test_what_to_do_next_follows_from_the_figures() -> None:
    campaign = make_campaign(2, overlap=2, assisted_share=0.0)
    for score in (1, 5):
        rate_all(make_user(), campaign, score)
    assert list_actions(campaign) == ["Invite raters", "Settle disputed clips"]
    raters = (*USUAL, make_rater(9, seconds=8.0))
    assert list_actions(campaign, raters) == ["Invite raters", "Look at the raters", "Settle disputed clips"]


@pytest.mark.django_db
def test_low_agreement_asks_for_clearer_guidelines_before_more_ratings() -> None:
    campaign = make_campaign(1)
    axes = [lower(axis) for axis in compute_agreement(campaign).axes]
    actions = [one.action for one in list_advice(campaign, axes, (), (), {}, [])]
    assert actions == ["Edit the guidelines"]


def lower(axis: AxisAgreement) -> AxisAgreement:
    """Return the axis with an alpha of .2 from enough blind ratings."""
    basis = replace(axis.blind.basis, ratings=120, clips=40, paired=40)
    return replace(axis, blind=replace(axis.blind, basis=basis, alpha=Weighed(estimate(0.2, 0.1), "")))
