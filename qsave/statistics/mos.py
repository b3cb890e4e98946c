"""Mean opinion scores with intervals that hold at three to five ratings an item.

With n = 3 on a five-level scale every fifth item or so has three equal scores: its own SD is 0 and the plain interval
a point. `summarise` therefore moderates each item's variance by the pooled within-item variance of the campaign,

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
from qsave.statistics.figures import CONFIDENCE, Estimate, Figure, Floats, Undefined
from qsave.statistics.group_means import mean_over_groups
from qsave.statistics.table import RatingTable

PRIOR_RATINGS = 4.0
"""What the pooled variance weighs, in degrees of freedom."""

LEAST_SD = 12**-0.5
"""The SD of rounding to whole levels. No smaller prior SD is used, or full agreement would claim certainty."""

ASSUMED_SD = 1.0
"""The prior SD while no item has two ratings: about what five-level scales show."""

_UPPER = (1 + CONFIDENCE) / 2


@dataclass(frozen=True, slots=True)
class Mos:
    """One item on one axis. `sd` is the item's own (undefined for one rating); `se` rests on the moderated one."""

    item: object
    mos: float
    n: int
    sd: Figure
    se: float
    low: float
    high: float


def pooled_sd(table: RatingTable) -> Figure:
    """Within-item SD of the whole table; undefined where no item has two ratings."""
    freedom = len(table) - table.item_count
    if freedom <= 0:
        return Undefined("no item has two ratings, so their spread is unknown")
    return float(np.sqrt(table.squares.sum() / freedom))


def choose_prior_sd(pooled: Figure) -> float:
    """Return s0: the `pooled_sd` of the campaign's axis, or ASSUMED_SD where that is undefined."""
    return ASSUMED_SD if isinstance(pooled, Undefined) else pooled


def summarise(table: RatingTable, *, pooled: Figure) -> tuple[Mos, ...]:
    """Compute the MOS of every item, in the order of `table.item_ids`; `pooled` is the `pooled_sd` of the axis."""
    n, means, squares = table.n, table.means, table.squares
    prior = max(choose_prior_sd(pooled), LEAST_SD) ** 2
    freedom = PRIOR_RATINGS + n - 1
    se = np.sqrt((PRIOR_RATINGS * prior + squares) / freedom / n)
    low, high = target_interval(means, se, n)
    return tuple(
        Mos(item, float(m), int(k), own_sd(float(ss), int(k)), float(s), float(lo), float(hi))
        for item, m, k, ss, s, lo, hi in zip(table.item_ids, means, n, squares, se, low, high, strict=True)
    )


def target_interval(mos: npt.ArrayLike, se: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Floats, Floats]:
    """The 95% interval of a MOS from the moderated `se` and the `n` ratings beside it, clipped to the scale; arrays of
    one shape."""
    means, reach = np.asarray(mos), stdtrit(PRIOR_RATINGS + np.asarray(n) - 1, _UPPER) * np.asarray(se)
    return np.clip(means - reach, MIN_LEVEL, MAX_LEVEL), np.clip(means + reach, MIN_LEVEL, MAX_LEVEL)


def interval_reach(sd: float, n: int) -> float:
    """How far a 95% t interval of a MOS reaches to either side, for `n` ratings that spread by `sd`.

    With n - 1 degrees of freedom: those of a clip that stands on its own ratings. The intervals of `summarise` borrow
    PRIOR_RATINGS more from the campaign and are a little narrower; what is planned by this one holds without them, and
    whoever computes the textbook interval finds it too. Raises ValueError for fewer than two ratings.
    """
    if n < 2:
        raise ValueError(f"an interval needs two ratings, got {n}")
    return float(stdtrit(n - 1, _UPPER)) * sd / sqrt(n)


def ratings_needed(sd: float, half_width: float = 0.3) -> int:
    """The fewest ratings of a clip whose 95% t interval reaches no further than `half_width`, at a spread of `sd`.

    `sd` is the pooled within-item SD. Degrees of freedom: n - 1, see `interval_reach`. Raises ValueError for a spread
    that is negative or not finite, and for a half width that is not positive.
    """
    if not 0 <= sd < float("inf") or not 0 < half_width < float("inf"):
        raise ValueError(f"a spread is at least 0 and a half width above 0, got {sd} and {half_width}")
    n = max(2, int((float(ndtri(_UPPER)) * sd / half_width) ** 2))  # t is wider than normal: it takes no fewer
    while interval_reach(sd, n) > half_width:
        n += 1
    return n


def mean_over_items(mos: Sequence[float] | Floats, groups: Sequence[Hashable] | None = None) -> Estimate:
    """The mean of items' MOS with a t interval over prompt groups, clipped to the scale. `groups` names the prompt
    group of each item, whose clips are not independent; without it each item stands alone."""
    return mean_over_groups(mos, range(len(mos)) if groups is None else groups, least=MIN_LEVEL, most=MAX_LEVEL)


def own_sd(squares: float, n: int) -> Figure:
    """An item's own SD from its sum of squares within; undefined for one rating."""
    return Undefined("one rating has no spread") if n == 1 else (squares / (n - 1)) ** 0.5
