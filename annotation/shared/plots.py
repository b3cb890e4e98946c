"""Describe plots: the figures, the scales, and a sentence that says what is to be seen.

`templates/_components/plot.html` shows a plot, and `static/js/plot-draw.js` draws it from `Plot.as_json`. The figures
are also in a table, which is all that a reader without scripts needs: a table of the page, or the plot's own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from qsave.axes import MAX_LEVEL, MIN_LEVEL

MAX_MARKS = 240
"""Most marks in a plot of clips: more would be closer together than pixels."""
MAX_TABLE_ROWS = 24
"""Most rows in a plot's own table."""

Cell = str | float | None
Row = tuple[Cell, ...]
T = TypeVar("T")


class Mark(StrEnum):
    POINT = "point"
    LINE = "line"
    BAR = "bar"


class Scale(StrEnum):
    """How a scale places marks: by number, by name in the order of the rows, or by rank without any labels."""

    NUMBERS = "numbers"
    NAMES = "names"
    RANKS = "ranks"


@dataclass(frozen=True, slots=True)
class Side:
    """A side of a plot: its label, and the scale with its ends. An end of None fits the figures."""

    label: str
    scale: Scale = Scale.NUMBERS
    low: float | None = None
    high: float | None = None
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot. `columns` gives the heading of each column of `rows` by its role, in their order.

    Roles: `series` (rows of one series look alike), `label` (what a mark is, and its name on a scale of names), `x`,
    `y`, and the ends `low` and `high` of the interval, which is of `y`; of `x` if there is no `y`. A column of any
    other role is only in the table and in the CSV file.
    """

    id: str
    title: str
    summary: str
    """One sentence, for those who do not see the plot."""
    mark: Mark
    columns: Mapping[str, str]
    rows: tuple[Row, ...]
    x: Side
    y: Side
    caption: str = ""
    table: str = ""
    """Id of the table of the page that has the figures; empty if the plot brings its own."""
    diagonal: bool = False
    """Whether to draw the line on which x and y are equal."""
    is_simulated: bool = False

    @property
    def as_json(self) -> str:
        """What scripts draw. It is an attribute, because htmx removes scripts, of data too, from what it loads."""
        values = {
            "id": self.id,
            "title": self.title,
            "note": _("simulated data") if self.is_simulated else "",
            "mark": self.mark,
            "columns": dict(self.columns),
            "rows": [[_shorten(cell) for cell in row] for row in self.rows],
            "x": _encode_side(self.x),
            "y": _encode_side(self.y),
            "diagonal": self.diagonal,
        }
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @property
    def names(self) -> int:
        """Number of names down the left side, which need room; 0 if that side is not a scale of names."""
        if self.y.scale is not Scale.NAMES:
            return 0
        at = list(self.columns).index("label")
        return len({row[at] for row in self.rows})

    @property
    def table_rows(self) -> list[list[str]]:
        """The rows of the plot's own table; of many, some that are evenly spaced."""
        return [[_write_cell(cell) for cell in row] for row in thin_evenly(self.rows, MAX_TABLE_ROWS)]

    @property
    def table_id(self) -> str:
        """Id of the table that has the figures."""
        return self.table or f"{self.id}-table"


def _encode_side(side: Side) -> dict[str, Any]:
    return {"label": side.label, "scale": side.scale, "low": side.low, "high": side.high, "step": side.step}


def _write_cell(cell: Cell) -> str:
    if cell is None:
        return "–"
    return cell if isinstance(cell, str) else f"{cell:.4g}".replace("-", "\N{MINUS SIGN}")


def _shorten(cell: Cell) -> Cell:
    """Keep six significant digits of a number."""
    return float(f"{cell:.6g}") if isinstance(cell, float) else cell


def make_levels_side(label: str) -> Side:
    """Return a side with the whole scale of levels, 1 to 5, whatever the figures are."""
    return Side(label, low=MIN_LEVEL, high=MAX_LEVEL, step=1)


def thin_evenly(rows: Sequence[T], limit: int) -> tuple[T, ...]:
    """Return at most `limit` rows, evenly spaced, with the first and the last."""
    if len(rows) <= limit:
        return tuple(rows)
    return tuple(rows[round(index * (len(rows) - 1) / (limit - 1))] for index in range(limit))


def plot_days(hours: Iterable[tuple[date, float]]) -> Plot | None:
    """Plot the minutes of each day; the table of days on the page has the figures. None if all are 0."""
    rows = tuple((date_format(day, "j M"), float(round(60 * spent))) for day, spent in hours)
    most = max((minutes for _day, minutes in rows), default=0)
    if not most:
        return None
    summary = _("Minutes of work on each of %(days)s days; the most on one day is %(most)s minutes.")
    return Plot(
        id="plot-days",
        title=_("Minutes by day"),
        summary=summary % {"days": len(rows), "most": round(most)},
        mark=Mark.BAR,
        columns={"label": _("Day"), "y": _("Minutes")},
        rows=rows,
        x=Side("", Scale.NAMES),
        y=Side(_("Minutes"), low=0),
        table="days",
    )
