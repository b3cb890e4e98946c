"""Compute the geometry of charts: figures in, coordinates out.

The templates `templates/_components/chart_*.html` draw them as SVG and escape all text. Coordinates are in the units of
a view box of width 360, about the widest that a chart is on a page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from qsave.axes import MAX_LEVEL, MIN_LEVEL

WIDTH = 360.0
HEIGHT = 200.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 6.0, 8.0, 22.0
MAX_MARKS = 120
MAX_DAY_TICKS = 5


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The view box, its drawing area, and the ticks of both scales."""

    width: float
    height: float
    left: float
    right: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A labelled figure with its interval."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mark:
    label: str
    x: float
    y: float
    y_low: float
    y_high: float


@dataclass(frozen=True, slots=True)
class IntervalChart:
    """Estimates side by side in rising order, each with its interval; `shown` of `total` are drawn."""

    frame: Frame
    marks: tuple[Mark, ...]
    shown: int
    total: int


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    frame: Frame
    bars: tuple[Bar, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through (step, value) points; `points` is ready for an SVG polyline."""

    frame: Frame
    points: str
    first: float
    last: float


def draw_mos_chart(estimates: Sequence[Estimate]) -> IntervalChart | None:
    """Draw MOS of clips in rising order on the scale of levels; every n-th if there are many. None without clips."""
    if not estimates:
        return None
    ordered = sorted(estimates, key=lambda e: (e.value, e.label))
    step = math.ceil(len(ordered) / MAX_MARKS)
    drawn = ordered[::step]
    gap = (WIDTH - LEFT - RIGHT) / len(drawn)
    ticks = tuple(Tick(_compute_level_y(level), str(level)) for level in range(MIN_LEVEL, MAX_LEVEL + 1))
    marks = tuple(
        Mark(
            e.label,
            LEFT + (i + 0.5) * gap,
            _compute_level_y(e.value),
            _compute_level_y(e.low),
            _compute_level_y(e.high),
        )
        for i, e in enumerate(drawn)
    )
    return IntervalChart(_make_frame((), ticks), marks, len(drawn), len(ordered))


def _compute_level_y(level: float) -> float:
    return _scale(level, MIN_LEVEL - 0.15, MAX_LEVEL + 0.15, HEIGHT - BOTTOM, TOP)


def draw_histogram(counts: Sequence[tuple[str, int]]) -> Histogram | None:
    """Draw one bar for each label, in the given order. None if all counts are 0."""
    most = max((count for _, count in counts), default=0)
    if most <= 0:
        return None
    top = _round_up(most)
    gap = (WIDTH - LEFT - RIGHT) / len(counts)
    base = HEIGHT - BOTTOM
    bars = []
    for i, (label, count) in enumerate(counts):
        y = _scale(count, 0, top, base, TOP)
        bars.append(Bar(label, count, LEFT + i * gap + gap * 0.15, y, gap * 0.7, base - y))
    x_ticks = tuple(Tick(bar.x + bar.width / 2, bar.label) for bar in bars)
    y_ticks = tuple(Tick(_scale(v, 0, top, base, TOP), f"{v:g}") for v in (0, top / 2, top))
    return Histogram(_make_frame(x_ticks, y_ticks), tuple(bars), sum(count for _, count in counts))


def draw_day_bars(hours: Sequence[tuple[date, float]]) -> Histogram | None:
    """Draw the minutes of each day, with labels for some of the days. None if all are 0."""
    chart = draw_histogram([(f"{day.day} {day:%b}", round(60 * spent)) for day, spent in hours])
    if chart is None:
        return None
    few_ticks = chart.frame.x_ticks[:: math.ceil(len(hours) / MAX_DAY_TICKS)]
    return replace(chart, frame=replace(chart.frame, x_ticks=few_ticks))


def draw_curve(points: Sequence[tuple[float, float]]) -> Curve | None:
    """Draw a line through points in order of x; every n-th if there are many. None below two finite points."""
    finite = sorted((x, y) for x, y in points if math.isfinite(x) and math.isfinite(y))
    if len(finite) < 2:
        return None
    thinned = finite[:: math.ceil(len(finite) / 400)]
    if thinned[-1] != finite[-1]:
        thinned.append(finite[-1])
    x_low, x_high = finite[0][0], max(finite[-1][0], finite[0][0] + 1)
    y_low, y_high = _add_margin(min(y for _, y in finite), max(y for _, y in finite))
    line = " ".join(
        f"{_scale(x, x_low, x_high, LEFT, WIDTH - RIGHT):.1f},{_scale(y, y_low, y_high, HEIGHT - BOTTOM, TOP):.1f}"
        for x, y in thinned
    )
    x_ticks = tuple(Tick(_scale(v, x_low, x_high, LEFT, WIDTH - RIGHT - 8), f"{v:g}") for v in (x_low, x_high))
    y_values = (y_low, (y_low + y_high) / 2, y_high)
    y_ticks = tuple(Tick(_scale(v, y_low, y_high, HEIGHT - BOTTOM, TOP), f"{v:.2g}") for v in y_values)
    return Curve(_make_frame(x_ticks, y_ticks), line, finite[0][1], finite[-1][1])


def _make_frame(x_ticks: tuple[Tick, ...], y_ticks: tuple[Tick, ...]) -> Frame:
    return Frame(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, x_ticks, y_ticks)


def _scale(value: float, low: float, high: float, to_low: float, to_high: float) -> float:
    return to_low + (value - low) / (high - low) * (to_high - to_low)


def _add_margin(low: float, high: float) -> tuple[float, float]:
    """Return the range with a margin, also around a flat line."""
    pad = (high - low) * 0.05 or max(abs(high) * 0.1, 0.1)
    return low - pad, high + pad


def _round_up(count: int) -> int:
    """Return the next even number with one or two leading digits: 7 -> 8, 130 -> 140."""
    step = 2 * int(10 ** max(0, len(str(count)) - 2))
    return math.ceil(count / step) * step
