"""Tallies: the number, the sum and the sum of squares of an item's scores, packed into one integer.

Scores are whole levels, so a tally loses nothing: MOS, interval and pooled SD follow from tallies alone. Tallies
add up: the sum of the tallies of two sets of scores is the tally of both, so a database can sum them. A campaign has
few distinct tallies.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.mos import Mos, compute_item_sd, compute_standard_error, compute_target_interval

N_UNIT = 2**40
SUM_UNIT = 2**20
"""A sum of squares is below SUM_UNIT for up to 41,943 ratings of an item."""


class Tally(NamedTuple):
    """Number, sum and sum of squares of an item's scores."""

    n: int
    total: int
    squares: int

    @property
    def deviations(self) -> float:
        """Sum of squared deviations from the mean; 0 without a score."""
        return self.squares - self.total**2 / self.n if self.n else 0.0


def pack_tally(scores: Iterable[int]) -> int:
    return sum(N_UNIT + SUM_UNIT * score + score**2 for score in scores)


def unpack_tally(packed: int) -> Tally:
    return Tally(packed // N_UNIT, packed % N_UNIT // SUM_UNIT, packed % SUM_UNIT)


def compute_pooled_sd_of(tallies: Iterable[tuple[Tally, int]]) -> Figure:
    """Compute the within-item SD (`mos.compute_pooled_sd`) from each tally and the number of items that have it."""
    rated = [(tally, items) for tally, items in tallies if tally.n]
    freedom = sum((tally.n - 1) * items for tally, items in rated)
    if freedom <= 0:
        return Undefined("no clip has two ratings, so their spread is unknown")
    return float((sum(tally.deviations * items for tally, items in rated) / freedom) ** 0.5)


def summarise_tallies(tallies: Sequence[Tally], *, pooled: Figure) -> tuple[Mos, ...]:
    """Compute the MOS of each tally, as `mos.compute_mos` does; `item` is the tally. Every tally needs a score."""
    n, totals = np.array([(tally.n, tally.total) for tally in tallies], dtype=np.float64).reshape(-1, 2).T
    deviations = np.array([tally.deviations for tally in tallies])
    means, se = totals / n, compute_standard_error(deviations, n, pooled=pooled)
    low, high = compute_target_interval(means, se, n)
    return tuple(
        Mos(tally, float(m), tally.n, compute_item_sd(tally.deviations, tally.n), float(s), float(lo), float(hi))
        for tally, m, s, lo, hi in zip(tallies, means, se, low, high, strict=True)
    )
