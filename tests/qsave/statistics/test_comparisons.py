"""Figures that compare: arms, generators, raters with what is known, far-out raters."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from qsave.statistics.anchoring import measure_anchoring, summarise_edit_distances
from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.generators import adjust_by_holm, compare_generators, split_by_generator, summarise_generators
from qsave.statistics.mos import compute_mean_mos
from qsave.statistics.raters import count_matches
from qsave.statistics.screening import screen_raters
from qsave.statistics.table import RatingTable
from tests.support.tables import drop_rejected, make_table


def test_a_pull_towards_the_draft_is_found() -> None:
    rng = np.random.default_rng(0)
    rows: list[tuple[int, bool, float]] = []
    drafts = {item: float(rng.uniform(1, 5)) for item in range(120)}
    for item, draft in drafts.items():
        quality = rng.uniform(1, 5)
        rows += [(item, False, quality + rng.normal(0, 0.6)) for _ in range(2)]
        rows += [(item, True, 0.5 * quality + 0.5 * draft + rng.normal(0, 0.3)) for _ in range(2)]
    figures = measure_anchoring(rows, drafts, resamples=200)
    assert figures.items == 120
    assert isinstance(figures.nearer.interval, Interval)
    assert figures.nearer.interval.low > 0
    assert isinstance(figures.spread_ratio.interval, Interval)
    assert figures.spread_ratio.interval.low < 0.5 < figures.spread_ratio.interval.high


def test_without_a_pull_the_interval_holds_zero() -> None:
    rng = np.random.default_rng(1)
    rows = [(item, arm, float(rng.normal(3, 1))) for item in range(100) for arm in (False, True) for _ in range(2)]
    figures = measure_anchoring(rows, dict.fromkeys(range(100), 3.0), resamples=200)
    for estimate in (figures.difference, figures.nearer):
        assert isinstance(estimate.interval, Interval)
        assert estimate.interval.low < 0 < estimate.interval.high


def test_the_difference_and_its_interval_by_hand() -> None:
    """Three items, differences 1, 0 and 2 by raters whom nobody named: t of 1 degree over items."""
    rows = [("a", True, 3.0), ("a", False, 2.0), ("b", True, 2.0), ("b", False, 2.0), ("c", True, 4.0), ("c", False, 2)]
    estimate = measure_anchoring(rows, {}).difference
    assert estimate.value == pytest.approx(1)
    assert isinstance(estimate.interval, Interval)
    assert estimate.interval.high == pytest.approx(1 + 12.7062 / 3**0.5, abs=1e-3)


def test_raters_who_follow_drafts_differently_widen_the_interval() -> None:
    rng = np.random.default_rng(8)
    pull = np.repeat([0.0, 1.5], 12)
    rows, raters = [], []
    for item in range(150):
        for place, rater in enumerate(rng.permutation(24)[:4].tolist()):
            rows.append((item, place < 2, float(rng.normal(3, 0.3) + pull[rater] * (place < 2))))
            raters.append(rater)
    known, unknown = measure_anchoring(rows, {}, raters=raters).difference, measure_anchoring(rows, {}).difference
    assert known.value == pytest.approx(unknown.value)
    assert isinstance(known.interval, Interval)
    assert isinstance(unknown.interval, Interval)
    assert known.interval.high - known.interval.low > 1.5 * (unknown.interval.high - unknown.interval.low)
    assert known.interval.low < 0.75 < known.interval.high


def test_items_of_one_arm_only_do_not_count() -> None:
    assert measure_anchoring([("a", True, 3), ("b", False, 1), ("c", True, 2), ("c", False, 2)], {}).items == 1


def test_edit_distances() -> None:
    summary = summarise_edit_distances([0, 0, 4, 8])
    assert (summary.n, summary.mean, summary.untouched) == (4, 3, 0.5)


def test_matches() -> None:
    found = count_matches([(3, 3), (4, 3), (1, 4), (5, 5)])
    assert (found.n, found.equal, found.within_one, found.mean_distance) == (4, 0.5, 0.75, 1)


def test_generators_are_judged_over_prompt_groups() -> None:
    """Ten clips of one prompt are worth one prompt: repeating every clip changes no interval."""
    rng = np.random.default_rng(0)
    rows = [("wan", f"p{group}", float(rng.uniform(1, 5))) for group in range(12)]
    once, often = (summarise_generators(split_by_generator(each)) for each in (rows, rows * 10))
    assert once[0].mos.value == pytest.approx(often[0].mos.value)
    assert isinstance(once[0].mos.interval, Interval)
    assert isinstance(often[0].mos.interval, Interval)
    assert once[0].mos.interval.low == pytest.approx(often[0].mos.interval.low)


@pytest.mark.parametrize("groups", [2, 5, 40])
def test_the_interval_of_a_generator_is_students_t_over_prompt_groups(groups: int) -> None:
    values = np.random.default_rng(groups).normal(3, 0.3, groups)
    (row,) = summarise_generators(
        split_by_generator(("wan", f"p{group}", float(mos)) for group, mos in enumerate(values))
    )
    theirs = stats.ttest_1samp(values, 0).confidence_interval()
    assert isinstance(row.mos.interval, Interval)
    assert (row.mos.interval.low, row.mos.interval.high) == pytest.approx(
        (max(1, theirs.low), min(5, theirs.high)), abs=1e-9
    )
    assert row.mos.interval.population == "for these raters"


def test_the_mean_over_items_counts_prompt_groups_too() -> None:
    """Every clip four times over is no more evidence than each once."""
    values = np.random.default_rng(0).normal(3, 0.5, 15)
    once, often = compute_mean_mos(values), compute_mean_mos(np.repeat(values, 4), np.repeat(np.arange(15), 4).tolist())
    assert isinstance(once.interval, Interval)
    assert isinstance(often.interval, Interval)
    assert (often.interval.low, often.interval.high) == pytest.approx((once.interval.low, once.interval.high))


def test_equal_means_are_too_few_to_say() -> None:
    (row,) = summarise_generators(split_by_generator(("wan", group, 3.0) for group in range(6)))
    assert "too few to say" in str(row.mos.interval)


def test_a_paired_difference_is_scipys_paired_t_over_shared_prompts() -> None:
    rng = np.random.default_rng(5)
    prompts = rng.normal(3, 0.8, 14)
    scores = {name: prompts + shift + rng.normal(0, 0.2, 14) for name, shift in (("a", 0), ("b", 0.3), ("c", 0.1))}
    rows = [(name, prompt, float(mos[prompt])) for name, mos in scores.items() for prompt in range(14)]
    rows += [("b", 99, 1.0)]  # a prompt that only b has
    found = {frozenset((row.first, row.second)): row for row in compare_generators(split_by_generator(rows))}
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    theirs = [stats.ttest_rel(scores[one], scores[other]) for one, other in pairs]
    adjusted = multipletests([test.pvalue for test in theirs], method="holm")[1]
    for (one, other), test, holm_p in zip(pairs, theirs, adjusted, strict=True):
        row = found[frozenset((one, other))]
        sign = 1 if row.first == one else -1
        assert row.groups == 14
        assert [row.p, row.adjusted] == pytest.approx([test.pvalue, holm_p])
        assert isinstance(row.difference.interval, Interval)
        bounds = sorted(sign * bound for bound in test.confidence_interval())
        assert [row.difference.interval.low, row.difference.interval.high] == pytest.approx(bounds)
    assert all(not isinstance(row.difference.value, Undefined) and row.difference.value > 0 for row in found.values())


def test_pairs_without_enough_common_prompts_say_so_and_do_not_count_in_holm() -> None:
    rng = np.random.default_rng(6)
    rows = [(name, group, float(rng.uniform(1, 5))) for name in "ab" for group in range(8)]
    rows += [("c", 0, 3.0), ("d", 99, 3.0)]
    by_pair = {(row.first, row.second): row for row in compare_generators(split_by_generator(rows))}
    (measured,) = [row for row in by_pair.values() if {row.first, row.second} == {"a", "b"}]
    assert measured.adjusted == measured.p
    assert "no prompt in common" in str(by_pair["a", "d"].difference.value)
    (one_prompt,) = [row for row in by_pair.values() if {row.first, row.second} == {"a", "c"}]
    assert isinstance(one_prompt.difference.value, float)
    assert "one prompt group" in str(one_prompt.p)
    assert not one_prompt.is_significant


def test_holm_by_hand() -> None:
    """.01 of four is .04; .02 of three .06; .03 of two .06; .9 stays."""
    undefined = Undefined("no prompt")
    assert adjust_by_holm([0.02, undefined, 0.9, 0.01, 0.03]) == pytest.approx([0.06, undefined, 0.9, 0.04, 0.06])


def test_the_best_generator_comes_first() -> None:
    assert [row.generator for row in summarise_generators(split_by_generator([("a", 1, 2.0), ("b", 1, 4.0)]))] == [
        "b",
        "a",
    ]


def test_a_rater_who_answers_at_random_is_screened_out() -> None:
    rng = np.random.default_rng(3)
    scores = np.clip(np.round(3 + rng.normal(0, 0.4, (60, 12))), 1, 5)
    scores[:, 0] = rng.choice([1, 5], 60)
    table = make_table(scores)
    assert [rater.rater for rater in screen_raters(table) if rater.rejected is True] == [0]
    assert drop_rejected(table).rater_count == 11


def test_a_tie_at_the_threshold_is_far_out_whatever_rounding_says() -> None:
    """Two of ten at the other end lie exactly 2 S away where S divides by N (kurtosis 3.25)."""
    for low, high in ((0.1, 0.3), (1, 5), (1.1, 2.3), (2.7, 4.4)):
        table = make_table([[low] * 8 + [high] * 2, [high] * 8 + [low] * 2] * 5)
        assert [(row.above, row.below) for row in screen_raters(table, ddof=0)] == [(0, 0)] * 8 + [(5, 5)] * 2


def test_a_rater_who_is_only_ever_low_is_kept() -> None:
    """Far out on one side is a bias, not noise: BT.500 keeps it."""
    first = screen_raters(make_table([[1, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5]] * 40))[0]
    assert (first.rejected, first.above) == (False, 0)
    assert first.below == 40


def test_two_scores_of_one_rater_on_one_item_are_refused() -> None:
    with pytest.raises(ValueError, match="two scores"):
        RatingTable.from_triples([("clip", "ann", 3), ("clip", "ann", 4)])
