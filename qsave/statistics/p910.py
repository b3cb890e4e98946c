"""Bias-corrected MOS after ITU-T P.910, Annex E: alternating projection, for complete panels.

The model: a score is the item's quality plus the rater's bias plus noise, whose SD differs between raters. Starting
from the mean scores, the fit repeats these steps until the qualities converge: bias = mean residual of a rater, centred
so that biases sum to 0; inconsistency = SD of the remaining residuals; quality = mean of the debiased scores weighted
by 1 / inconsistency^2.

A rater whose inconsistency cannot be estimated (one rating, or a fit without any error) is excluded: such a rater has
no bias and weight 1, and a note says so. For campaigns in which people rate a few clips each, `mixed` is the better
model.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qsave.statistics.figures import Bools, Floats, Undefined
from qsave.statistics.table import RatingTable

TOLERANCE = 1e-8
MOST_ROUNDS = 1000
LEAST_INCONSISTENCY = 1e-4
LEAST_PANEL = 12
"""Fewest raters, and fewest ratings of each clip, that the method is intended for."""


@dataclass(frozen=True, slots=True, eq=False)
class P910:
    """`mos` and `se` by item, `bias` and `inconsistency` by rater, in the order of the table's ids. `notes` are
    sentences on the excluded raters."""

    mos: Floats
    se: Floats
    bias: Floats
    inconsistency: Floats
    rounds: int
    notes: tuple[str, ...] = ()


def fit_p910(table: RatingTable) -> P910 | Undefined:
    """Fit a panel; undefined if no rater's inconsistency can be estimated, or if the table falls into separate
    parts."""
    excluded: Bools = table.rated < 2
    while True:
        unfit = _explain_unfit(table, excluded)
        if unfit is not None:
            return unfit
        fit = _project(table, excluded)
        if isinstance(fit, P910 | Undefined):
            return fit
        excluded = excluded | fit


def _project(table: RatingTable, excluded: Bools) -> P910 | Undefined | Bools:
    """Fit with the `excluded` raters (raters,) neither debiased nor weighted; or return the raters without any
    error."""
    mos = table.means
    for rounds in range(1, MOST_ROUNDS + 1):
        bias = _average_by_rater(table, table.scores - mos[table.items])
        bias = np.where(excluded, 0.0, bias - bias[~excluded].mean())
        residuals = table.scores - mos[table.items] - bias[table.raters]
        centred = residuals - _average_by_rater(table, residuals)[table.raters]
        inconsistency = np.where(excluded, 1.0, np.sqrt(_average_by_rater(table, centred**2)))
        if inconsistency.min() < LEAST_INCONSISTENCY:
            return inconsistency < LEAST_INCONSISTENCY
        weights = inconsistency[table.raters] ** -2
        total = table.sum_by_item(weights)
        previous, mos = mos, table.sum_by_item((table.scores - bias[table.raters]) * weights) / total
        if float(np.linalg.norm(mos - previous)) < TOLERANCE:
            return P910(mos, total**-0.5, bias, inconsistency, rounds, _write_notes(table, excluded))
    return Undefined(f"the fit did not come to rest in {MOST_ROUNDS} rounds")


def _write_notes(table: RatingTable, excluded: Bools) -> tuple[str, ...]:
    return tuple(
        f"Rater {table.rater_ids[rater]} gave one rating: no spread can be told, so it counts as it is."
        if table.rated[rater] < 2
        else f"Rater {table.rater_ids[rater]} fits without any error, and counts without correction or weight."
        for rater in np.flatnonzero(excluded)
    )


def _average_by_rater(table: RatingTable, values: Floats) -> Floats:
    """Average `values` (ratings,) over the ratings of each rater (raters,)."""
    return table.sum_by_rater(values) / table.rated


def _explain_unfit(table: RatingTable, excluded: Bools) -> Undefined | None:
    if not len(table):
        return Undefined("there are no ratings")
    if excluded.all():
        return Undefined("no rater's spread can be told: each gave one rating or fits without any error")
    entries = ~excluded[table.raters]
    items, raters = np.unique(table.items[entries]), np.flatnonzero(~excluded)
    size = len(items) + table.rater_count
    positions = np.searchsorted(items, table.items[entries])
    links = coo_array((np.ones(entries.sum()), (positions, len(items) + table.raters[entries])), shape=(size, size))
    parts = connected_components(links, directed=False)[0] - (table.rater_count - len(raters))
    if parts > 1:
        return Undefined(f"the table falls into {parts} parts without a common rater: biases cannot be compared")
    return None
