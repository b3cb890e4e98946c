"""The lead's figures from stored ratings; the estimators themselves are tested in tests/qsave/statistics."""

import csv
import uuid
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from annotation.agreement import reviews
from annotation.agreement.basis import Basis
from annotation.agreement.figures import Agreement, compute_agreement
from annotation.agreement.headlines import agreement_to_json, write_agreement_csv
from annotation.agreement.mos_csv import write_mos_csv
from annotation.agreement.mos_rows import read_mos_rows
from annotation.campaigns import campaigns
from annotation.models import AxisAnswer, Campaign, Item, Qualification, Rating, Slot
from annotation.rating import drafts, queue
from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import Evidence
from qsave.statistics.alpha import compute_alpha
from qsave.statistics.evidence import weigh
from qsave.statistics.figures import Undefined
from qsave.statistics.icc import compute_icc
from qsave.statistics.mos import compute_mos, compute_pooled_sd
from qsave.statistics.table import RatingTable
from tests.annotation import factories

pytestmark = pytest.mark.django_db

# Krippendorff 2011, 4 raters x 12 units; 0 is missing. Ordinal alpha .815388.
TABLE = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]


@pytest.fixture
def rated_campaign() -> tuple[Campaign, list[User]]:
    """The table above, given on all three axes through the queue."""
    lead = factories.make_lead()
    campaign = factories.make_campaign(overlap=4, assisted_share=0)
    clips = [factories.make_clip(f"u{number:02}") for number in range(12)]
    campaigns.add_clips(actor=lead, campaign=campaign, clips=clips)
    raters = [factories.make_user(f"rater{number}") for number in range(4)]
    for rater, row in zip(raters, TABLE, strict=True):
        rate_or_skip(rater, campaign, {f"u{number:02}": score for number, score in enumerate(row)})
    return campaign, raters


def rate_or_skip(rater: User, campaign: Campaign, scores: dict[str, int]) -> None:
    while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
        score = scores[slot.item.clip.clip_id]
        if score:
            factories.submit(rater, slot, answers=factories.make_answers(score))
        else:
            factories.skip(rater, slot)


def read_alpha(figures: Agreement, axis: Axis = Axis.VISUAL) -> float:
    alpha = next(one for one in figures.axes if one.axis == axis).blind.alpha.estimate.value
    assert not isinstance(alpha, Undefined), alpha
    return alpha


def test_alpha_is_that_of_the_published_table(rated_campaign: tuple[Campaign, list[User]]) -> None:
    figures = compute_agreement(rated_campaign[0])

    assert [round(read_alpha(figures, axis), 6) for axis in AXES] == [0.815388] * 3
    assert figures.ratings == 41
    assert [one.basis.ratings for one in figures.axes] == [41] * 3


def test_mos_rows_hold_the_means_with_intervals_around_them(rated_campaign: tuple[Campaign, list[User]]) -> None:
    rows = {row.clip_id: row.mos[Axis.DYNAMIC] for row in read_mos_rows(rated_campaign[0])}

    assert (rows["u05"].mos, rows["u05"].n) == (2.5, 4)
    assert rows["u05"].low < 2.5 < rows["u05"].high
    assert rows["u11"].n == 1
    assert len(rows) == 12


def test_a_screened_rater_counts_no_more_and_stays_in_the_table_of_raters(
    rated_campaign: tuple[Campaign, list[User]],
) -> None:
    campaign, raters = rated_campaign
    before = compute_agreement(campaign)
    lead = factories.make_lead()
    for rater in raters[1:3]:
        reviews.screen(actor=lead, campaign=campaign, rater=rater, verdict="screened", reason="gone astray")
    reviews.screen(actor=lead, campaign=campaign, rater=raters[1], verdict="kept", reason="a mistake")

    after = compute_agreement(campaign)

    assert after.ratings == before.ratings - 10
    assert read_alpha(after) != read_alpha(before)
    assert {row.name: row.is_screened for row in after.raters} == {
        "rater0": False, "rater1": False, "rater2": True, "rater3": False,
    }  # fmt: skip
    assert after.screened_out == 1


def test_only_the_newest_revision_counts(rated_campaign: tuple[Campaign, list[User]]) -> None:
    campaign, raters = rated_campaign
    rating = raters[3].ratings.get(item__clip__clip_id="u00")
    factories.revise(rating, answers=factories.make_answers(5))

    rows = {row.clip_id: row.mos[Axis.VISUAL].mos for row in read_mos_rows(campaign)}

    assert rows["u00"] == pytest.approx((1 + 1 + 5) / 3)


