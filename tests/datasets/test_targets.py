"""What becomes a target, a reason and a defect, and what never does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.services.figures import compute_figures
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.records import ClipRecord, RatingRecord, read_records, write_records
from datasets.services.targets import Words, choose_words, compute_pairwise_agreement, compute_target, is_agreed
from qsave.axes import AXES, Axis, round_to_level
from qsave.release.rows import Target
from qsave.report_card import Box, Evidence, TimeRange
from qsave.statistics.mos import ASSUMED_SD
from tests.datasets.records import NO_MEDIA, clip, rating, release, review

AXIS = Axis.VISUAL
MEAN = ReleasePolicy()


def target(record: ClipRecord, *others: ClipRecord, policy: ReleasePolicy = MEAN) -> Target | None:
    found = compute_target(record, AXIS, compute_figures([record, *others], policy), policy)
    return found[0] if found else None


def chosen(
    record: ClipRecord,
    mos: float = 3.0,
    policy: ReleasePolicy = MEAN,
    *,
    axis: Axis = AXIS,
    defects: tuple[str, ...] = (),
) -> Words | None:
    """The words beside a target of this MOS with these defects."""
    evidence = tuple(Evidence(defect) for defect in defects)
    return choose_words(record, axis, Target(mos, 0.1, 3, round_to_level(mos), defects, evidence), policy)


ratings = st.builds(
    rating,
    st.sampled_from(["ann", "bob", "cy", "dee"]),
    st.integers(1, 5),
    arm=st.sampled_from(["blind", "assisted"]),
    kind=st.sampled_from(["seat", "gold", "repeat", "qualification"]),
    screened=st.booleans(),
)


@given(st.lists(ratings, unique_by=lambda r: r.rater), st.sampled_from(["train", "val", "test"]))
def test_only_what_counts_counts(given_ratings: list[RatingRecord], split: str) -> None:
    counting = [
        row
        for row in given_ratings
        if row.kind == "seat" and not row.screened and (split == "train" or row.arm == "blind")
    ]
    found = target(clip("c", *given_ratings, split=split))
    if not counting:
        assert found is None
    else:
        assert found is not None
        scores = [row.answers[AXIS].score for row in counting]
        assert found.n == len(scores)
        assert found.mos == pytest.approx(sum(scores) / len(scores), abs=1e-6)
        assert found.se > 0


def test_a_level_is_the_mean_rounded_half_up() -> None:
    found = target(clip("c", rating("ann", 2), rating("bob", 3)))
    assert found is not None
    assert (found.mos, found.level) == (2.5, 3)


def test_an_unknown_spread_is_assumed_and_said_so() -> None:
    figures = compute_figures([clip("c", rating("ann", 2))], MEAN)
    assert figures[AXIS].assumed_sd
    assert figures[AXIS].pooled_sd == ASSUMED_SD


def test_the_reason_is_that_of_the_rater_closest_to_the_target() -> None:
    record = clip("c", rating("ann", 1), rating("bob", 3), rating("cy", 4))
    words = chosen(record, 2.67)
    assert words is not None
    assert (words.source, words.report.reason, words.report.score) == ("bob", "bob says so", 3)


def test_reasons_are_chosen_axis_by_axis() -> None:
    ann, bob = rating("ann", 1), rating("bob", 5)
    bob.answers[Axis.DYNAMIC] = rating("bob", 1).answers[AXIS]
    ann.answers[Axis.DYNAMIC] = rating("ann", 5).answers[AXIS]
    record = clip("c", ann, bob)
    sources = {axis: chosen(record, 1.0, axis=axis) for axis in (Axis.VISUAL, Axis.DYNAMIC)}
    assert {axis: words.source for axis, words in sources.items() if words} == {
        Axis.VISUAL: "ann",
        Axis.DYNAMIC: "bob",
    }


def test_a_blind_rater_comes_before_an_assisted_one() -> None:
    record = clip("c", rating("ann", 3, arm="assisted"), rating("bob", 3))
    words = chosen(record)
    assert words is not None
    assert words.source == "bob"


@given(st.integers(0, 20))
def test_ties_fall_by_seed_and_not_by_order(seed: int) -> None:
    policy = ReleasePolicy(seed=seed)
    people = [rating("ann"), rating("bob"), rating("cy")]
    found = {chosen(clip("c", *order), policy=policy) for order in (people, people[::-1])}
    assert len(found) == 1


def test_different_seeds_choose_different_people() -> None:
    record = clip("c", rating("ann"), rating("bob"), rating("cy"))
    found = [chosen(record, policy=ReleasePolicy(seed=seed)) for seed in range(20)]
    assert len({words.source for words in found if words}) == 3


def test_a_draft_left_as_it_stood_is_no_target() -> None:
    drafted = rating("ann", 3, arm="assisted", own_words=False)
    record = clip("c", drafted, rating("bob", 5))
    words = chosen(record)
    assert words is not None
    assert words.source == "bob"
    assert chosen(clip("c", drafted)) is None


def test_a_release_may_say_otherwise_and_own_words_still_come_first() -> None:
    policy = ReleasePolicy(unedited_drafts=True)
    drafted = rating("ann", 3, arm="assisted", own_words=False)
    first = chosen(clip("c", drafted, rating("bob", 5)), policy=policy)
    alone = chosen(clip("c", drafted), policy=policy)
    assert first is not None
    assert alone is not None
    assert (first.source, alone.source) == ("bob", "ann")


def test_an_answer_lists_the_defects_of_the_target(tmp_path: Path) -> None:
    """Whoever's reason is chosen: training and evaluation agree on what is to be found."""
    people = rating("ann", 3, defects=["noise"]), rating("bob", 2, defects=["blur"]), rating("cy", 2, defects=["blur"])
    record = clip("c", *people)
    found = target(record)
    assert found is not None
    assert found.defects == ("blur",)
    words = choose_words(record, AXIS, found, MEAN)
    assert words is not None
    assert words.report.evidence == found.evidence


