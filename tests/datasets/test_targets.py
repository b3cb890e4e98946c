"""What becomes a target, a reason and a defect, and what never does."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.services.policy import ASSUMED_SD, ReleasePolicy, ReleaseRefused
from datasets.services.records import ClipRecord, RatingRecord, read_records, record_to_line
from datasets.services.targets import figures_of, is_agreed, pairwise_agreement, target_of, words_of
from qsave.axes import AXES, Axis
from qsave.release import Target
from qsave.report_card import Box, Evidence, TimeRange
from tests.datasets.records import clip, rating, review

AXIS = Axis.VISUAL
MEAN = ReleasePolicy()


def target(record: ClipRecord, *others: ClipRecord, policy: ReleasePolicy = MEAN) -> Target | None:
    found = target_of(record, AXIS, figures_of([record, *others], policy), policy)
    return found[0] if found else None


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
    figures = figures_of([clip("c", rating("ann", 2))], MEAN)
    assert figures[AXIS].assumed_sd
    assert figures[AXIS].pooled_sd == ASSUMED_SD


def test_the_reason_is_that_of_the_rater_closest_to_the_target() -> None:
    record = clip("c", rating("ann", 1), rating("bob", 3), rating("cy", 4))
    words = words_of(record, AXIS, 2.67, MEAN)
    assert words is not None
    assert (words.source, words.report.reason, words.report.score) == ("bob", "bob says so", 3)


def test_reasons_are_chosen_axis_by_axis() -> None:
    ann, bob = rating("ann", 1), rating("bob", 5)
    bob.answers[Axis.DYNAMIC] = rating("bob", 1).answers[AXIS]
    ann.answers[Axis.DYNAMIC] = rating("ann", 5).answers[AXIS]
    record = clip("c", ann, bob)
    sources = {axis: words_of(record, axis, 1.0, MEAN) for axis in (Axis.VISUAL, Axis.DYNAMIC)}
    assert {axis: words.source for axis, words in sources.items() if words} == {
        Axis.VISUAL: "ann",
        Axis.DYNAMIC: "bob",
    }


def test_a_blind_rater_comes_before_an_assisted_one() -> None:
    record = clip("c", rating("ann", 3, arm="assisted"), rating("bob", 3))
    words = words_of(record, AXIS, 3.0, MEAN)
    assert words is not None
    assert words.source == "bob"


@given(st.integers(0, 20))
def test_ties_fall_by_seed_and_not_by_order(seed: int) -> None:
    policy = ReleasePolicy(seed=seed)
    people = [rating("ann"), rating("bob"), rating("cy")]
    chosen = {words_of(clip("c", *order), AXIS, 3.0, policy) for order in (people, people[::-1])}
    assert len(chosen) == 1


def test_different_seeds_choose_different_people() -> None:
    record = clip("c", rating("ann"), rating("bob"), rating("cy"))
    found = [words_of(record, AXIS, 3.0, ReleasePolicy(seed=seed)) for seed in range(20)]
    assert len({words.source for words in found if words}) == 3


def test_a_draft_left_as_it_stood_is_no_target() -> None:
    drafted = rating("ann", 3, arm="assisted", own_words=False)
    record = clip("c", drafted, rating("bob", 5))
    words = words_of(record, AXIS, 3.0, MEAN)
    assert words is not None
    assert words.source == "bob"
    assert words_of(clip("c", drafted), AXIS, 3.0, MEAN) is None


def test_a_release_may_say_otherwise_and_own_words_still_come_first() -> None:
    policy = ReleasePolicy(unedited_drafts=True)
    drafted = rating("ann", 3, arm="assisted", own_words=False)
    first = words_of(clip("c", drafted, rating("bob", 5)), AXIS, 3.0, policy)
    alone = words_of(clip("c", drafted), AXIS, 3.0, policy)
    assert first is not None
    assert alone is not None
    assert (first.source, alone.source) == ("bob", "ann")


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
        words, found = words_of(record, AXIS, 3.0, MEAN), target(record)
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
    figures = figures_of(clips, ReleasePolicy(target="bt500"))
    assert figures[AXIS].weights == {"wild": 0.0}
    assert figures[AXIS].mos["c00"].n == 11


def test_p910_takes_bias_out() -> None:
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
    plain, corrected = figures_of(clips, MEAN)[AXIS], figures_of(clips, ReleasePolicy(target="p910"))[AXIS]
    spread = [np.std([row.mos for row in figures.mos.values()]) for figures in (plain, corrected)]
    assert spread[1] < spread[0]
    assert len(corrected.weights) == 12


def test_p910_says_why_it_cannot() -> None:
    with pytest.raises(ReleaseRefused, match=r"one rating.*Use mean"):
        target(clip("c", rating("ann")), policy=ReleasePolicy(target="p910"))


def test_cool_down_takes_clips_on_which_all_agree() -> None:
    assert is_agreed(clip("c", rating("ann", 3), rating("bob", 4)), MEAN)
    assert not is_agreed(clip("c", rating("ann", 3), rating("bob", 5)), MEAN)
    assert not is_agreed(clip("c", rating("ann", 3)), MEAN)
    apart = rating("bob", 3)
    apart.answers[Axis.ALIGNMENT] = rating("bob", 5).answers[AXIS]
    assert not is_agreed(clip("c", rating("ann", 3), apart), MEAN)


def test_pairwise_agreement() -> None:
    assert pairwise_agreement([3]) is None
    assert pairwise_agreement([1, 2, 5]) == pytest.approx(1 / 3, abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [{"target": "median"}, {"media": "link"}, {"seed": -1}, {"seed": True}, {"unedited_drafts": 1}, {"other": 1}],
)
def test_a_policy_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ReleaseRefused):
        ReleasePolicy.from_json(wrong)


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    record = clip("c", rating("ann", 2, defects=["blur"]), review=review(3))
    marked = Evidence("blur", TimeRange(0.5, 1.0), Box(0.1, 0.2, 0.3, 0.4))
    record.ratings[0].answers[AXIS] = type(record.ratings[0].answers[AXIS])(2, (marked,), "äöü\n", "edited", True)
    path = tmp_path / "snapshot.jsonl"
    path.write_bytes(record_to_line(record))
    assert list(read_records(path)) == [record]
    assert set(record.ratings[0].answers) == set(AXES)