def test_ratings_of_programs_count_only_in_a_simulated_campaign() -> None:
    robot = factories.make_user(is_simulated=True)
    for is_simulated, count in ((False, 0), (True, 2)):
        campaign = factories.make_campaign(2, is_simulated=is_simulated)
        factories.rate_all(robot, campaign)

        assert compute_agreement(campaign).ratings == count


def test_a_campaign_without_ratings_says_why_each_figure_is_undefined() -> None:
    figures = compute_agreement(factories.make_campaign(2))

    assert (figures.clips, figures.raters) == (0, ())
    for one in figures.axes:
        for figure in (
            one.blind.alpha.estimate.value,
            one.mos.estimate.value,
            one.spread.sd,
            one.blind.icc.estimate.value,
            one.reach.ceiling_srcc.value,
        ):
            assert isinstance(figure, Undefined)
            assert figure.reason
    assert isinstance(figures.arms[0].anchoring.difference.value, Undefined)
    assert figures.generators == dict.fromkeys(AXES, ())


def test_one_score_for_all_leaves_alpha_undefined_and_never_zero() -> None:
    campaign = factories.make_campaign(3)
    for _ in range(3):
        factories.rate_all(factories.make_user(), campaign, 4)

    alpha = compute_agreement(campaign).axes[0].blind.alpha.estimate.value

    assert isinstance(alpha, Undefined)
    assert "equal" in alpha.reason


def test_the_table_of_raters_tells_work_conduct_and_gold() -> None:
    campaign, rater = factories.make_campaign(2), factories.make_user("ana", display_name="Ana")
    Item.objects.filter(campaign=campaign).update(gold={"visual": 5, "dynamic": 3})
    for watched in (0.5, 1.0):
        slot = factories.claim(rater, campaign)
        factories.submit(rater, slot, viewing={"watched_share": watched}, seconds_spent=20 * watched)

    (row,) = compute_agreement(campaign).raters

    assert (row.name, row.ratings, row.seconds, row.watched) == ("Ana", 2, 15.0, 0.75)
    assert (row.gold.n, row.gold.equal) == (4, 0.5)
    assert isinstance(row.drafts_confirmed, Undefined)


def test_the_arms_are_compared_by_the_draft_that_was_shown() -> None:
    campaign = factories.make_campaign(6, overlap=2, assisted_share=0)
    campaign.slots.filter(number=2).update(arm="assisted")
    for item in campaign.items.all():
        factories.store_draft(item.pk, critic="c@1", proposal=factories.make_proposal(5))
    blind, assisted = factories.make_user(), factories.make_user()
    factories.rate_all(blind, campaign, 2)
    while (slot := queue.claim(rater=assisted, campaign=campaign)) is not None:
        draft = drafts.find_draft(slot)
        assert draft is not None
        given = {axis: replace(answer, draft_use="edited") for axis, answer in factories.make_answers(4).items()}
        given[Axis.VISUAL] = replace(
            given[Axis.VISUAL], reason=factories.make_card().visual.reason, draft_use="confirmed"
        )
        factories.submit(assisted, slot, answers=given)

    visual = compute_agreement(campaign).arms[0]

    assert (visual.anchoring.items, visual.anchoring.difference.value, visual.anchoring.nearer.value) == (6, 2.0, 2.0)
    assert (visual.edits.n, visual.edits.untouched) == (6, 1.0)


def test_only_axes_that_were_proposed_are_compared_and_only_drafted_scores_have_a_distance() -> None:
    """Of six clips four have a visual draft, three of these with the score 5; nothing is proposed on alignment."""
    campaign = factories.make_campaign(6, overlap=2, assisted_share=0)
    campaign.slots.filter(number=2).update(arm="assisted")
    first, *items = campaign.items.order_by("pk")
    blurred = AxisProposal((Evidence("blur"),))
    for item in items[:3]:
        proposal = Proposal(visual=replace(blurred, score=5, reason="It is soft all the time."))
        factories.store_draft(item.pk, proposal=proposal)
    factories.store_draft(first.pk, proposal=Proposal(visual=blurred))
    factories.store_draft(items[3].pk, proposal=Proposal())
    blind, assisted = factories.make_user(), factories.make_user()
    factories.rate_all(blind, campaign, 2)
    while (slot := queue.claim(rater=assisted, campaign=campaign)) is not None:
        scores = {**dict.fromkeys(AXES, 4), Axis.VISUAL: 3 if slot.item_id == first.pk else 4}
        factories.submit(assisted, slot, answers=factories.make_answers(scores))

    agreement = compute_agreement(campaign)
    visual, dynamic, alignment = agreement.arms

    assert visual.anchoring.items == 4
    assert visual.anchoring.difference.value == pytest.approx((1 + 3 * 2) / 4)
    assert visual.anchoring.nearer.value == pytest.approx(2)
    assert (visual.edits.n, visual.is_proposed) == (3, True)
    for arm in (dynamic, alignment):
        assert (arm.anchoring.items, arm.edits.n, arm.is_proposed) == (0, 0, False)
        assert isinstance(arm.anchoring.difference.value, Undefined)
    rows = {row.rater: row.drafts_confirmed for row in agreement.raters}
    assert rows[assisted.pk] == 0
    assert isinstance(rows[blind.pk], Undefined)


