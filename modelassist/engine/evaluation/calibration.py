"""Measure whether the five probabilities of an axis are calibrated: of all levels with probability 30%, 30% are true.

Every clip gives five (probability, outcome) pairs per axis; the outcome is whether the MOS rounds to that level.
"""

from collections.abc import Sequence

import numpy as np

from qsave.axes import LEVEL_WORDS, MIN_LEVEL
from qsave.run.calibration import Calibration, CalibrationBin
from qsave.statistics.figures import Bools, Floats, Interval, compute_wilson_interval

BINS = 10


def measure_calibration(probabilities: Sequence[Sequence[float]], levels: Sequence[int]) -> Calibration:
    """Measure calibration in bins of probability, given (n, 5) probabilities and (n,) true levels 1..5.

    The expected calibration error is the mean distance between expected and observed share, weighted by the number of
    pairs in each bin.
    """
    if not len(levels):
        return Calibration()
    expected = np.asarray(probabilities, dtype=float)
    outcomes = np.arange(MIN_LEVEL, MIN_LEVEL + len(LEVEL_WORDS)) == np.asarray(levels)[:, None]
    numbers = np.minimum((expected * BINS).astype(int), BINS - 1)
    bins = tuple(
        _make_bin(int(number), expected[numbers == number], outcomes[numbers == number])
        for number in np.unique(numbers)
    )
    distance = sum(each.count * abs(each.expected - each.observed) for each in bins)
    return Calibration(bins, distance / expected.size)


def _make_bin(number: int, expected: Floats, outcomes: Bools) -> CalibrationBin:
    interval = compute_wilson_interval(int(outcomes.sum()), len(outcomes))
    assert isinstance(interval, Interval)  # a bin has at least one pair
    return CalibrationBin(
        start=number / BINS,
        end=(number + 1) / BINS,
        count=len(outcomes),
        expected=float(expected.mean()),
        observed=float(outcomes.mean()),
        interval=interval,
    )
