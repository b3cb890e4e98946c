"""One-way intraclass correlations ICC(1,1) and ICC(1,k) of Shrout and Fleiss (1979), on sparse tables.

In a campaign each item has different raters, and rarely the same number of them: a one-way, unbalanced layout.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtri

from qsave.statistics.figures import CONFIDENCE, THESE_RATERS, Estimate, Floats, Interval, Undefined
from qsave.statistics.jackknife import Parts, jackknife
from qsave.statistics.table import RatingTable

LEAST_ITEMS = 20
"""Fewest items for a jackknife interval."""
_UPPER = (1 + CONFIDENCE) / 2
_EQUAL_ITEMS = "clips do not differ at all"
_FLAT = 1e-12
_SMALL = "needs two clips and two ratings of one"


@dataclass(frozen=True, slots=True)
class OneWay:
    """Reliability of one rating and of the mean of an item's ratings; `k` is the typical number of ratings, n0."""

    single: Estimate
    average: Estimate
    k: float


def compute_icc(table: RatingTable) -> OneWay:
    """Compute ICC(1,1) and ICC(1,k) of an unbalanced one-way layout, with n0 = (N - sum n^2 / N) / (items - 1) as k.

    The intervals are over items and raters (see `jackknife`), on the scale of log(1 - ICC). With fewer than LEAST_ITEMS
    items they are those of the F ratio with n0 as k, which holds for normal scores of these raters.
    """
    total, groups = len(table), table.item_count
    if groups < 2 or total <= groups:
        return OneWay(Estimate.undefined(_SMALL), Estimate.undefined(_SMALL), 0.0)
    k = float((total - (table.n**2).sum() / total) / (groups - 1))
    between = float((table.n * (table.means - table.scores.mean()) ** 2).sum() / (groups - 1))
    within = float(table.squares.sum() / (total - groups))
    single, average = _compute_from_f(between, within, k, groups - 1, total - groups)
    if groups >= LEAST_ITEMS:
        parts = _compute_parts(table)
        single, average = _add_interval(table, parts, single, 0), _add_interval(table, parts, average, 1)
    else:
        single, average = _limit_to_these_raters(single), _limit_to_these_raters(average)
    return OneWay(single, average, k)


def _compute_parts(table: RatingTable) -> Parts:
    """Compute for each item 1, n, n^2, its sum, its sum of squares and its squared sum over n, and their change without
    each of its ratings. Scores are centred first, for numerical accuracy."""
    scores = table.scores - table.scores.mean()
    n, sums, squares = table.n.astype(np.float64), table.sum_by_item(scores), table.sum_by_item(scores**2)
    items = _compute_moments(n, sums, squares)
    left, own = n[table.items] - 1, table.items
    changes = _compute_moments(left, sums[own] - scores, squares[own] - scores**2) - items[own]
    return Parts(items, np.arange(len(items)), changes, np.arange(len(changes)))


def _compute_moments(n: Floats, sums: Floats, squares: Floats) -> Floats:
    means = np.divide(sums, n, out=np.zeros_like(sums), where=n > 0)
    return np.stack([(n > 0).astype(np.float64), n, n**2, np.where(n > 0, sums, 0), squares, sums * means], axis=1)


def _compute_mean_squares(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Compute the mean squares between and within items, and n0, of each table (tables,); NaN where too little is
    left."""
    groups, total, n_squared, scores, squares, between = sums.T
    enough = (groups > 1.5) & (total > groups + 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = (total - n_squared / total) / (groups - 1)
        msb, msw = (between - scores**2 / total) / (groups - 1), (squares - between) / (total - groups)
    return np.where(enough, msb, np.nan), np.where(enough, np.maximum(msw, 0.0), np.nan), k


def _add_interval(table: RatingTable, parts: Parts, estimate: Estimate, which: int) -> Estimate:
    """Give the estimate an interval over items and raters. `which` is 0 for the reliability of one rating, 1 for that
    of the mean of an item's ratings."""
    if isinstance(estimate.value, Undefined) or isinstance(estimate.interval, Undefined):
        return estimate

    def logs(sums: Floats) -> Floats:
        between, within, k = _compute_mean_squares(sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(k * within / (between + (k - 1) * within)) if which == 0 else np.log(within / between)

    spread = jackknife(table, parts, logs)
    return Estimate(
        estimate.value, spread if isinstance(spread, Undefined) else spread.compute_interval_below_one(estimate.value)
    )


def _limit_to_these_raters(estimate: Estimate) -> Estimate:
    interval = estimate.interval
    return (
        estimate
        if isinstance(interval, Undefined)
        else Estimate(estimate.value, Interval(interval.low, interval.high, THESE_RATERS))
    )


def _compute_from_f(between: float, error: float, k: float, df1: float, df2: float) -> tuple[Estimate, Estimate]:
    """Compute single and average reliability with their intervals from one F ratio."""
    if _is_zero(between) and _is_zero(error):
        reason = "all ratings are equal"
        return Estimate.undefined(reason), Estimate.undefined(reason)
    single = (between - error) / (between + (k - 1) * error)
    if _is_zero(between):
        return Estimate(single, Undefined(_EQUAL_ITEMS)), Estimate.undefined(_EQUAL_ITEMS)
    average = (between - error) / between
    if _is_zero(error):
        exact = Undefined("raters never differ, so the F ratio has no upper bound")
        return Estimate(single, exact), Estimate(average, exact)
    f = between / error
    low, high = f / float(fdtri(df1, df2, _UPPER)), f * float(fdtri(df2, df1, _UPPER))
    spread = Interval((low - 1) / (low + k - 1), (high - 1) / (high + k - 1))
    return Estimate(single, spread), Estimate(average, Interval(1 - 1 / low, 1 - 1 / high))


def _is_zero(mean_square: float) -> bool:
    """Return whether a mean square is zero up to rounding."""
    return abs(mean_square) < _FLAT