def test_the_rater_table_tells_the_share_of_the_qualification(rated_campaign: tuple[Campaign, list[User]]) -> None:
    campaign, (first, *others) = rated_campaign
    Qualification.objects.create(campaign=campaign, rater=first, share=0.75, passed=True)
    rows = {row.rater: row.qualification for row in compute_agreement(campaign).raters}
    assert rows[first.pk] == 0.75
    assert all(isinstance(rows[other.pk], Undefined) for other in others)


def test_the_number_of_queries_does_not_grow_with_the_campaign() -> None:
    def cost(clips: int) -> int:
        campaign = factories.make_campaign(clips, overlap=3)
        for _ in range(3):
            factories.rate_all(factories.make_user(), campaign)
        with CaptureQueriesContext(connection) as queries:
            figures = compute_agreement(campaign)
            assert figures.arms
            assert figures.generators
        return len(queries)

    assert cost(2) == cost(4) == 13


def test_mos_as_csv_holds_a_line_a_clip_with_figures_for_the_three_axes(
    rated_campaign: tuple[Campaign, list[User]],
) -> None:
    lines = list(csv.DictReader("".join(write_mos_csv(rated_campaign[0])).removeprefix("\ufeff").splitlines()))

    line = next(one for one in lines if one["clip_id"] == "u05")
    assert (line["visual_mos"], line["visual_n"], line["generator"], line["split"]) == ("2.5000", "4", "toy-1", "train")
    assert next(one for one in lines if one["clip_id"] == "u11")["visual_sd"] == ""
    assert len(lines) == 12


def test_golds_and_repeats_tell_how_reliable_a_rater_is() -> None:
    campaign = factories.make_campaign(1)
    rater = factories.make_user()
    item = Item.objects.get()
    Item.objects.update(gold={"visual": 3, "dynamic": 5, "alignment": 1})
    factories.rate_all(rater, campaign, 3)  # in a rating slot: one axis is right, two are off by two
    again = Slot.objects.create(
        item=item,
        campaign=campaign,
        number=1001,
        kind="repeat",
        arm="blind",
        rater=rater,
        state="leased",
        lease=uuid.uuid4(),
        lease_expires_at=timezone.now(),
    )
    factories.submit(rater, again, answers=factories.make_answers({Axis.VISUAL: 3, Axis.DYNAMIC: 4, Axis.ALIGNMENT: 5}))

    (row,) = compute_agreement(campaign).raters

    assert (row.ratings, row.gold.n, row.repeats.n) == (1, 3, 3)
    assert row.gold.within_one == pytest.approx(1 / 3)
    assert row.repeats.within_one == pytest.approx(2 / 3)
    assert row.repeats.equal == pytest.approx(1 / 3)


@pytest.fixture
def half_assisted_campaign() -> Campaign:
    """24 clips, each with two blind ratings that differ by one or two and two assisted ones that follow a draft."""
    campaign = factories.make_campaign(24, overlap=4, assisted_share=0)
    campaign.slots.filter(number__gt=2).update(arm="assisted")
    for number, item in enumerate(campaign.items.order_by("pk")):
        proposal = factories.make_proposal(1 + number % 5)
        factories.store_draft(item.pk, critic="c@1", proposal=proposal)
    for number in range(4):
        rater = factories.make_user()
        while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
            drafted = 1 + (slot.item_id - campaign.items.order_by("pk")[0].pk) % 5
            own = max(1, min(5, drafted + (-1) ** number * (1 + slot.item_id % 2)))
            factories.submit(
                rater, slot, **factories.make_desk_values(slot, drafted if slot.arm == "assisted" else own)
            )
    return campaign


