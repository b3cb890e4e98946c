"""Compute the MOS of one item, equal to the item's row in `figures.read_mos_rows`, without reading the whole campaign.

An interval needs the spread within clips of the whole campaign, which follows from the summaries of its items.
"""

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.agreement.axis_tallies import AxisTallies
from annotation.agreement.scores import make_table, read_scores
from annotation.models import Item
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.statistics.figures import Undefined
from qsave.statistics.mos import Mos, compute_mos


@dataclass(frozen=True, slots=True)
class AxisMos:
    """The MOS of an item on one axis, undefined without a counted rating, and the counted scores in rising order."""

    axis: Axis
    mos: Mos | Undefined
    scores: tuple[int, ...]
    blind: int
    """Number of blind ratings."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Positions on the scale of levels, in percent: the scores with their number, and the MOS with its interval."""

    dots: tuple[tuple[float, int, int], ...]
    """Position, score, and number of raters who gave it."""
    at: float
    low: float
    high: float


def draw_mos_strip(one: AxisMos) -> Strip | None:
    """Return the strip of an axis; None if its MOS is undefined."""
    if isinstance(one.mos, Undefined):
        return None
    counts = Counter(one.scores)
    dots = tuple((_to_percent(score), score, counts[score]) for score in sorted(counts))
    return Strip(dots, _to_percent(one.mos.mos), _to_percent(one.mos.low), _to_percent(one.mos.high))


def _to_percent(level: float) -> float:
    return 100 * (level - MIN_LEVEL) / (MAX_LEVEL - MIN_LEVEL)


def read_item_mos(item: Item, screened: Set[int], read_tallies: Callable[[Axis], AxisTallies]) -> list[AxisMos]:
    """Return the MOS of an item on each axis, without screened raters. One query.

    `read_tallies` returns the tallies of an axis; it is called for each rated axis.
    """
    scores = [score for score in read_scores(item.campaign, item) if score.rater not in screened]
    results = []
    for axis in AXES:
        table = make_table(scores, axis)
        on_axis = [score for score in scores if score.axis == axis]
        mos = (
            compute_mos(table, pooled=read_tallies(axis).spread.sd)[0] if on_axis else Undefined(_explain_no_mos(item))
        )
        results.append(
            AxisMos(
                axis,
                mos,
                tuple(sorted(score.score for score in on_axis)),
                sum(score.is_blind for score in on_axis),
            )
        )
    return results


def _explain_no_mos(item: Item) -> str:
    if item.availability == Item.Availability.EXCLUDED:
        return _("the clip is excluded")
    if item.availability == Item.Availability.WITHDRAWN:
        return _("the clip is withdrawn")
    return _("no rating of this clip counts")
