"""Figures that compare: arms, generators, raters with what is known, far-out raters."""

import numpy as np
import pytest

from qsave.statistics.anchoring import anchoring, edit_distances
from qsave.statistics.figures import Interval
from qsave.statistics.generators import generator_table
from qsave.statistics.raters import matches, mean_by_rater
from qsave.statistics.screening import bt500, screened
from qsave.statistics.table import RatingTable


def test_a_pull_towards_the_draft_is_found() -> None:
    rng = np.random.default_rng(0)
    rows: list[tuple[int, bool, float]] = []
    drafts = {item: float(rng.uniform(1, 5)) for item in range(120)}
    for item, draft in drafts.items():
        quality = rng.uniform(1, 5)
        rows += [(item, False, quality + rng.normal(0, 0.6)) for _ in range(2)]
        rows += [(item, True, 0.5 * quality + 0.5 * draft + rng.normal(0, 0.3)) for _ in range(2)]
    figures = anchoring(rows, drafts, resamples=200)
    assert figures.items == 120
    assert isinstance(figures.nearer.interval, Interval)
    assert figures.nearer.interval.low > 0
    assert isinstance(figures.spread_ratio.interval, Interval)
    assert figures.spread_ratio.interval.low < 0.5 < figures.spread_ratio.interval.high


def test_without_a_pull_the_interval_holds_zero() -> None:
    rng = np.random.default_rng(1)
    rows = [(item, arm, float(rng.normal(3, 1))) for item in range(100) for arm in (False, True) for _ in range(2)]
    figures = anchoring(rows, dict.fromkeys(range(100), 3.0), resamples=200)
    for estimate in (figures.difference, figures.nearer):
        assert isinstance(estimate.interval, Interval)
        assert estimate.interval.low < 0 < estimate.interval.high


def test_items_of_one_arm_only_do_not_count() -> None:
    assert anchoring([("a", True, 3), ("b", False, 1), ("c", True, 2), ("c", False, 2)], {}).items == 1


def test_edit_distances() -> None:
    summary = edit_distances([0, 0, 4, 8])
    assert (summary.n, summary.mean, summary.untouched) == (4, 3, 0.5)


def test_matches_and_conduct() -> None:
    found = matches([(3, 3), (4, 3), (1, 4), (5, 5)])
    assert (found.n, found.equal, found.within_one, found.mean_distance) == (4, 0.5, 0.75, 1)
    assert mean_by_rater({"ann": [1.0, 0.0]}) == {"ann": 0.5}


def test_generators_are_resampled_by_prompt_group() -> None:
    """Ten clips of one prompt are worth one prompt: repeating every clip changes no interval."""
    rng = np.random.default_rng(0)
    rows = [("wan", f"p{group}", float(rng.uniform(1, 5))) for group in range(12)]
    once, often = generator_table(rows), generator_table(rows * 10)
    assert once[0].mos.value == pytest.approx(often[0].mos.value)
    assert isinstance(once[0].mos.interval, Interval)
    assert isinstance(often[0].mos.interval, Interval)
    assert once[0].mos.interval.low == pytest.approx(often[0].mos.interval.low)


def test_the_best_generator_comes_first() -> None:
    assert [row.generator for row in generator_table([("a", 1, 2.0), ("b", 1, 4.0)])] == ["b", "a"]


def test_a_rater_who_answers_at_random_is_screened_out() -> None:
    rng = np.random.default_rng(3)
    scores = np.clip(np.round(3 + rng.normal(0, 0.4, (60, 12))), 1, 5)
    scores[:, 0] = rng.choice([1, 5], 60)
    table = RatingTable.from_matrix(scores)
    assert [rater.rater for rater in bt500(table) if rater.rejected is True] == [0]
    assert screened(table).rater_count == 11


def test_a_rater_who_is_only_ever_low_is_kept() -> None:
    """Far out on one side is a bias, not noise: BT.500 keeps it."""
    first = bt500(RatingTable.from_matrix([[1, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5]] * 40))[0]
    assert (first.rejected, first.above) == (False, 0)
    assert first.below == 40


def test_two_scores_of_one_rater_on_one_item_are_refused() -> None:
    with pytest.raises(ValueError, match="two scores"):
        RatingTable.from_triples([("clip", "ann", 3), ("clip", "ann", 4)])
