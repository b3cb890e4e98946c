"""What a critic can reach: the agreement of a single rater, and the limit that noise in the MOS sets.

*Single-rater baseline*: the correlation of a rating with the mean of its item's other ratings, over all items with two
ratings or more; items have equal weight. It is not a ceiling: a perfect critic has no noise of a rater and exceeds it.
*Ceiling*: the correlation that the true quality itself would have with these MOS (Spearman 1904),
sqrt(1 - noise / var(MOS)). The noise of an item with n ratings by some of R raters is

    s_e^2 / n + (s_b^2 / n) (R - n) / (R - 1)

from the mixed model. If all raters rate every item, their biases move all MOS equally and add no noise. For SRCC the
ceiling is computed on the ranks of the ratings. Baseline and ceiling hold for the MOS of these raters.
"""

from dataclasses import dataclass

import numpy as np

from qsave.statistics.alpha import MOST_VALUES
from qsave.statistics.correlation import LEAST_POINTS, compute_ranks
from qsave.statistics.figures import Estimate, Floats, Interval, Ints, Undefined
from qsave.statistics.jackknife import TOO_FEW, Parts, Patterns, jackknife
from qsave.statistics.mixed import absorb_items, estimate_variances
from qsave.statistics.table import RatingTable
from qsave.statistics.weighted_correlation import compute_weighted_plcc, compute_weighted_srcc

_UNRELIABLE = "the ratings of an item differ no less than those of different items: reliability is not above 0"
_MOST_CELLS = 4_000_000
"""Most cells of tables with one unit left out that are in memory at once."""
_FLAT = 1e-9


@dataclass(frozen=True, slots=True)
class Reach:
    """Baseline and ceiling for both correlations, over `items` items with two ratings."""

    items: int
    baseline_srcc: Estimate
    baseline_plcc: Estimate
    ceiling_srcc: Estimate
    ceiling_plcc: Estimate


def measure_reach(table: RatingTable, *, intervals: bool = True) -> Reach:
    """Measure baseline and ceiling of one axis from the ratings that count; intervals are over items and raters."""
    return Reach(
        items=int((table.n >= 2).sum()),
        baseline_srcc=compute_baseline(table, ranked=True, interval=intervals),
        baseline_plcc=compute_baseline(table, ranked=False, interval=intervals),
        ceiling_srcc=compute_ceiling(table.replace_scores(compute_ranks(table.scores)), interval=intervals),
        ceiling_plcc=compute_ceiling(table, interval=intervals),
    )


def compute_ceiling(table: RatingTable, *, interval: bool = True) -> Estimate:
    """Compute the two-way ceiling on the scale of the table's scores."""
    if table.item_count < 2 or len(table) <= table.item_count:
        return Estimate.undefined("needs two items and two ratings of one")
    rater, residual = estimate_variances(absorb_items(table))
    noise = float((residual / table.n + rater * _compute_sampled_share(table)).mean())
    variance = float(table.means.var(ddof=1))
    if variance <= max(noise, 1e-12):
        return Estimate.undefined(_UNRELIABLE)
    value = float(np.sqrt(1 - noise / variance))
    if not interval:
        return Estimate(value, Undefined("no interval was asked for"))
    share = rater / (rater + residual) if rater + residual > 0 else 0.0
    spread = jackknife(table, _compute_parts(table, share), _compute_log_unreliability)
    if isinstance(spread, Undefined):
        return Estimate(value, spread)
    of_square = spread.compute_interval_below_one(value**2)
    low, high = np.sqrt(np.clip([of_square.low, of_square.high], 0, 1))
    if high - low < _FLAT:
        return Estimate(value, Undefined(TOO_FEW))
    return Estimate(value, Interval(float(low), float(high), spread.population))


def _compute_sampled_share(table: RatingTable) -> Floats:
    """Compute (R - n) / (R - 1) / n of each item: the share of the raters' biases in differences between items."""
    return (table.rater_count - table.n) / max(table.rater_count - 1, 1) / table.n


