"""The ceiling against the true quality of simulated campaigns, and the baseline against draws by hand."""

import numpy as np
import pytest
from scipy.stats import t

from qsave.statistics.ceiling import compute_baseline, compute_ceiling, measure_reach
from qsave.statistics.correlation import compute_plcc, compute_srcc
from qsave.statistics.figures import THESE_RATERS, Interval, Undefined
from qsave.statistics.icc import compute_icc
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table


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
        true, found, old = (
            compute_plcc(quality, table.means),
            compute_ceiling(table).value,
            compute_icc(table).average.value,
        )
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
    assert compute_ceiling(make_table(scores)).value == pytest.approx(expected, abs=1e-4)


def test_the_interval_stays_within_the_scale_and_names_a_panel() -> None:
    _, table = campaign(np.random.default_rng(1), 4, 3, 0.5)
    estimate = compute_ceiling(table)
    assert isinstance(estimate.interval, Interval)
    assert estimate.interval.population == THESE_RATERS
    assert not isinstance(estimate.value, Undefined)
    assert 0 <= estimate.interval.low < estimate.value < estimate.interval.high <= 1


def test_noise_alone_has_no_ceiling() -> None:
    scores = np.random.default_rng(7).normal(3, 1, (12, 3))
    scores += scores.mean() - scores.mean(axis=1, keepdims=True)  # every item has the same mean
    assert "not above 0" in str(compute_ceiling(make_table(scores)).value)


@pytest.mark.parametrize("ranked", [True, False])
def test_the_baseline_is_the_mean_over_draws_of_one_rating_an_item(ranked: bool) -> None:
    rng = np.random.default_rng(0)
    scores = np.clip(np.round(rng.uniform(1, 5, (400, 1)) + rng.normal(0, 0.7, (400, 3))), 1, 5)
    table, rows = make_table(scores), np.arange(400)
    draws: list[float] = []
    for _ in range(200):
        one = scores[rows, rng.integers(0, 3, 400)]
        drawn = (compute_srcc if ranked else compute_plcc)(one, (scores.sum(axis=1) - one) / 2)
        assert not isinstance(drawn, Undefined)
        draws.append(drawn)
    assert compute_baseline(table, ranked=ranked).value == pytest.approx(np.mean(draws), abs=0.002)


@pytest.mark.parametrize("ranked", [True, False])
def test_the_interval_of_the_baseline_leaves_out_items_and_names_a_panel(ranked: bool) -> None:
    _, table = campaign(np.random.default_rng(2), 4, 3, 0.5)
    table = table.replace_scores(np.clip(np.round(table.scores), 1, 5))
    left_out = [
        compute_baseline(table.keep(table.items != item), ranked=ranked, interval=False).value for item in range(200)
    ]
    logs = np.arctanh(np.array(left_out, dtype=np.float64))
    reach_of_z = t.ppf(0.975, 199 / 2) * np.sqrt(199 / 200 * ((logs - logs.mean()) ** 2).sum())
    found = compute_baseline(table, ranked=ranked)
    assert isinstance(found.value, float)
    assert isinstance(found.interval, Interval)
    middle = np.arctanh(found.value)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        np.tanh([middle - reach_of_z, middle + reach_of_z])
    )
    assert found.interval.population == THESE_RATERS


def test_without_intervals_there_is_none() -> None:
    _, table = campaign(np.random.default_rng(1), 4, 3, 0.5)
    figures = measure_reach(table, intervals=False)
    for estimate in (figures.baseline_plcc, figures.baseline_srcc, figures.ceiling_plcc, figures.ceiling_srcc):
        assert "no interval was asked for" in str(estimate.interval)
