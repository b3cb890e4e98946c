"""How many ratings a clip needs for an interval of a given width: against tables of t, worked by hand."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qsave.statistics.mos import compute_half_width, count_ratings_needed

# Of a printed table of t (0.975): degrees of freedom and the value, each with an SD at which n just does and n - 1 not.
#   sd 1.0: n 45: 2.0154 / sqrt(45) = 0.3004      n 46: 2.0141 / sqrt(46) = 0.2970
#   sd 0.7: n 23: 2.0739 * 0.7 / sqrt(23) = 0.3027    n 24: 2.0687 * 0.7 / sqrt(24) = 0.2956
#   sd 0.5: n 13: 2.1788 * 0.5 / sqrt(13) = 0.3021    n 14: 2.1604 * 0.5 / sqrt(14) = 0.2887
#   sd 0.3: n  6: 2.5706 * 0.3 / sqrt(6)  = 0.3148    n  7: 2.4469 * 0.3 / sqrt(7)  = 0.2775
#   sd 0.1: n  2: 12.706 * 0.1 / sqrt(2)  = 0.8985    n  3: 4.3027 * 0.1 / sqrt(3)  = 0.2484
BY_HAND = [(1.0, 46), (0.7, 24), (0.5, 14), (0.3, 7), (0.1, 3), (0.0, 2)]


@pytest.mark.parametrize(("sd", "n"), BY_HAND)
def test_by_hand(sd: float, n: int) -> None:
    assert count_ratings_needed(sd) == n


def test_a_wider_interval_by_hand() -> None:
    # sd 0.8, half width 0.5: n 12: 2.2010 * 0.8 / sqrt(12) = 0.5083; n 13: 2.1788 * 0.8 / sqrt(13) = 0.4834
    assert count_ratings_needed(0.8, 0.5) == 13


@given(sd=st.floats(0.01, 2.0), width=st.floats(0.1, 1.5))
def test_it_is_the_fewest_by_the_distribution_itself(sd: float, width: float) -> None:
    n = count_ratings_needed(sd, width)

    def reach(k: int) -> float:
        return float(stats.t(k - 1).interval(0.95)[1]) * sd / sqrt(k)

    assert reach(n) <= width * (1 + 1e-9)
    assert n == 2 or reach(n - 1) > width * (1 - 1e-9)


def test_the_reach_is_that_of_the_t_interval() -> None:
    """Scores 1 2 4 4: mean 2.75, SD 1.5."""
    low, high = stats.t(3, loc=2.75, scale=1.5 / 2).interval(0.95)
    assert compute_half_width(1.5, 4) == pytest.approx((high - low) / 2)


@pytest.mark.parametrize(("sd", "width"), [(-1, 0.3), (float("nan"), 0.3), (float("inf"), 0.3), (1, 0), (1, -1)])
def test_no_spread_and_no_width_is_an_error(sd: float, width: float) -> None:
    with pytest.raises(ValueError):
        count_ratings_needed(sd, width)


def test_one_rating_has_no_interval() -> None:
    with pytest.raises(ValueError):
        compute_half_width(1.0, 1)
