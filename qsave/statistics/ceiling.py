"""What a critic can reach: one person's own showing, and the limit that noise in the MOS sets.

*Single-rater baseline*: one rating of each item, drawn at random, against the mean of that item's others. It is not a
ceiling: a perfect critic, free of one person's noise, passes it. *Ceiling*: sqrt of the reliability of the MOS
(one-way ICC(1,k)), the correlation that the true quality itself would have with these MOS (Spearman 1904); for SRCC the
same on the ranks of the ratings.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qsave.statistics.correlation import mean_ranks, plcc, srcc
from qsave.statistics.figures import RESAMPLES, Estimate, Figure, Floats, Interval, Ints, Undefined, bootstrap
from qsave.statistics.table import RatingTable

DRAWS = 100
"""Random choices of a rating an item that the baseline is the mean of."""

_UNRELIABLE = "the ratings of an item differ no less than those of different items: reliability is not above 0"


@dataclass(frozen=True, slots=True)
class Reach:
    """Both figures for both correlations, over `items` items."""

    items: int
    baseline_srcc: Estimate
    baseline_plcc: Estimate
    ceiling_srcc: Estimate
    ceiling_plcc: Estimate


def reach(table: RatingTable, *, seed: int = 0, resamples: int = RESAMPLES) -> Reach:
    """Baseline and ceiling of one axis with percentile intervals over items (for the baseline those of one draw)."""
    return Reach(
        items=int((table.n >= 2).sum()),
        baseline_srcc=_baseline(table, srcc, seed, resamples),
        baseline_plcc=_baseline(table, plcc, seed, resamples),
        ceiling_srcc=_ceiling(table, mean_ranks(table.scores), seed, resamples),
        ceiling_plcc=_ceiling(table, table.scores, seed, resamples),
    )


def _baseline(
    table: RatingTable, figure: Callable[[npt.ArrayLike, npt.ArrayLike], Figure], seed: int, resamples: int
) -> Estimate:
    first = np.searchsorted(table.items, np.arange(table.item_count))
    paired = np.flatnonzero(table.n >= 2)
    if not len(paired):
        return Estimate.undefined("no item has two ratings")
    rng = np.random.default_rng(seed)
    draws = [_one_against_others(table, first, paired, rng) for _ in range(DRAWS)]
    values = [value for value in (figure(*draw) for draw in draws) if not isinstance(value, Undefined)]
    if 2 * len(values) < DRAWS:
        return Estimate.undefined("too few items, or too little varies")
    mean = float(np.mean(values))
    one, others = draws[0]
    interval = bootstrap(len(paired), lambda i: figure(one[i], others[i]), seed=seed, resamples=resamples)
    return Estimate(mean, _around(mean, interval))


def _around(mean: float, interval: Interval | Undefined) -> Interval | Undefined:
    """The interval of one draw, moved to the mean of all draws and kept within -1 and 1."""
    if isinstance(interval, Undefined):
        return interval
    shift = mean - (interval.low + interval.high) / 2
    return Interval(max(-1.0, interval.low + shift), min(1.0, interval.high + shift))


def _one_against_others(
    table: RatingTable, first: Ints, paired: Ints, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    n = table.n[paired]
    chosen = table.scores[first[paired] + rng.integers(0, n)]
    return chosen, (table.sums[paired] - chosen) / (n - 1)


def _ceiling(table: RatingTable, scores: Floats, seed: int, resamples: int) -> Estimate:
    n = table.n.astype(np.float64)
    sums = table.by_item(scores)
    squares = table.by_item(scores**2) - sums**2 / n

    def figure(chosen: Ints) -> Figure:
        return _root_reliability(n[chosen], sums[chosen], squares[chosen])

    value = figure(np.arange(table.item_count))
    if isinstance(value, Undefined):
        return Estimate(value, value)
    return Estimate(value, bootstrap(table.item_count, figure, seed=seed, resamples=resamples))


def _root_reliability(n: Floats, sums: Floats, squares: Floats) -> Figure:
    """sqrt((MSB - MSW) / MSB) of a one-way layout given by group sizes, sums and within-group sums of squares."""
    groups, total = len(n), n.sum()
    if groups < 2 or total <= groups:
        return Undefined("needs two items and two ratings of one")
    between = (n * (sums / n - sums.sum() / total) ** 2).sum() / (groups - 1)
    within = max(0.0, squares.sum() / (total - groups))
    return float(np.sqrt(1 - within / between)) if between > max(within, 1e-12) else Undefined(_UNRELIABLE)