def _compute_parts(table: RatingTable, share: float) -> Parts:
    """Compute for each item 1, n - 1, the sum of squares within, mean, mean^2, and the noise of its MOS as a multiple
    of the mean square within, which estimates s_b^2 + s_e^2 for every pattern; `share` is the share of s_b^2 in it."""
    scores = table.scores - table.scores.mean()
    n, sums, squares = table.n, table.sum_by_item(scores), table.sum_by_item(scores**2)

    def moments(n: Ints, sums: Floats, squares: Floats) -> Floats:
        rated, n = (n > 0).astype(np.float64), np.maximum(n, 1)
        means = sums * rated / n
        noise = rated * (1 - share * (n - 1) / max(table.rater_count - 1, 1)) / n
        return np.stack([rated, n - 1.0, rated * squares - sums * means, means, means**2, noise], axis=1)

    items, own = moments(n, sums, squares), table.items
    without = moments(n[own] - 1, sums[own] - scores, squares[own] - scores**2)
    return Parts(items, np.arange(len(items)), without - items[own], np.arange(len(own)))


def _compute_log_unreliability(sums: Floats) -> Floats:
    """Compute log(noise / var(MOS)) of each table of sums (tables, 6); NaN where too little is left."""
    items, freedom, squares, means, mean_squares, noise = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (mean_squares - means**2 / items) / (items - 1)
        figures: Floats = np.log(squares / freedom * noise / items / variance)
    return figures


def compute_baseline(table: RatingTable, *, ranked: bool, interval: bool = True) -> Estimate:
    """Compute the single-rater baseline: Spearman's correlation if `ranked`, else Pearson's."""
    paired = table.keep(table.n[table.items] >= 2)
    if not len(paired):
        return Estimate.undefined("no clip has two ratings")
    if paired.item_count < LEAST_POINTS:
        return Estimate.undefined(f"needs {LEAST_POINTS} items with two ratings, not {paired.item_count}")
    n = paired.n[paired.items]
    others = (paired.sums[paired.items] - paired.scores) / (n - 1)
    value = float(_compute_correlations(paired.scores, others, (1 / n)[None], ranked)[0])
    if np.isnan(value):
        return Estimate.undefined("all ratings are equal, or the others' means are")
    if not interval:
        return Estimate(value, Undefined("no interval was asked for"))
    values, codes = np.unique(paired.scores, return_inverse=True)
    if len(values) > MOST_VALUES:
        return Estimate(
            value, Undefined(f"an interval is computed for scores of at most {MOST_VALUES} different values")
        )
    if abs(value) > 1 - _FLAT:
        return Estimate(value, Undefined(TOO_FEW))
    one, mean, parts = _list_pairs(Patterns.find(paired, codes, len(values)), values)

    def figure(weights: Floats) -> Floats:
        values = _compute_correlations(one, mean, weights, ranked)
        return np.arctanh(values, out=np.full(len(values), np.nan), where=np.abs(values) < 1 - _FLAT)

    spread = jackknife(paired, parts, figure)
    return Estimate(value, spread if isinstance(spread, Undefined) else spread.compute_correlation_interval(value))


def _list_pairs(patterns: Patterns, values: Floats) -> tuple[Floats, Floats, Parts]:
    """Return the distinct pairs of a rating (pairs,) and the mean of its item's others (pairs,), and what each pattern
    adds to the weight of each pair; one item has weight 1."""
    counts = np.concatenate([patterns.counts, patterns.without])
    n = counts.sum(axis=1, keepdims=True)
    others = (counts @ values[:, None] - values) / np.maximum(n - 1, 1)
    rows, levels = np.nonzero((counts > 0) & (n > 1))
    pairs, codes = np.unique(np.stack([values[levels], others[rows, levels]], axis=1), axis=0, return_inverse=True)
    weights = np.zeros((len(counts), len(pairs)))
    weights[rows, codes] = counts[rows, levels] / n[rows, 0]
    items = len(patterns.counts)
    return pairs[:, 0], pairs[:, 1], patterns.make_parts(weights[:items], weights[items:])


def _compute_correlations(one: Floats, others: Floats, weights: Floats, ranked: bool) -> Floats:
    """Compute the correlation of each case (cases,), pairs having `weights` (cases, pairs); NaN where nothing
    varies."""
    weights = np.maximum(weights, 0.0)  # a pair that was left out may leave a rounding error
    step = max(1, _MOST_CELLS // len(one))
    chunks = [weights[start : start + step] for start in range(0, len(weights), step)]
    if ranked:
        return np.concatenate([compute_weighted_srcc(one, others, chunk) for chunk in chunks])
    return np.concatenate([compute_weighted_plcc(one[None], others[None], chunk) for chunk in chunks])
