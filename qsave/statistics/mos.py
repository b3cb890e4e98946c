"""Mean opinion scores with intervals that hold at three to five ratings an item.

With n = 3 on a five-level scale about one item in five has three equal scores: its own SD is 0, and the textbook
interval has no width. `compute_mos` therefore moderates each item's variance by the pooled within-item variance,

    s~^2 = (d0 s0^2 + (n - 1) s^2) / (d0 + n - 1),    SE = s~ / sqrt(n),    t with d0 + n - 1 degrees of freedom,

(the moderated t of Smyth 2004) with d0 = PRIOR_RATINGS and s0 from `choose_prior_sd`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import CONFIDENCE, Estimate, Figure, Floats, Ints, Undefined
from qsave.statistics.group_means import compute_group_mean
from qsave.statistics.table import RatingTable

PRIOR_RATINGS = 4.0
"""Weight of the pooled variance, in degrees of freedom."""

LEAST_SD = 12**-0.5
"""The SD of rounding to whole levels. No smaller prior SD is used, or full agreement would claim certainty."""

ASSUMED_SD = 1.0
"""The prior SD while no item has two ratings: about what five-level scales show."""

_UPPER = (1 + CONFIDENCE) / 2


@dataclass(frozen=True, slots=True)
class Mos:
    """One item on one axis. `sd` is the item's own (undefined for one rating); `se` comes from the moderated one."""

    item: object
    mos: float
    n: int
    sd: Figure
    se: float
    low: float
    high: float


def compute_pooled_sd(table: RatingTable) -> Figure:
    """Compute the within-item SD of the whole table; undefined if no item has two ratings."""
    freedom = len(table) - table.item_count
    if freedom <= 0:
        return Undefined("no clip has two ratings, so their spread is unknown")
    return float(np.sqrt(table.squares.sum() / freedom))


def choose_prior_sd(pooled: Figure) -> float:
    """Return s0: the pooled SD of the campaign's axis, or ASSUMED_SD if that is undefined."""
    return ASSUMED_SD if isinstance(pooled, Undefined) else pooled


@dataclass(frozen=True, slots=True, eq=False)
class MosColumns:
    """The MOS of items as columns: `squares` is the sum of squared deviations of an item's scores."""

    mos: Floats
    n: Ints
    squares: Floats
    se: Floats
    low: Floats
    high: Floats

    def make_rows(self, item_ids: Sequence[object]) -> tuple[Mos, ...]:
        """Return a row for each item."""
        columns = (self.mos, self.n, self.squares, self.se, self.low, self.high)
        rows = zip(item_ids, *(column.tolist() for column in columns), strict=True)
        return tuple(Mos(item, m, k, compute_item_sd(ss, k), s, lo, hi) for item, m, k, ss, s, lo, hi in rows)


def compute_mos(table: RatingTable, *, pooled: Figure) -> tuple[Mos, ...]:
    """Compute the MOS of every item, in the order of `table.item_ids`; `pooled` is the pooled SD of the axis."""
    return compute_mos_columns(table, pooled=pooled).make_rows(table.item_ids)


def compute_mos_columns(table: RatingTable, *, pooled: Figure) -> MosColumns:
    """Compute the MOS of every item, as columns in the order of `table.item_ids`."""
    n, means, squares = table.n, table.means, table.squares
    se = compute_standard_error(squares, n, pooled=pooled)
    low, high = compute_target_interval(means, se, n)
    return MosColumns(means, n, squares, se, low, high)


def compute_standard_error(squares: npt.ArrayLike, n: npt.ArrayLike, *, pooled: Figure) -> Floats:
    """Compute the moderated SE of each MOS from its sum of squared deviations and its `n` ratings; arrays of one
    shape."""
    prior = max(choose_prior_sd(pooled), LEAST_SD) ** 2
    freedom = PRIOR_RATINGS + np.asarray(n) - 1
    se: Floats = np.sqrt((PRIOR_RATINGS * prior + np.asarray(squares)) / freedom / np.asarray(n))
    return se


def compute_target_interval(mos: npt.ArrayLike, se: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Compute the 95% interval of each MOS from its moderated `se` and its `n` ratings, clipped to the scale; arrays of
    one shape."""
    means, reach = np.asarray(mos), stdtrit(PRIOR_RATINGS + np.asarray(n) - 1, _UPPER) * np.asarray(se)
    return np.clip(means - reach, MIN_LEVEL, MAX_LEVEL), np.clip(means + reach, MIN_LEVEL, MAX_LEVEL)


def compute_half_width(sd: float, n: int) -> float:
    """Compute half the width of the 95% t interval of a MOS, for `n` ratings with SD `sd`.

    This is the textbook interval of one clip, with n - 1 degrees of freedom. Those of `compute_mos` have PRIOR_RATINGS
    more from the campaign and are a little narrower. Raises ValueError for fewer than two ratings.
    """
    if n < 2:
        raise ValueError(f"An interval needs two ratings, got {n}.")
    return float(stdtrit(n - 1, _UPPER)) * sd / sqrt(n)


def count_ratings_needed(sd: float, half_width: float = 0.3) -> int:
    """Count the fewest ratings of a clip whose interval (`compute_half_width`) is at most `half_width` to each side.

    `sd` is the pooled within-item SD. Raises ValueError for an SD that is negative or not finite, and for a half width
    that is not positive.
    """
    if not 0 <= sd < float("inf") or not 0 < half_width < float("inf"):
        raise ValueError(f"An SD must be at least 0 and a half width above 0, got {sd} and {half_width}.")
    n = max(
        2, int((float(ndtri(_UPPER)) * sd / half_width) ** 2)
    )  # t is wider than the normal, so fewer are not enough
    while compute_half_width(sd, n) > half_width:
        n += 1
    return n


def compute_mean_mos(mos: Sequence[float] | Floats, groups: Sequence[Hashable] | None = None) -> Estimate:
    """Compute the mean of items' MOS with a t interval over prompt groups, clipped to the scale. `groups` names the
    prompt group of each item, as clips of one group are not independent; without it each item is its own group."""
    return compute_group_mean(mos, range(len(mos)) if groups is None else groups, least=MIN_LEVEL, most=MAX_LEVEL)


def compute_item_sd(squares: float, n: int) -> Figure:
    """Compute an item's own SD from its sum of squared deviations; undefined for one rating."""
    return Undefined("one rating has no spread") if n == 1 else (squares / (n - 1)) ** 0.5
