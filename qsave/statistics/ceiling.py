"""What a critic can reach: one person's own showing, and the limit that noise in the MOS sets.

*Single-rater baseline*: one rating of each item, drawn at random, against the mean of that item's others. It is not a
ceiling: a perfect critic, free of one person's noise, passes it. *Ceiling*: the correlation that the true quality
itself would have with these MOS (Spearman 1904), sqrt(1 - noise / var(MOS)). The noise of an item with n ratings by
some of R raters is

    s_e^2 / n + (s_b^2 / n) (R - n) / (R - 1)

from the mixed model: where all rate every item, their biases move all MOS alike and are no noise. For SRCC the same on
the ranks of the ratings. Both speak of the MOS that these raters gave.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from qsave.statistics.correlation import mean_ranks, plcc, srcc, weighted_plcc
from qsave.statistics.figures import (
    RESAMPLES,
    THESE_RATERS,
    Estimate,
    Floats,
    Interval,
    Ints,
    Undefined,
    percentile_interval,
)
from qsave.statistics.jackknife import Parts, jackknife
from qsave.statistics.mixed import absorb_items, estimate_variances
from qsave.statistics.table import RatingTable

DRAWS = 100
"""Random choices of a rating an item that the baseline is the mean of."""

_UNRELIABLE = "the ratings of an item differ no less than those of different items: reliability is not above 0"
_MOST_CELLS = 4_000_000
"""Cells of resamples that are held at once."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Both figures for both correlations, over `items` items with two ratings."""

    items: int
    baseline_srcc: Estimate
    baseline_plcc: Estimate
    ceiling_srcc: Estimate
    ceiling_plcc: Estimate


def reach(table: RatingTable, *, seed: int = 0, resamples: int = RESAMPLES) -> Reach:
    """Baseline and ceiling of one axis, from the ratings that count. The baseline has a percentile interval over items
    (that of one draw), the ceiling one over items and raters; `resamples` 0 leaves both out."""
    return Reach(
        items=int((table.n >= 2).sum()),
        baseline_srcc=_baseline(table, True, seed, resamples),
        baseline_plcc=_baseline(table, False, seed, resamples),
        ceiling_srcc=ceiling(table.with_scores(mean_ranks(table.scores)), interval=resamples > 0),
        ceiling_plcc=ceiling(table, interval=resamples > 0),
    )


def ceiling(table: RatingTable, *, interval: bool = True) -> Estimate:
    """The two-way ceiling on the scale of the table's scores."""
    if table.item_count < 2 or len(table) <= table.item_count:
        return Estimate.undefined("needs two items and two ratings of one")
    rater, residual = estimate_variances(absorb_items(table))
    noise = float((residual / table.n + rater * _sampled(table)).mean())
    variance = float(table.means.var(ddof=1))
    if variance <= max(noise, 1e-12):
        return Estimate.undefined(_UNRELIABLE)
    value = float(np.sqrt(1 - noise / variance))
    if not interval:
        return Estimate(value, Undefined("no interval was asked for"))
    share = rater / (rater + residual) if rater + residual > 0 else 0.0
    spread = jackknife(table, _parts(table, share), _log_unreliability)
    if isinstance(spread, Undefined):
        return Estimate(value, spread)
    of_square = spread.below_one(value**2)
    low, high = np.sqrt(np.clip([of_square.low, of_square.high], 0, 1))
    return Estimate(value, Interval(float(low), float(high), spread.population))


def _sampled(table: RatingTable) -> Floats:
    """(R - n) / (R - 1) / n of each item: what is left of the raters' biases in the differences between items."""
    return (table.rater_count - table.n) / max(table.rater_count - 1, 1) / table.n


