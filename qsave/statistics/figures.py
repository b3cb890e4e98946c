"""A figure is a number or says why it is none. No estimator here answers NaN, or 0 for "unknown"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Undefined:
    """A figure that cannot be computed from what is there, and why: the text is fit to be shown."""

    reason: str

    def __str__(self) -> str:
        return self.reason


Figure = float | Undefined
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95% interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; either may be undefined, and an undefined value has no interval."""

    value: Figure
    interval: Interval | Undefined

    @classmethod
    def undefined(cls, reason: str) -> Estimate:
        return cls(Undefined(reason), Undefined(reason))


def percentile_interval(values: Floats, *, drawn: int) -> Interval | Undefined:
    """The 2.5 and 97.5 percentiles of the defined resamples; undefined where more than half of `drawn` were not."""
    if not len(values) or 2 * len(values) < drawn:
        return Undefined("the figure is undefined in most resamples: too little varies")
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return Interval(float(low), float(high))


def bootstrap(count: int, figure: Callable[[Ints], Figure], *, seed: int, resamples: int) -> Interval | Undefined:
    """Percentile interval of `figure(indices)` over resamples of `count` units drawn with replacement."""
    if resamples == 0:
        return Undefined("no interval was asked for")
    rng = np.random.default_rng(seed)
    drawn = [figure(rng.integers(0, count, size=count)) for _ in range(resamples)]
    defined = np.array([value for value in drawn if not isinstance(value, Undefined)], dtype=np.float64)
    return percentile_interval(defined, drawn=resamples)
