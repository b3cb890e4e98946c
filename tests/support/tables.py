"""Tables of ratings from arrays, and what the statistics make of them for comparisons with other software."""

import numpy as np
import numpy.typing as npt

from qsave.statistics.screening import screen_raters
from qsave.statistics.table import RatingTable


def make_table(matrix: npt.ArrayLike) -> RatingTable:
    """Make a table from an array (items, raters) with NaN where nothing was rated; ids are row and column numbers."""
    values = np.asarray(matrix, dtype=np.float64)
    items, raters = np.nonzero(~np.isnan(values))
    return RatingTable.from_triples(zip(items.tolist(), raters.tolist(), values[items, raters].tolist(), strict=True))


def drop_rejected(table: RatingTable, *, ddof: int = 1) -> RatingTable:
    """Drop the ratings of the raters whom BT.500 rejects."""
    rejected = np.array([rater.rejected is True for rater in screen_raters(table, ddof=ddof)], dtype=np.bool_)
    return table.keep(~rejected[table.raters])
