"""Screen raters after ITU-R BT.500: reject those who are outliers too often, above and below.

Per item: mean, S, and the kurtosis b2 = m4 / m2^2. A rating is an outlier beyond 2 S if 2 <= b2 <= 4, else beyond
sqrt(20) S; P and Q count outliers above and below. A rater is rejected if (P + Q) / J > 0.05 and |P - Q| / (P + Q) <
0.3 over J items. One pass. The recommendation divides by N - 1 (`ddof` 1). SUREAL divides by N, and its verdicts
differ.

With fewer than LEAST_RATINGS on an item no score on the scale can be an outlier. Such items are skipped, and a rater
who has no others gets no verdict: "not applicable" is not "passed".
"""

from dataclasses import dataclass

import numpy as np

from qsave.statistics.figures import Bools, Floats, Undefined
from qsave.statistics.table import RatingTable

LEAST_RATINGS = 7
LEAST_SHARE_OUT = 0.05
MOST_LOPSIDED = 0.3
_TIE = 1e-9
"""Tolerance for a deviation exactly at its threshold, as of two outliers among ten ratings when dividing by N."""


@dataclass(frozen=True, slots=True)
class ScreenedRater:
    """A rater's outliers `above` and `below`, items and verdict; `rejected` is undefined if the procedure does not
    apply."""

    rater: object
    above: int
    below: int
    items: int
    rejected: bool | Undefined


def screen_raters(table: RatingTable, *, ddof: int = 1) -> tuple[ScreenedRater, ...]:
    """Screen each rater, in the order of `table.rater_ids`."""
    applies = table.n[table.items] >= LEAST_RATINGS
    above, below = _mark_outliers(table, ddof)

    def count(mask: Bools) -> list[int]:
        counts: list[int] = np.bincount(table.raters[mask & applies], minlength=table.rater_count).tolist()
        return counts

    rows = zip(table.rater_ids, count(above), count(below), count(applies), strict=True)
    return tuple(ScreenedRater(rater, p, q, j, _decide(p, q, j)) for rater, p, q, j in rows)


def _mark_outliers(table: RatingTable, ddof: int) -> tuple[Bools, Bools]:
    """Mark the ratings beyond their item's threshold, above and below (ratings,). Items with equal scores have none."""
    deviations = table.scores - table.means[table.items]
    n, squares = table.n, table.squares
    fourths = table.sum_by_item(deviations**4)
    varies = squares > 1e-12
    kurtosis = np.divide(fourths * n, squares**2, out=np.zeros(len(n)), where=varies)
    spread: Floats = np.sqrt(squares / np.maximum(n - ddof, 1))
    normal = (kurtosis >= 2 - _TIE) & (kurtosis <= 4 + _TIE)
    reach = np.where(varies, np.where(normal, 2.0, np.sqrt(20.0)) * spread - _TIE, np.inf)[table.items]
    return deviations >= reach, deviations <= -reach


def _decide(above: int, below: int, items: int) -> bool | Undefined:
    if items == 0:
        return Undefined(f"not applicable: no clip has {LEAST_RATINGS} ratings or more")
    out = above + below
    return out > 0 and out / items > LEAST_SHARE_OUT and abs(above - below) / out < MOST_LOPSIDED
