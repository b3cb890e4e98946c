"""The ceiling against the true quality of simulated campaigns, and the baseline's draws against drawing by hand."""

import numpy as np
import pytest

from qsave.statistics import ceiling as module
from qsave.statistics.ceiling import ceiling, reach
from qsave.statistics.correlation import plcc, srcc
from qsave.statistics.figures import THESE_RATERS, Interval, Undefined
from qsave.statistics.icc import icc_one_way
from qsave.statistics.table import RatingTable


def campaign(rng: np.random.Generator, raters: int, overlap: int, bias: float) -> tuple[np.ndarray, RatingTable]:
    """The true quality of 200 items, and their ratings."""
    quality, biases = rng.normal(3, 0.84, 200), rng.normal(0, bias, raters)
    rows = [
        (item, rater, quality[item] + biases[rater] + rng.normal(0, 0.68))
        for item in range(200)
        for rater in rng.permutation(raters)[:overlap].tolist()
    ]
    return quality, RatingTable.from_triples(rows)


@pytest.mark.parametrize(("raters", "overlap", "bias"), [(3, 3, 0.8), (5, 3, 0.53), (60, 3, 0.53)])
def test_it_is_the_correlation_of_the_true_quality(raters: int, overlap: int, bias: float) -> None:
    rng = np.random.default_rng(0)
    gaps, one_way = [], []
    for _ in range(30):
        quality, table = campaign(rng, raters, overlap, bias)
        true, found, old = plcc(quality, table.means), ceiling(table).value, icc_one_way(table).average.value
        assert not isinstance(true, Undefined)
        assert not isinstance(found, Undefined)
        assert not isinstance(old, Undefined)
        gaps.append(found - true)
        one_way.append(np.sqrt(max(old, 0)) - true)
    assert abs(np.mean(gaps)) < 0.012
    if raters == 3:  # biases of a panel are no noise, which one-way reliability takes them for
        assert np.mean(one_way) < -0.05


def test_the_ceiling_of_a_complete_table_by_its_analysis_of_variance() -> None:
    scores = np.random.default_rng(3).normal(3, 1, (40, 1)) + np.random.default_rng(4).normal(0, 0.7, (40, 4))
    items, raters = scores.mean(axis=1, keepdims=True), scores.mean(axis=0)
    residual = ((scores - items - raters + scores.mean()) ** 2).sum() / (39 * 3)
    expected = np.sqrt(1 - residual / 4 / items.var(ddof=1))
    assert ceiling(RatingTable.from_matrix(scores)).value == pytest.approx(expected, abs=1e-4)


def test_the_interval_stays_within_the_scale_and_names_a_panel() -> None:
    _, table = campaign(np.random.default_rng(1), 4, 3, 0.5)
    estimate = ceiling(table)
    assert isinstance(estimate.interval, Interval)
    assert estimate.interval.population == THESE_RATERS
    assert not isinstance(estimate.value, Undefined)
    assert 0 <= estimate.interval.low < estimate.value < estimate.interval.high <= 1


def test_noise_alone_has_no_ceiling() -> None:
    scores = np.random.default_rng(7).normal(3, 1, (12, 3))
    scores += scores.mean() - scores.mean(axis=1, keepdims=True)  # every item has the same mean
    assert "not above 0" in str(ceiling(RatingTable.from_matrix(scores)).value)


@pytest.mark.parametrize("ranked", [True, False])
def test_drawing_how_often_pairs_occur_is_drawing_items(ranked: bool) -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(1, 6, 80).astype(float)
    others = np.clip(np.round((one + rng.normal(0, 1, 80)) * 2) / 2, 1, 5)
    fast = module._resampled(one, others, ranked, seed=0, resamples=4000)
    slow = []
    for _ in range(4000):
        chosen = rng.integers(0, 80, 80)
        slow.append((srcc if ranked else plcc)(one[chosen], others[chosen]))
    theirs = np.array([value for value in slow if not isinstance(value, Undefined)])
    assert np.percentile(fast, [2.5, 50, 97.5]) == pytest.approx(np.percentile(theirs, [2.5, 50, 97.5]), abs=0.015)


def test_without_resamples_there_is_no_interval() -> None:
    _, table = campaign(np.random.default_rng(1), 4, 3, 0.5)
    figures = reach(table, resamples=0)
    for estimate in (figures.baseline_plcc, figures.baseline_srcc, figures.ceiling_plcc, figures.ceiling_srcc):
        assert "no interval was asked for" in str(estimate.interval)
