"""Correlations of many draws at once: of each draw, each point has a weight, which is how often the draw contains it.

scipy's sparse arrays are imported where they are used, because pages load this module for a rater's correlations.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qsave.statistics.figures import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class DistinctPoints:
    """The distinct points (points,) of many pairs, and how many pairs of each group they stand for: a sparse array
    (points, groups). Scores have few levels, so a campaign has far fewer points than clips."""

    x: Floats
    y: Floats
    members: Any

    @classmethod
    def of(cls, x: Floats, y: Floats, groups: Ints) -> "DistinctPoints":
        """Merge equal pairs; `groups` (pairs,) are the group of each, from 0."""
        from scipy.sparse import csr_array

        columns, column = np.unique(x, return_inverse=True)
        rows, row = np.unique(y, return_inverse=True)
        cells, cell = np.unique(column * len(rows) + row, return_inverse=True)
        members = csr_array((np.ones(len(x)), (cell, groups)), shape=(len(cells), int(groups.max()) + 1))
        return cls(columns[cells // len(rows)], rows[cells % len(rows)], members)

    def weigh(self, counts: Ints) -> Floats:
        """Compute how often each draw contains each point (draws, points) from how often it contains each group (draws,
        groups)."""
        weights: Floats = (self.members @ counts.T.astype(np.float64)).T
        return np.ascontiguousarray(weights)


def compute_weighted_plcc(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Compute Pearson's correlation of each draw (draws,) of points that occur `weights` (draws, points) times; `x` and
    `y` are (draws or 1, points). NaN where nothing varies."""
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    above = (weights * x * y).sum(axis=1)
    below = (weights * x**2).sum(axis=1) * (weights * y**2).sum(axis=1)
    figures: Floats = np.divide(above, np.sqrt(below), out=np.full(len(above), np.nan), where=below > 1e-18)
    return np.clip(figures, -1, 1)


def compute_weighted_srcc(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Compute Spearman's correlation of each draw (draws,) of points that occur `weights` (draws, points) times."""
    return compute_weighted_plcc(_compute_weighted_ranks(x, weights), _compute_weighted_ranks(y, weights), weights)


def _compute_weighted_ranks(values: Floats, weights: Floats) -> Floats:
    """Compute the rank of each point (draws, points) among the points of a draw, ties at their mean rank."""
    distinct, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(distinct)))
    totals = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks: Floats = (np.cumsum(totals, axis=1) - (totals - 1) / 2)[:, codes]
    return ranks
