"""Means over dependent units, with Student's t over their groups. It is exact for normal means of groups of equal size,
and valid from two groups on, where a bootstrap is far too narrow."""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from qsave.statistics.figures import CONFIDENCE, ONE_GROUP, THESE_RATERS, Estimate, Floats, Interval, Undefined

NO_WIDTH = "all prompt groups have the same mean: too few to say"
_FLAT = 1e-9


def compute_group_mean(values: npt.ArrayLike, groups: Sequence[Hashable], *, least: float, most: float) -> Estimate:
    """Compute the mean of `values` (n,) with a 95% t interval over `groups` (the group of each value), clipped to
    `least` and `most`. The interval holds for these raters, as their biases move all values equally."""
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        return Estimate.undefined("nothing has been rated yet")
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    counts: Floats = np.bincount(codes).astype(np.float64)
    mean = float(array.mean())
    if len(counts) < 2:
        return Estimate(mean, Undefined(ONE_GROUP))
    error = compute_standard_error(np.bincount(codes, weights=array).astype(np.float64), counts)
    if error < _FLAT:
        return Estimate(mean, Undefined(NO_WIDTH))
    reach = float(stdtrit(len(counts) - 1, (1 + CONFIDENCE) / 2)) * error
    low, high = np.clip([mean - reach, mean + reach], least, most)
    return Estimate(mean, Interval(float(low), float(high), THESE_RATERS))


def compute_standard_error(sums: Floats, counts: Floats) -> float:
    """Compute the standard error of sum(sums) / sum(counts) from the sum and number of values of two or more groups
    (groups,)."""
    mean = sums.sum() / counts.sum()
    left = ((sums - mean * counts) ** 2).sum()
    return float(np.sqrt(len(sums) / (len(sums) - 1) * left) / counts.sum())
