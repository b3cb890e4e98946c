"""Intervals that count raters: against leaving out by hand, and where there is too little to leave out."""

from typing import get_args

import numpy as np
import pytest
from scipy import stats

from qsave.statistics.alpha import Metric, compute_alpha
from qsave.statistics.figures import THESE_RATERS, Interval, Undefined
from qsave.statistics.icc import compute_icc
from qsave.statistics.jackknife import LEAST_RATERS
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table


def campaign(items: int, raters: int, overlap: int, seed: int = 0) -> RatingTable:
    rng = np.random.default_rng(seed)
    quality, bias = rng.uniform(1, 5, items), rng.normal(0, 0.5, raters)
    return RatingTable.from_triples(
        (item, rater, float(np.clip(np.round(quality[item] + bias[rater] + rng.normal(0, 0.7)), 1, 5)))
        for item in range(items)
        for rater in rng.permutation(raters)[:overlap].tolist()
    )


def leave_out(table: RatingTable, codes: np.ndarray, metric: Metric) -> float:
    """The jackknife variance of log(1 - alpha), each unit left out in its turn by building the table again."""
    values = [compute_alpha(table.keep(codes != code), metric, resamples=0).value for code in np.unique(codes)]
    logs = np.array([np.log(1 - value) for value in values if not isinstance(value, Undefined)])
    return float((len(logs) - 1) / len(logs) * ((logs - logs.mean()) ** 2).sum())


@pytest.mark.parametrize("metric", get_args(Metric))
def test_alpha_is_left_out_of_by_hand(metric: Metric) -> None:
    table = campaign(30, 22, 3)
    items, raters = leave_out(table, table.items, metric), leave_out(table, table.raters, metric)
    own = max(0.0, raters - leave_out(table, np.arange(len(table)), metric))
    freedom = (items + own) ** 2 / (items**2 / 14.5 + own**2 / 21)
    factor = np.exp(stats.t(freedom).ppf(0.975) * np.sqrt(items + own))
    found = compute_alpha(table, metric)
    assert not isinstance(found.value, Undefined)
    assert isinstance(found.interval, Interval)
    expected = (1 - (1 - found.value) * factor, 1 - (1 - found.value) / factor)
    assert (found.interval.low, found.interval.high) == pytest.approx(expected)
    assert found.interval.population == ""


def test_a_panel_is_spoken_of_alone() -> None:
    table = campaign(40, LEAST_RATERS - 1, 3)
    intervals = [compute_alpha(table).interval, compute_icc(table).single.interval]
    for interval in intervals:
        assert isinstance(interval, Interval)
        assert interval.population == THESE_RATERS


def test_raters_with_strong_biases_widen_the_intervals_of_a_crowd() -> None:
    """The same scores, given to as many raters as there are ratings, have narrower intervals."""
    rng = np.random.default_rng(2)
    quality, bias = rng.uniform(1, 5, 120), np.repeat([-1.2, 0, 0, 1.2], 6)
    rows = [
        (item, rater, float(np.clip(np.round(quality[item] + bias[rater] + rng.normal(0, 0.3)), 1, 5)))
        for item in range(120)
        for rater in ((item + shift) % 24 for shift in (0, 7, 13))
    ]
    crowd = RatingTable.from_triples(rows)
    strangers = RatingTable.from_triples((item, place, score) for place, (item, _, score) in enumerate(rows))
    pairs = [
        (compute_alpha(crowd).interval, compute_alpha(strangers).interval),
        (compute_icc(crowd).average.interval, compute_icc(strangers).average.interval),
    ]
    for known, unknown in pairs:
        assert isinstance(known, Interval)
        assert isinstance(unknown, Interval)
        assert known.high - known.low > 1.02 * (unknown.high - unknown.low)


def test_full_agreement_has_no_interval() -> None:
    found = compute_alpha(make_table([[1, 1], [2, 2], [3, 3], [4, 4], [5, 5]]))
    assert found.value == 1
    assert "too few to say" in str(found.interval)


def test_alpha_of_one_item_is_undefined() -> None:
    found = compute_alpha(make_table([[1, 3, 2]]))
    assert "one clip" in str(found.value)
    assert (found.items, found.ratings) == (1, 3)


def test_scores_of_very_many_values_have_alpha_and_no_interval() -> None:
    rng = np.random.default_rng(0)
    quality = rng.uniform(1, 5, (600, 1))
    found = compute_alpha(make_table(quality + rng.normal(0, 0.3, (600, 3))), "interval")
    assert found.value == pytest.approx(0.94, abs=0.02)
    assert "at most 50 different values" in str(found.interval)


def test_an_item_without_which_there_is_no_figure_leaves_too_few_to_say() -> None:
    table = make_table([[1, 1], [1, 1], [1, 2]])
    assert "too few to say" in str(compute_alpha(table).interval)
