"""Means over units that hang together, with Student's t over their groups: exact for normal group means of equal size,
and right from two groups on, where a bootstrap is far too narrow."""

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from qsave.statistics.figures import CONFIDENCE, ONE_GROUP, THESE_RATERS, Estimate, Floats, Interval, Undefined

NO_WIDTH = "all prompt groups have the same mean: too few to say"
_FLAT = 1e-9


def mean_over_groups(values: npt.ArrayLike, groups: Sequence[Hashable], *, least: float, most: float) -> Estimate:
    """The mean of `values` (n,) with a 95% t interval over `groups` (the group of each value), clipped to `least` and
    `most`. The interval holds for these raters: their biases move all values alike."""
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return Estimate.undefined("nothing has been rated yet")
    places: dict[Hashable, int] = {}
    codes = np.array([places.setdefault(group, len(places)) for group in groups], dtype=np.int64)
    counts: Floats = np.bincount(codes).astype(np.float64)
    mean = float(numbers.mean())
    if len(counts) < 2:
        return Estimate(mean, Undefined(ONE_GROUP))
    error = standard_error(np.bincount(codes, weights=numbers).astype(np.float64), counts)
    if error < _FLAT:
        return Estimate(mean, Undefined(NO_WIDTH))
    reach = float(stdtrit(len(counts) - 1, (1 + CONFIDENCE) / 2)) * error
    low, high = np.clip([mean - reach, mean + reach], least, most)
    return Estimate(mean, Interval(float(low), float(high), THESE_RATERS))


def standard_error(sums: Floats, counts: Floats) -> float:
    """Of sum(sums) / sum(counts), from the sum and the number of values of each group (groups,), two or more."""
    mean = sums.sum() / counts.sum()
    left = ((sums - mean * counts) ** 2).sum()
    return float(np.sqrt(len(sums) / (len(sums) - 1) * left) / counts.sum())