def _parts(table: RatingTable, share: float) -> Parts:
    """Of each item 1, n - 1, the sum of squares within, mean, mean^2, and the noise of its MOS as a multiple of the
    mean square within, which estimates s_b^2 + s_e^2 whatever the pattern; `share` is that of s_b^2 in it."""
    scores = table.scores - table.scores.mean()
    n, sums, squares = table.n, table.by_item(scores), table.by_item(scores**2)

    def moments(n: Ints, sums: Floats, squares: Floats) -> Floats:
        rated, n = (n > 0).astype(np.float64), np.maximum(n, 1)
        means = sums * rated / n
        noise = rated * (1 - share * (n - 1) / max(table.rater_count - 1, 1)) / n
        return np.stack([rated, n - 1.0, rated * squares - sums * means, means, means**2, noise], axis=1)

    items, own = moments(n, sums, squares), table.items
    without = moments(n[own] - 1, sums[own] - scores, squares[own] - scores**2)
    return Parts(items, np.arange(len(items)), without - items[own], np.arange(len(own)))


def _log_unreliability(sums: Floats) -> Floats:
    """log(noise / var(MOS)) of each table of sums (tables, 6); NaN where too little is left."""
    items, freedom, squares, means, mean_squares, noise = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (mean_squares - means**2 / items) / (items - 1)
        figures: Floats = np.log(squares / freedom * noise / items / variance)
    return figures


def _baseline(table: RatingTable, ranked: bool, seed: int, resamples: int) -> Estimate:
    first = np.searchsorted(table.items, np.arange(table.item_count))
    paired = np.flatnonzero(table.n >= 2)
    if not len(paired):
        return Estimate.undefined("no item has two ratings")
    rng = np.random.default_rng(seed)
    draws = [_one_against_others(table, first, paired, rng) for _ in range(DRAWS)]
    values = [
        value for value in ((srcc if ranked else plcc)(*draw) for draw in draws) if not isinstance(value, Undefined)
    ]
    if 2 * len(values) < DRAWS:
        return Estimate.undefined("too few items, or too little varies")
    mean = float(np.mean(values))
    if resamples == 0:
        return Estimate(mean, Undefined("no interval was asked for"))
    drawn = _resampled(*draws[0], ranked, seed, resamples)
    return Estimate(mean, _around(mean, percentile_interval(drawn[np.isfinite(drawn)], drawn=resamples)))


def _around(mean: float, interval: Interval | Undefined) -> Interval | Undefined:
    """The interval of one draw, moved to the mean of all draws and kept within -1 and 1."""
    if isinstance(interval, Undefined):
        return interval
    shift = mean - (interval.low + interval.high) / 2
    return Interval(max(-1.0, interval.low + shift), min(1.0, interval.high + shift), THESE_RATERS)


def _one_against_others(
    table: RatingTable, first: Ints, paired: Ints, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    n = table.n[paired]
    chosen = table.scores[first[paired] + rng.integers(0, n)]
    return chosen, (table.sums[paired] - chosen) / (n - 1)


def _resampled(one: Floats, others: Floats, ranked: bool, seed: int, resamples: int) -> Floats:
    """The correlation in each of `resamples` draws of items; NaN where nothing varies. Few distinct pairs of values
    occur: what is drawn is how often each does."""
    pairs, counts = np.unique(np.stack([one, others], axis=1), axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    step = max(1, _MOST_CELLS // len(pairs))
    found = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        weights = rng.multinomial(len(one), counts / len(one), size=size).astype(np.float64)
        x, y = (_weighted_ranks(column, weights) if ranked else column[None] for column in pairs.T)
        found.append(weighted_plcc(x, y, weights))
    return np.concatenate(found)


def _weighted_ranks(values: Floats, weights: Floats) -> Floats:
    """Mean ranks of `values` (pairs,) that occur `weights` (draws, pairs) times: (draws, pairs)."""
    distinct, codes = np.unique(values, return_inverse=True)
    member = csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)), shape=(len(codes), len(distinct)))
    totals = np.asarray(weights @ member)
    ranks: Floats = (np.cumsum(totals, axis=1) - totals / 2)[:, codes]
    return ranks
