"""Gwet's AC1 and AC2: an answer from the literature, the definition by hand, and why it is given beside alpha."""

from itertools import permutations

import numpy as np
import pytest

from qsave.statistics.alpha import compute_alpha
from qsave.statistics.chance import (
    LEVELS,
    compute_ac2,
    compute_dominant_share,
    make_quadratic_weights,
)
from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table

NONE = np.nan
KRIPPENDORFF = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
])  # fmt: skip


def make_sparse(cells: np.ndarray) -> RatingTable:
    """Make a table from scores (raters, items), NaN where missing."""
    raters, items = np.nonzero(np.isfinite(cells))
    return RatingTable.from_columns(items, raters, cells[raters, items])


def compute_by_hand(cells: np.ndarray, weights: np.ndarray) -> float:
    """Compute AC2 pair by pair from its definition."""
    units = [[int(score) - 1 for score in column[np.isfinite(column)]] for column in cells.T]
    agreement = np.mean([np.mean([weights[a, b] for a, b in permutations(unit, 2)]) for unit in units if len(unit) > 1])
    shares = np.mean([np.bincount(unit, minlength=LEVELS) / len(unit) for unit in units if unit], axis=0)
    chance = weights.sum() / (LEVELS * (LEVELS - 1)) * sum(share * (1 - share) for share in shares)
    return float((agreement - chance) / (1 - chance))


def test_ac1_is_that_of_gwets_handbook() -> None:
    """Gwet (2014), table 2.10 (the ratings of Krippendorff 2011): AC1 is .77544."""
    assert compute_ac2(make_sparse(KRIPPENDORFF), weights=np.eye(LEVELS)).value == pytest.approx(0.77544, abs=5e-6)


def test_ac2_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(2)
    weights = make_quadratic_weights(LEVELS)
    for _ in range(20):
        cells = np.where(rng.random((5, 9)) < 0.3, np.nan, rng.integers(1, 6, (5, 9)).astype(np.float64))
        assert compute_ac2(make_sparse(cells)).value == pytest.approx(compute_by_hand(cells, weights))


def test_where_one_level_dominates_ac2_is_high_and_alpha_is_not() -> None:
    rng = np.random.default_rng(3)
    cells = np.where(rng.random((4, 200)) < 0.06, 4.0, 5.0)
    table = make_sparse(cells)
    ac2, alpha = compute_ac2(table), compute_alpha(table).value
    assert compute_dominant_share(table) > 0.9
    assert not isinstance(ac2.value, Undefined)
    assert not isinstance(alpha, Undefined)
    assert ac2.value > 0.9 > 0.2 > alpha
    assert isinstance(ac2.interval, Interval)
    assert ac2.interval.low < ac2.value < ac2.interval.high <= 1


def test_too_few_ratings_say_why() -> None:
    assert "two ratings" in str(compute_ac2(make_table([[3], [4]])).value)
    assert "agree" in str(compute_ac2(make_table([[3, 3], [4, 4]])).interval)
    assert compute_dominant_share(RatingTable.from_triples([])) == 0
