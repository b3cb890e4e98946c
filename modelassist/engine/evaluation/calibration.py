"""Do the five probabilities of an axis mean what they say: of all that were given 30%, did 30% come true?

Every clip gives five (probability, outcome) pairs an axis: the outcome is whether that level is the one people's MOS
rounds to.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from qsave.axes import LEVEL_WORDS, MIN_LEVEL
from qsave.statistics.figures import Interval, wilson

BINS = 10


def calibration(shares: Sequence[Sequence[float]], levels: Sequence[int]) -> dict[str, Any]:
    """Reliability by bins of probability, (n, 5) against (n,) levels 1..5, and the expected calibration error: the mean
    distance of expected from observed share, weighted by how many pairs a bin holds."""
    if not len(levels):
        return {"bins": [], "error": None}
    said = np.asarray(shares, dtype=float)
    true = np.arange(MIN_LEVEL, MIN_LEVEL + len(LEVEL_WORDS)) == np.asarray(levels)[:, None]
    places = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = [_bin(number, said[places == number], true[places == number]) for number in range(BINS)]
    kept = [found for found in bins if found["count"]]
    distance = sum(found["count"] * abs(found["expected"] - found["observed"]) for found in kept)
    return {"bins": kept, "error": distance / said.size}


def _bin(number: int, said: Any, true: Any) -> dict[str, Any]:
    count = len(said)
    if not count:
        return {"count": 0}
    interval = wilson(int(true.sum()), count)
    assert isinstance(interval, Interval)  # undefined for nothing only
    return {
        "from": number / BINS,
        "to": (number + 1) / BINS,
        "count": count,
        "expected": float(said.mean()),
        "observed": float(true.mean()),
        "low": interval.low,
        "high": interval.high,
    }
