"""Whether a rater's scale moves while they rate: the slope of their bias over their own ratings."""

from collections.abc import Collection

import numpy as np
from scipy.special import stdtrit

from qsave.statistics.figures import CONFIDENCE, Estimate, Floats, Interval, Ints, Undefined
from qsave.statistics.raters import compute_peer_means
from qsave.statistics.table import RatingTable

LEAST_SHARED = 20
"""Fewest clips shared with others from which a slope is computed."""
RATINGS = 100
"""A slope is the change of the bias, in levels, over this many ratings of the rater."""
_FLAT = 1e-12


def compute_drifts(table: RatingTable, order: Ints, *, screened: Collection[object] = ()) -> dict[object, Estimate]:
    """Compute each rater's drift, by the rater's id, with a 95% t interval; above 0 their scores rise against those of
    the others. `order` (ratings,) is rising in time. The others are those who count, as for the bias."""
    others, shared = compute_peer_means(table, screened=screened)
    gaps = table.scores - others
    drifts: dict[object, Estimate] = {}
    by_rater = np.lexsort((order, table.raters))
    starts = np.searchsorted(table.raters[by_rater], np.arange(table.rater_count + 1))
    for code, rater in enumerate(table.rater_ids):
        own = by_rater[starts[code] : starts[code + 1]]
        numbers = np.arange(len(own)) / RATINGS
        drifts[rater] = estimate_slope(numbers[shared[own]], gaps[own][shared[own]])
    return drifts


def estimate_slope(times: Floats, values: Floats) -> Estimate:
    """Estimate the slope of `values` over `times` by least squares."""
    if len(times) < LEAST_SHARED:
        return Estimate.undefined(f"a drift needs {LEAST_SHARED} clips shared with others, not {len(times)}")
    centred = times - times.mean()
    spread = float(centred @ centred)
    slope = float(centred @ values / spread)
    left = values - values.mean() - slope * centred
    freedom = len(times) - 2
    variance = float(left @ left) / freedom / spread
    if variance < _FLAT:
        return Estimate(slope, Undefined("too few to say: the differences to the others never vary"))
    reach = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * variance**0.5
    return Estimate(slope, Interval(slope - reach, slope + reach))
