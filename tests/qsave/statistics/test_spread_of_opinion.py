"""The SOS parameter of scores whose parameter is known exactly."""

import numpy as np
import pytest

from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.spread_of_opinion import compute_sos
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table


def draw_table(scores: np.ndarray) -> RatingTable:
    items, raters = np.divmod(np.arange(scores.size), scores.shape[1])
    return RatingTable.from_columns(items, raters, scores.ravel())


def test_four_tosses_of_a_coin_have_a_quarter_even_with_three_ratings() -> None:
    """Hossfeld et al. 2011: 1 + binomial(4, p) has variance 4 p (1 - p), and (x - 1)(5 - x) is 16 p (1 - p)."""
    rng = np.random.default_rng(4)
    chances = rng.random((4000, 1))
    estimate = compute_sos(draw_table(1 + rng.binomial(4, chances, (4000, 3))))
    assert estimate.value == pytest.approx(0.25, abs=0.01)
    assert isinstance(estimate.interval, Interval)
    assert estimate.interval.low < 0.25 < estimate.interval.high


def test_only_the_ends_of_the_scale_have_one() -> None:
    rng = np.random.default_rng(5)
    scores = np.where(rng.random((4000, 3)) < rng.random((4000, 1)), 5, 1)
    assert compute_sos(draw_table(scores)).value == pytest.approx(1, abs=0.02)


def test_agreement_has_nought_and_too_few_say_why() -> None:
    agreed = compute_sos(make_table([[2, 2], [4, 4]]))
    assert (agreed.value, isinstance(agreed.interval, Undefined)) == (0, True)
    assert "two ratings" in str(compute_sos(make_table([[3], [4]])).value)
    assert "no room" in str(compute_sos(make_table([[5, 5], [1, 1]])).value)
