"""The MOS of all clips on one axis in rising order, thinned to what a plot can draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from annotation.shared.plots import MAX_MARKS, thin_evenly
from qsave.statistics.mos import Mos


@dataclass(frozen=True, slots=True)
class MosCurve:
    """`points` are (clip id, MOS, low, high), evenly spaced among the `clips` rated clips. `low`, `middle` and `high`
    are the lowest, the median and the highest MOS of all of them."""

    clips: int
    low: float
    middle: float
    high: float
    points: tuple[tuple[str, float, float, float], ...]


def make_mos_curve(rows: Sequence[tuple[str, Mos]]) -> MosCurve | None:
    """Make the curve from the clip id and MOS of each rated clip; None without clips."""
    if not rows:
        return None
    ordered = sorted(rows, key=lambda row: (row[1].mos, row[0]))
    points = tuple((clip, mos.mos, mos.low, mos.high) for clip, mos in thin_evenly(ordered, MAX_MARKS))
    middle = median(mos.mos for _clip, mos in ordered)
    return MosCurve(len(ordered), ordered[0][1].mos, middle, ordered[-1][1].mos, points)
