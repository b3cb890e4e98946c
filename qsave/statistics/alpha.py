"""Krippendorff's alpha: 1 is full agreement, 0 what chance gives, below 0 systematic disagreement.

After Krippendorff, "Computing Krippendorff's alpha-reliability" (2011): coincidences of values within units, weighted
by a squared difference that the metric gives. Missing cells are simply not there; a unit with one value pairs with
nothing and is left out. The interval is a percentile bootstrap over items.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qsave.statistics.figures import RESAMPLES, Estimate, Figure, Floats, Interval, Undefined, bootstrap
from qsave.statistics.table import RatingTable

Metric = Literal["nominal", "ordinal", "interval", "ratio"]
METRICS: tuple[Metric, ...] = ("nominal", "ordinal", "interval", "ratio")


@dataclass(frozen=True, slots=True)
class Alpha:
    """The figure, its interval, and what it rests on: items with two ratings or more, and the ratings on them."""

    value: Figure
    interval: Interval | Undefined
    items: int
    ratings: int

    @property
    def estimate(self) -> Estimate:
        """The figure with its interval, as every other estimator gives it."""
        return Estimate(self.value, self.interval)


def krippendorff_alpha(
    table: RatingTable, metric: Metric = "ordinal", *, seed: int = 0, resamples: int = RESAMPLES
) -> Alpha:
    """Alpha of a table under one metric; `resamples` 0 leaves the interval out. Ratio needs scores of one sign."""
    values, counts = _value_counts(table)
    if metric == "ratio" and len(values) and values[0] < 0 < values[-1]:
        raise ValueError("the ratio metric needs scores of one sign")
    value = _alpha(values, counts, metric)
    return Alpha(value, _interval(values, counts, metric, value, seed, resamples), len(counts), int(counts.sum()))


def _interval(
    values: Floats, counts: Floats, metric: Metric, value: Figure, seed: int, resamples: int
) -> Interval | Undefined:
    if isinstance(value, Undefined):
        return value
    if len(counts) < 2:
        return Undefined("one item alone has no interval")
    return bootstrap(
        len(counts),
        lambda chosen: _alpha(values, counts, metric, np.bincount(chosen, minlength=len(counts)).astype(np.float64)),
        seed=seed,
        resamples=resamples,
    )


def _value_counts(table: RatingTable) -> tuple[Floats, Floats]:
    """The distinct values in rising order, and how often each stands in each pairable item (items, values)."""
    values, codes = np.unique(table.scores, return_inverse=True)
    cells = np.bincount(table.items * len(values) + codes, minlength=table.item_count * len(values))
    counts = cells.reshape(table.item_count, len(values)).astype(np.float64)
    return values, counts[counts.sum(axis=1) >= 2]


def _alpha(values: Floats, counts: Floats, metric: Metric, weights: Floats | None = None) -> Figure:
    """`weights` says how often each item was drawn into a resample."""
    if not len(counts):
        return Undefined("no item has two ratings")
    pairs = 1 / (counts.sum(axis=1) - 1)
    if weights is not None:
        pairs = pairs * weights
    coincidences = (counts.T * pairs) @ counts - np.diag(pairs @ counts)
    marginals = coincidences.sum(axis=1)
    distances = _distances(values, marginals, metric)
    expected = float(marginals @ distances @ marginals)
    if expected <= 0:
        return Undefined("all ratings are equal: with nothing to tell apart, agreement is undefined")
    return float(1 - (marginals.sum() - 1) * (coincidences * distances).sum() / expected)


def _distances(values: Floats, marginals: Floats, metric: Metric) -> Floats:
    """Squared differences (values, values) of a metric."""
    if metric == "nominal":
        return 1 - np.eye(len(values))
    if metric == "ordinal":
        middle = np.cumsum(marginals) - marginals / 2
        return (middle[:, None] - middle[None, :]) ** 2
    difference = values[:, None] - values[None, :]
    if metric == "interval":
        return difference**2
    total = values[:, None] + values[None, :]
    return np.divide(difference, total, out=np.zeros_like(difference), where=total != 0) ** 2