@given(
    st.lists(st.lists(st.sampled_from(["blur", "noise", "banding"]), unique=True), min_size=1, max_size=5), st.data()
)
def test_answers_and_targets_never_differ(defects: list[list[str]], data: st.DataObject) -> None:
    people = [
        rating(f"r{number}", data.draw(st.integers(1, 5)), defects=named, own_words=data.draw(st.booleans()))
        for number, named in enumerate(defects)
    ]
    review_of = data.draw(st.sampled_from([None, review(2, defects=["noise"]), review(2, reason="")]))
    record = clip("c", *people, review=review_of)
    found = target(record)
    assert found is not None
    words = choose_words(record, AXIS, found, MEAN)
    assert found.described == (words is not None or review_of is not None)
    if words is not None:
        assert (words.report.evidence, words.report.score) == (found.evidence, found.level)


def test_of_raters_as_near_to_the_target_the_one_with_its_defects_gives_the_reason() -> None:
    record = clip("c", rating("ann", 3, defects=["noise"]), rating("bob", 3, defects=["blur"]), rating("cy", 3))
    for defects, source in ((("blur",), "bob"), (("noise",), "ann"), ((), "cy")):
        words = chosen(record, defects=defects)
        assert words is not None
        assert words.source == source


def test_where_all_words_are_a_drafts_the_defects_are_unknown_and_not_none() -> None:
    found = target(clip("c", rating("ann", 3, arm="assisted", own_words=False, defects=["blur"])))
    assert found is not None
    assert (found.described, found.defects) == (False, ())


def test_drafted_defects_do_not_count_either() -> None:
    drafted = rating("ann", 3, arm="assisted", own_words=False, defects=["blur"])
    found = target(clip("c", drafted, rating("bob", 3)))
    assert found is not None
    assert found.defects == ()


def test_a_defect_stands_when_half_of_the_raters_name_it() -> None:
    record = clip("c", rating("ann", 2, defects=["noise", "blur"]), rating("bob", 2, defects=["blur"]), rating("cy", 2))
    found = target(record)
    assert found is not None
    assert found.defects == ("blur",)
    assert found.evidence == (Evidence("blur"),)


