"""Krippendorff's alpha: 1 is full agreement, 0 is agreement by chance, below 0 is systematic disagreement.

After Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): coincidences of values within units, weighted
by the squared difference of the metric. Missing cells are allowed; a unit with one value has no pair and is left out.
The interval is over items and raters (see `jackknife`), on the scale of log(1 - alpha), so it never exceeds 1.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qsave.statistics.figures import RESAMPLES, Estimate, Figure, Floats, Interval, Ints, Undefined
from qsave.statistics.jackknife import Parts, Patterns, compute_log_one_minus, jackknife
from qsave.statistics.table import RatingTable

Metric = Literal["nominal", "ordinal", "interval", "ratio"]

MOST_VALUES = 50
"""Most distinct scores for which an interval is computed: the table of coincidences grows with their square."""
_MOST_CELLS = 4_000_000
"""Cells of coincidence tables in memory at once."""


@dataclass(frozen=True, slots=True)
class Alpha:
    """Alpha and its interval, over `items` items with two ratings or more and the `ratings` on them."""

    value: Figure
    interval: Interval | Undefined
    items: int
    ratings: int

    @property
    def estimate(self) -> Estimate:
        """Alpha as an `Estimate`, as other estimators return it."""
        return Estimate(self.value, self.interval)


def compute_alpha(
    table: RatingTable, metric: Metric = "ordinal", *, seed: int = 0, resamples: int = RESAMPLES
) -> Alpha:
    """Compute alpha of a table under one metric; `resamples` 0 leaves the interval out. Ratio needs scores of one
    sign."""
    paired = table.keep(table.n[table.items] >= 2)
    values, codes = np.unique(paired.scores, return_inverse=True)
    if metric == "ratio" and len(values) and values[0] < 0 < values[-1]:
        raise ValueError("The ratio metric needs scores of one sign.")
    if not len(paired):
        nothing = Undefined("no clip has two ratings: agreement of one rating is undefined")
        return Alpha(nothing, nothing, 0, 0)
    if paired.item_count < 2:
        single = Undefined("one clip alone has no agreement: nothing tells what chance would give")
        return Alpha(single, single, paired.item_count, len(paired))
    patterns = Patterns.find(paired, codes, len(values))
    value = float(_compute_alphas(_sum_coincidences(patterns)[None], values, metric)[0])
    if np.isnan(value):
        equal = Undefined("all ratings are equal: with nothing to tell apart, agreement is undefined")
        return Alpha(equal, equal, paired.item_count, len(paired))
    if not resamples:
        interval: Interval | Undefined = Undefined("no interval was asked for")
    elif value >= 1 - 1e-12:
        interval = Undefined("too few to say: all ratings of each clip agree")
    elif len(values) > MOST_VALUES:
        interval = Undefined(f"an interval is computed for scores of at most {MOST_VALUES} different values")
    else:
        interval = _compute_interval(paired, _compute_parts(patterns), values, metric, value)
    return Alpha(value, interval, paired.item_count, len(paired))


def _compute_interval(
    paired: RatingTable, parts: Parts, values: Floats, metric: Metric, value: float
) -> Interval | Undefined:
    spread = jackknife(paired, parts, lambda sums: compute_log_one_minus(_compute_alphas(sums, values, metric)))
    return spread if isinstance(spread, Undefined) else spread.compute_interval_below_one(value)


def _sum_coincidences(patterns: Patterns) -> Floats:
    """Sum the coincidences of all items (levels^2,)."""
    counts = patterns.counts.astype(np.float64)
    pairs = np.bincount(patterns.of_item, minlength=len(counts)) / (counts.sum(axis=1) - 1)
    total: Floats = (counts.T * pairs) @ counts - np.diag(pairs @ counts)
    return total.ravel()


def _compute_parts(patterns: Patterns) -> Parts:
    """Compute the coincidences (levels^2,) of each pattern of values on an item, and their change without one value."""
    return patterns.make_parts(_compute_coincidences(patterns.counts), _compute_coincidences(patterns.without))


def _compute_coincidences(counts: Ints) -> Floats:
    """Compute the coincidences of each item (items, levels^2) from its counts of values (items, levels)."""
    n = counts.sum(axis=1)
    pairs = np.divide(1.0, n - 1, out=np.zeros(len(n)), where=n > 1)
    own = counts[:, :, None] * np.eye(counts.shape[1], dtype=np.int64)
    coincidences: Floats = (counts[:, :, None] * counts[:, None, :] - own) * pairs[:, None, None]
    return coincidences.reshape(len(n), -1)


def _compute_alphas(sums: Floats, values: Floats, metric: Metric) -> Floats:
    """Compute alpha of each table of coincidences (tables, levels^2); NaN where all values are equal."""
    step = max(1, _MOST_CELLS // len(values) ** 2)
    chunks = [_compute_chunk(sums[start : start + step], values, metric) for start in range(0, len(sums), step)]
    return np.concatenate(chunks)


def _compute_chunk(sums: Floats, values: Floats, metric: Metric) -> Floats:
    coincidences = sums.reshape(-1, len(values), len(values))
    marginals = coincidences.sum(axis=2)
    distances = _compute_distances(values, marginals, metric)
    expected = np.einsum("ti,tij,tj->t", marginals, distances, marginals, optimize=True)
    observed = np.einsum("tij,tij->t", coincidences, distances)
    ratio = np.divide(observed, expected, out=np.full(len(sums), np.nan), where=expected > 1e-12)
    alphas: Floats = 1 - (marginals.sum(axis=1) - 1) * ratio
    return alphas


def _compute_distances(values: Floats, marginals: Floats, metric: Metric) -> Floats:
    """Compute the squared differences (tables or 1, levels, levels) of a metric."""
    if metric == "ordinal":
        middle = np.cumsum(marginals, axis=1) - marginals / 2
        return (middle[:, :, None] - middle[:, None, :]) ** 2
    return np.broadcast_to(_compute_fixed_distances(values, metric), (len(marginals), len(values), len(values)))


def _compute_fixed_distances(values: Floats, metric: Metric) -> Floats:
    if metric == "nominal":
        return 1 - np.eye(len(values))
    difference = values[:, None] - values[None, :]
    if metric == "interval":
        return difference**2
    total = values[:, None] + values[None, :]
    return np.divide(difference, total, out=np.zeros_like(difference), where=total != 0) ** 2