def test_the_headline_rests_on_blind_ratings_with_assisted_ones_beside_it(half_assisted_campaign: Campaign) -> None:
    figures = compute_agreement(half_assisted_campaign)

    visual = figures.axes[0]
    assert (visual.blind.basis, visual.assisted.basis) == (Basis(48, 24, 24, "blind"), Basis(48, 24, 24, "assisted"))
    assert (visual.basis, figures.ratings, figures.blind_ratings) == (Basis(96, 24, 24), 96, 48)
    blind_only = RatingTable.from_triples(
        (rating.item_id, rating.rater_id, rating.revisions.get().answers.get(axis="visual").score)
        for rating in Rating.objects.filter(arm="blind")
    )
    assert visual.blind.alpha.estimate.value == compute_alpha(blind_only).value
    assert visual.blind.icc == weigh(compute_icc(blind_only).average, clips=24, kind="blind")
    assert visual.blind.pooled_sd.estimate.value == compute_pooled_sd(blind_only) == visual.spread.sd
    assert visual.assisted.alpha.estimate.value == 1.0  # they followed the drafts


def test_mos_counts_every_rating_and_its_interval_uses_the_blind_spread(half_assisted_campaign: Campaign) -> None:
    row = next(read_mos_rows(half_assisted_campaign))
    scores = [
        answer.score
        for answer in AxisAnswer.objects.filter(revision__rating__item=row.item, axis="visual").order_by("pk")
    ]
    table = RatingTable.from_triples((row.item, number, float(score)) for number, score in enumerate(scores))
    blind_spread = compute_agreement(half_assisted_campaign).axes[0].spread.sd
    assert isinstance(blind_spread, float)
    (expected,) = compute_mos(table, pooled=blind_spread)
    assert (row.mos[Axis.VISUAL], row.blind[Axis.VISUAL]) == (expected, 2)


def test_without_an_active_critic_every_rating_is_blind_however_it_was_drawn() -> None:
    campaign = factories.make_campaign(3, overlap=2, assisted_share=1)
    for _ in range(2):
        factories.rate_all(factories.make_user(), campaign)
    visual = compute_agreement(campaign).axes[0]
    assert (visual.blind.basis, visual.assisted.basis.ratings) == (Basis(6, 3, 3), 0)


def test_the_corrected_mos_stands_beside_the_plain_one(rated_campaign: tuple[Campaign, list[User]]) -> None:
    rows = list(read_mos_rows(rated_campaign[0]))
    assert {row.clip_id for row in rows if Axis.VISUAL in row.corrected} == {row.clip_id for row in rows}
    line = next(csv.DictReader("".join(write_mos_csv(rated_campaign[0])).removeprefix("\ufeff").splitlines()))
    corrected = next(row.corrected[Axis.VISUAL] for row in rows if row.clip_id == line["clip_id"])
    assert (line["visual_corrected"], line["visual_blind_n"]) == (f"{corrected.mos:.4f}", line["visual_n"])


def test_the_headlines_name_what_they_rest_on_in_json_and_csv(half_assisted_campaign: Campaign) -> None:
    figures = compute_agreement(half_assisted_campaign)
    lines = list(csv.DictReader("".join(write_agreement_csv(figures)).removeprefix("\ufeff").splitlines()))
    headlines = agreement_to_json(figures)["headlines"]
    assert len(lines) == len(headlines) == 3 * 11
    for line, headline in zip(lines, headlines, strict=True):
        counts = (headline["ratings"], headline["clips"], headline["clips_with_two"])
        assert (line["figure"], line["of"]) == (headline["figure"], headline["of"])
        assert counts == ((96, 24, 24) if headline["of"] == "all" else (48, 24, 24))
        assert (line["ratings"], line["clips"], line["clips_with_two"]) == tuple(map(str, counts))


def test_figures_on_few_clips_carry_the_sentence_in_the_api_and_csv(
    rated_campaign: tuple[Campaign, list[User]],
) -> None:
    figures = compute_agreement(rated_campaign[0])
    alpha = next(one for one in agreement_to_json(figures)["headlines"] if one["figure"] == "alpha")
    assert alpha["thin"] == "11 clips have two ratings; agreement can be read from about 20."
    line = next(
        one for one in csv.DictReader("".join(write_agreement_csv(figures)).splitlines()) if one["figure"] == "alpha"
    )
    assert line["thin"] == alpha["thin"]