def test_reviewed_text_and_defects_come_first_on_train_only() -> None:
    for split, source, defects in (("train", "review", ("noise",)), ("test", "ann", ())):
        record = clip("c", rating("ann", 3), split=split, review=review(2, defects=["noise"]))
        words, found = chosen(record), target(record)
        assert words is not None
        assert found is not None
        assert (words.source, found.defects, found.mos) == (source, defects, 3.0)


def test_the_reviewed_policy_takes_the_leads_score_on_train() -> None:
    policy = ReleasePolicy(target="reviewed")
    reviewed, bare = clip("a", rating("ann", 3), review=review(1)), clip("b", rating("ann", 3))
    test = clip("t", rating("ann", 3), split="test", review=review(1))
    found = target(reviewed, bare, test, policy=policy)
    assert found is not None
    assert found.mos == 1
    assert target(bare, reviewed, policy=policy) is None
    blind = target(test, reviewed, policy=policy)
    assert blind is not None
    assert blind.mos == 3


def test_bt500_needs_seven_ratings() -> None:
    policy = ReleasePolicy(target="bt500")
    with pytest.raises(ReleaseRefused, match="7 ratings or more"):
        target(clip("c", *[rating(name) for name in "abcdef"]), policy=policy)
    seven, few = clip("c", *[rating(name) for name in "abcdefg"]), clip("d", rating("a"))
    assert target(seven, few, policy=policy) is not None
    assert target(few, seven, policy=policy) is None


def test_bt500_leaves_a_rater_out_who_is_far_out_on_both_sides() -> None:
    rows = [3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5]
    clips = [
        clip(f"c{number:02}", *[rating(f"r{i:02}", score) for i, score in enumerate(rows)], rating("wild", wild))
        for number, (rows, wild) in enumerate([(rows, 1), ([6 - score for score in rows], 5)] * 10)
    ]
    figures = compute_figures(clips, ReleasePolicy(target="bt500"))
    assert figures[AXIS].weights == {"wild": 0.0}
    assert figures[AXIS].mos["c00"].n == 11


def test_the_mixed_model_takes_bias_out() -> None:
    """Clips seen by harsh or by mild raters come nearer to each other, as they are all alike."""
    rng = np.random.default_rng(0)
    harsh = [-1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1]
    clips = [
        clip(
            f"c{number:02}",
            *[
                rating(f"r{rater:02}", int(np.clip(3 + harsh[rater] + rng.integers(-1, 2), 1, 5)))
                for rater in rng.permutation(12)[:8]
            ],
        )
        for number in range(60)
    ]
    plain, corrected = (
        compute_figures(clips, MEAN)[AXIS],
        compute_figures(clips, ReleasePolicy(target="bias_corrected"))[AXIS],
    )
    spread = [np.std([row.mos for row in figures.mos.values()]) for figures in (plain, corrected)]
    assert spread[1] < spread[0]


def panel(clips: int = 6, raters: int = 12) -> list[ClipRecord]:
    rng = np.random.default_rng(1)
    return [
        clip(f"c{number}", *[rating(f"r{rater:02}", int(rng.integers(1, 6))) for rater in range(raters)])
        for number in range(clips)
    ]


def test_p910_is_for_panels_of_twelve() -> None:
    with pytest.raises(ReleaseRefused, match=r"12 ratings or more.*bias_corrected"):
        target(clip("c", *[rating(f"r{n}") for n in range(11)]), policy=ReleasePolicy(target="p910"))
    few = clip("few", rating("r01"))
    figures = compute_figures([*panel(), few], ReleasePolicy(target="p910"))
    assert set(figures[AXIS].mos) == {f"c{number}" for number in range(6)}
    assert len(figures[AXIS].weights) == 12


def test_a_rater_with_one_rating_does_not_cost_the_release(tmp_path: Path) -> None:
    first, *others = panel()
    records = [replace(first, ratings=(*first.ratings, rating("thin", 1))), *others]
    manifest = release(tmp_path / "a", records, replace(NO_MEDIA, target="p910"))
    assert any("thin gave one rating" in note for note in manifest["notes"])
    assert "thin gave one rating" in (tmp_path / "a" / "README.md").read_text()
    assert compute_figures(records, ReleasePolicy(target="p910"))[AXIS].weights["thin"] == 1.0


