"""Bias-corrected MOS after ITU-T P.910, Annex E: alternating projection.

The model: a score is the item's quality plus the rater's bias plus noise of the rater's own width. Starting from the
plain MOS it alternates: bias = mean residual of a rater, centred so that biases sum to 0; inconsistency = SD of
what is left; quality = mean of the debiased scores weighted by 1 / inconsistency^2; until the qualities stand still.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qsave.statistics.figures import Floats, Undefined
from qsave.statistics.table import RatingTable

TOLERANCE = 1e-8
MOST_ROUNDS = 1000
LEAST_INCONSISTENCY = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class P910:
    """`mos` and `se` by item, `bias` and `inconsistency` by rater, in the order of the table's ids."""

    mos: Floats
    se: Floats
    bias: Floats
    inconsistency: Floats
    rounds: int


def alternating_projection(table: RatingTable) -> P910 | Undefined:
    """The fit, or why there is none: too few ratings of a rater, a table in separate parts, a weight without bound."""
    unfit = _unfit(table)
    if unfit is not None:
        return unfit
    mos = table.means
    for rounds in range(1, MOST_ROUNDS + 1):
        bias = _by_rater(table, table.scores - mos[table.items])
        bias -= bias.mean()
        residuals = table.scores - mos[table.items] - bias[table.raters]
        centred = residuals - _by_rater(table, residuals)[table.raters]
        inconsistency = np.sqrt(_by_rater(table, centred**2))
        if inconsistency.min() < LEAST_INCONSISTENCY:
            name = table.rater_ids[int(inconsistency.argmin())]
            return Undefined(f"rater {name} fits without any error, and would outweigh all others without bound")
        weights = inconsistency[table.raters] ** -2
        total = table.by_item(weights)
        previous, mos = mos, table.by_item((table.scores - bias[table.raters]) * weights) / total
        if float(np.linalg.norm(mos - previous)) < TOLERANCE:
            return P910(mos, total**-0.5, bias, inconsistency, rounds)
    return Undefined(f"the fit did not come to rest in {MOST_ROUNDS} rounds")


def _by_rater(table: RatingTable, values: Floats) -> Floats:
    """Mean of `values` (ratings,) over each rater's ratings (raters,)."""
    return table.by_rater(values) / table.rated


def _unfit(table: RatingTable) -> Undefined | None:
    if not len(table):
        return Undefined("there are no ratings")
    ratings = table.rated
    if ratings.min() < 2:
        return Undefined(f"rater {table.rater_ids[int(ratings.argmin())]} gave one rating: no spread can be told")
    size = table.item_count + table.rater_count
    links = coo_array((np.ones(len(table)), (table.items, table.item_count + table.raters)), shape=(size, size))
    parts, _ = connected_components(links, directed=False)
    if parts > 1:
        return Undefined(f"the table falls into {parts} parts without a common rater: biases cannot be compared")
    return None
