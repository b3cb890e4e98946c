"""Gwet's AC2: agreement corrected for chance where one level dominates.

Alpha takes the agreement of two random ratings as chance. If nearly all ratings are one level, that is nearly certain,
and alpha is low however well raters agree. AC2 estimates chance from the ratings that are hard (Gwet 2008, 2014):

    AC2 = (p_a - p_e) / (1 - p_e),  p_e = sum(w) / (q (q - 1)) sum_k pi_k (1 - pi_k)

over q levels with weights w, pi_k the mean share of level k in an item's ratings. p_a is the mean weighted agreement of
the pairs of an item, over items with two ratings. The weights are quadratic: 1 - (k - l)^2 / (q - 1)^2. With weights
of 1 for equal levels only it is AC1.
"""

import numpy as np

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import Estimate, Floats, Ints, Undefined
from qsave.statistics.jackknife import Patterns, compute_log_one_minus, jackknife
from qsave.statistics.table import RatingTable

DOMINANT = 0.6
"""From this share of the ratings on, a level dominates, and AC2 belongs beside alpha."""
LEVELS = MAX_LEVEL - MIN_LEVEL + 1
_FLAT = 1e-12


def compute_dominant_share(table: RatingTable) -> float:
    """Compute the share of the most frequent score; 0 without ratings."""
    counts = np.unique(table.scores, return_counts=True)[1]
    return float(counts.max() / counts.sum()) if len(counts) else 0.0


def make_quadratic_weights(levels: int) -> Floats:
    """Return the weight of each pair of levels (levels, levels)."""
    gaps = np.subtract.outer(np.arange(levels), np.arange(levels))
    weights: Floats = 1.0 - gaps**2 / (levels - 1) ** 2
    return weights


def compute_ac2(table: RatingTable, *, weights: Floats | None = None) -> Estimate:
    """Compute AC2 of whole scores from MIN_LEVEL to MAX_LEVEL, with an interval over items and raters."""
    weights = make_quadratic_weights(LEVELS) if weights is None else weights
    if not (table.n >= 2).any():
        return Estimate.undefined("no clip has two ratings: agreement of one rating is undefined")
    patterns = Patterns.find(table, table.scores.astype(np.int64) - MIN_LEVEL, LEVELS)
    parts = patterns.make_parts(_count_agreement(patterns.counts, weights), _count_agreement(patterns.without, weights))
    value = float(_compute_from_sums(parts.total[None], weights)[0])
    if value >= 1 - _FLAT:
        return Estimate(value, Undefined("too few to say: all ratings of each clip agree"))
    spread = jackknife(table, parts, lambda sums: compute_log_one_minus(_compute_from_sums(sums, weights)))
    return Estimate(value, spread if isinstance(spread, Undefined) else spread.compute_interval_below_one(value))


def _count_agreement(counts: Ints, weights: Floats) -> Floats:
    """Return of each item with these counts of levels: whether it has a rating and two ratings, the weighted agreement
    of its pairs, and the share of each level (items, 3 + levels)."""
    n = counts.sum(axis=1, keepdims=True)
    pairs = (counts * (counts @ weights - np.diag(weights))).sum(axis=1, keepdims=True)
    agreement = np.divide(pairs, n * (n - 1), out=np.zeros(pairs.shape), where=n > 1)
    shares = counts / np.maximum(n, 1)
    return np.concatenate([n > 0, n > 1, agreement, shares], axis=1)


def _compute_from_sums(sums: Floats, weights: Floats) -> Floats:
    """Compute AC2 of each table of sums (tables, 3 + levels); NaN where nothing is left."""
    levels = len(weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = sums[:, 3:] / sums[:, :1]
        chance = weights.sum() / (levels * (levels - 1)) * (shares * (1 - shares)).sum(axis=1)
        figures: Floats = (sums[:, 2] / sums[:, 1] - chance) / (1 - chance)
    return np.where(sums[:, 1] > 0.5, figures, np.nan)
