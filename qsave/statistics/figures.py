"""A figure is a number, or Undefined with a reason. No estimator returns NaN, or 0 for "unknown"."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RESAMPLES = 1000
CONFIDENCE = 0.95
MOST_CELLS = 1_000_000
"""Most numbers of an array over all resamples that is in memory at once."""
THESE_RATERS = "for these raters"
"""The population of an interval that does not hold for other raters."""
_FLAT = 1e-9
ONE_GROUP = "one prompt group alone has no interval"


@dataclass(frozen=True, slots=True)
class Undefined:
    """A figure that cannot be computed, and the reason in words for a page."""

    reason: str

    def __str__(self) -> str:
        return self.reason


Figure = float | Undefined
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95% interval. `population` is empty if the interval also holds for other raters. Otherwise it names the raters
    for whom it holds (THESE_RATERS), and pages show it beside the interval."""

    low: float
    high: float
    population: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; either may be undefined, and an undefined value has no interval."""

    value: Figure
    interval: Interval | Undefined

    @classmethod
    def undefined(cls, reason: str) -> Estimate:
        return cls(Undefined(reason), Undefined(reason))


def compute_percentile_interval(values: Floats, *, drawn: int) -> Interval | Undefined:
    """Return the 2.5 and 97.5 percentiles of the defined resamples. Undefined if more than half of the `drawn` ones are
    undefined, or if all are equal: an interval without width would claim certainty."""
    if not len(values) or 2 * len(values) < drawn:
        return Undefined("the figure is undefined in most resamples: too little varies")
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    if high - low < _FLAT:
        return Undefined("it is the same in every resample")
    return Interval(float(low), float(high))


def bootstrap(count: int, figure: Callable[[Ints], Figure], *, seed: int, resamples: int) -> Interval | Undefined:
    """Return the percentile interval of `figure(indices)` over resamples of `count` units with replacement."""
    if resamples == 0:
        return Undefined("no interval was asked for")
    rng = np.random.default_rng(seed)
    drawn = [figure(rng.integers(0, count, size=count)) for _ in range(resamples)]
    defined = np.array([value for value in drawn if not isinstance(value, Undefined)], dtype=np.float64)
    return compute_percentile_interval(defined, drawn=resamples)


def bootstrap_clusters(
    groups: Sequence[Hashable], figure: Callable[[Ints], Figure], *, seed: int, resamples: int
) -> Interval | Undefined:
    """Bootstrap units that depend on each other: those of one group (the clips of a prompt, say) are drawn together.
    `groups` names the group of each unit."""
    members = _list_members(groups)
    if len(members) < 2:
        return Undefined(ONE_GROUP)
    return bootstrap(
        len(members),
        lambda drawn: figure(np.concatenate([members[group] for group in drawn])),
        seed=seed,
        resamples=resamples,
    )


def draw_group_counts(groups: int, *, seed: int, resamples: int, most_cells: int = MOST_CELLS) -> Iterator[Ints]:
    """Draw `groups` groups with replacement for each resample. Yield how often each is drawn (draws, groups), for some
    draws at a time: at most `most_cells` numbers, but for one draw at least."""
    rng = np.random.default_rng(seed)
    step = max(1, most_cells // groups)
    for start in range(0, resamples, step):
        draws = min(step, resamples - start)
        drawn = rng.integers(0, groups, size=(draws, groups)) + groups * np.arange(draws)[:, None]
        yield np.bincount(drawn.ravel(), minlength=draws * groups).reshape(draws, groups)


def estimate_ratio(
    above: Floats, below: Floats, groups: Sequence[Hashable], *, seed: int, resamples: int, nothing: str
) -> Estimate:
    """Estimate sum of `above` over sum of `below` (a share, a mean, an F1) with a cluster bootstrap interval.

    `nothing` is the reason if `below` sums to 0. A share of 0 or 1 has no interval: every resample would give it again.
    """
    if below.sum() == 0:
        return Estimate.undefined(nothing)
    value = float(above.sum() / below.sum())
    members = _list_members(groups)
    if len(members) < 2:
        return Estimate(value, Undefined(ONE_GROUP))
    if resamples == 0:
        return Estimate(value, Undefined("no interval was asked for"))
    sums = np.array([[above[units].sum(), below[units].sum()] for units in members])
    drawn = np.concatenate([counts @ sums for counts in draw_group_counts(len(sums), seed=seed, resamples=resamples)])
    defined = drawn[drawn[:, 1] > 0]
    return Estimate(value, compute_percentile_interval(defined[:, 0] / defined[:, 1], drawn=resamples))


def compute_wilson_interval(count: int, of: int) -> Interval | Undefined:
    """Compute Wilson's 95% interval of a share. Unlike a bootstrap it is also valid for a share of 0 or 1."""
    if of == 0:
        return Undefined("there is nothing to count")
    z = float(ndtri((1 + CONFIDENCE) / 2))
    centre = (count + z * z / 2) / (of + z * z)
    reach = z / (of + z * z) * (count * (of - count) / of + z * z / 4) ** 0.5
    return Interval(max(0.0, centre - reach), min(1.0, centre + reach))


def _list_members(groups: Sequence[Hashable]) -> list[Ints]:
    """Return the positions of each group's units, groups in the order of their first unit."""
    positions: dict[Hashable, list[int]] = {}
    for position, group in enumerate(groups):
        positions.setdefault(group, []).append(position)
    return [np.array(members, dtype=np.int64) for members in positions.values()]