def test_the_bias_corrected_mean_is_that_of_the_mixed_model() -> None:
    """A harsh and a mild rater who met different clips: the plain mean charges the clips with it."""
    harsh = [clip(f"h{n}", rating("harsh", 2), rating("ann", 3)) for n in range(8)]
    mild = [clip(f"m{n}", rating("mild", 4), rating("ann", 3)) for n in range(8)]
    policy = ReleasePolicy(target="bias_corrected")
    plain, corrected = target(harsh[0], *harsh[1:], *mild), target(harsh[0], *harsh[1:], *mild, policy=policy)
    assert plain is not None
    assert corrected is not None
    assert plain.mos == 2.5
    assert 2.5 < corrected.mos <= 3.0
    alone = target(clip("c", rating("ann", 4)), policy=policy)
    assert alone is not None
    assert alone.mos == 4.0


def test_only_blind_ratings_make_the_pooled_sd_and_the_agreement() -> None:
    def clips(arm: str) -> list[ClipRecord]:
        return [clip(f"c{n}", rating("ann", 1), rating("bob", 2), rating("cy", 5, arm=arm)) for n in range(3)]

    with_draft, without = (compute_figures(clips(arm), MEAN)[AXIS] for arm in ("assisted", "blind"))
    assert with_draft.pooled_sd == pytest.approx(0.5**0.5, abs=1e-6)
    assert without.pooled_sd > 2
    assert (with_draft.agreement.ratings, without.agreement.ratings) == (6, 9)
    assert "3 clips have two ratings" in with_draft.agreement.alpha.thin


def test_assisted_ratings_while_no_critic_was_active_are_blind() -> None:
    record = clip("c", rating("ann", 3, arm="assisted", blind=True), rating("bob", 3, arm="assisted"), split="test")
    assert [one.rater for one in record.counted] == ["ann"]


def test_cool_down_takes_clips_on_which_all_agree() -> None:
    assert is_agreed(clip("c", rating("ann", 3), rating("bob", 4)), MEAN)
    assert not is_agreed(clip("c", rating("ann", 3), rating("bob", 5)), MEAN)
    assert not is_agreed(clip("c", rating("ann", 3)), MEAN)
    apart = rating("bob", 3)
    apart.answers[Axis.ALIGNMENT] = rating("bob", 5).answers[AXIS]
    assert not is_agreed(clip("c", rating("ann", 3), apart), MEAN)


def test_cool_down_looks_at_blind_ratings_alone() -> None:
    drafted = [rating(name, 3, arm="assisted") for name in ("cy", "dee")]
    assert not is_agreed(clip("c", *drafted), MEAN)
    assert not is_agreed(clip("c", rating("ann", 3), *drafted), MEAN)
    assert is_agreed(clip("c", rating("ann", 3), rating("bob", 3), rating("cy", 1, arm="assisted")), MEAN)


def test_pairwise_agreement() -> None:
    assert compute_pairwise_agreement([3]) is None
    assert compute_pairwise_agreement([1, 2, 5]) == pytest.approx(1 / 3, abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": "median"},
        {"media": "link"},
        {"seed": -1},
        {"seed": True},
        {"unedited_drafts": 1},
        {"allow_small_splits": "yes"},
        {"other": 1},
    ],
)
def test_a_policy_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ReleaseRefused):
        ReleasePolicy.from_json(wrong)


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    record = clip("c", rating("ann", 2, defects=["blur"]), review=review(3))
    marked = Evidence("blur", TimeRange(0.5, 1.0), Box(0.1, 0.2, 0.3, 0.4))
    answer = record.ratings[0].answers[AXIS]
    record.ratings[0].answers[AXIS] = answer._replace(evidence=(marked,), reason="äöü\n", exposure="late")
    path = tmp_path / "snapshot"
    assert write_records(path, [record]) == 1
    assert list(read_records(path)) == [record]
    assert set(record.ratings[0].answers) == set(AXES)
