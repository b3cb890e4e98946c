"""The MOS of all clips on one axis in rising order, thinned to what a plot can draw."""

from dataclasses import dataclass

import numpy as np

from annotation.models import Item
from annotation.shared.plots import MAX_MARKS, thin_evenly
from qsave.statistics.figures import Ints
from qsave.statistics.mos import MosColumns


@dataclass(frozen=True, slots=True)
class MosCurve:
    """`points` are (clip id, MOS, low, high), evenly spaced among the `clips` rated clips. `low`, `middle` and `high`
    are the lowest, the median and the highest MOS of all of them."""

    clips: int
    low: float
    middle: float
    high: float
    points: tuple[tuple[str, float, float, float], ...]


def make_mos_curve(items: Ints, mos: MosColumns) -> MosCurve | None:
    """Make the curve from the MOS of each rated item (items,); None without one. One query."""
    if not len(items):
        return None
    order = np.lexsort((items, mos.mos))
    drawn = np.array(thin_evenly(order.tolist(), MAX_MARKS))
    names = dict(Item.objects.filter(pk__in=items[drawn].tolist()).values_list("pk", "clip__clip_id"))
    columns = (items[drawn], mos.mos[drawn], mos.low[drawn], mos.high[drawn])
    points = tuple((names[key], *ends) for key, *ends in zip(*(each.tolist() for each in columns), strict=True))
    low, middle, high = (float(each) for each in (mos.mos.min(), np.median(mos.mos), mos.mos.max()))
    return MosCurve(len(items), low, middle, high, points)
