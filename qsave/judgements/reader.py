"""Read files of ratings that were made elsewhere. The first row tells the format."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import BinaryIO

from qsave.judgements import label_studio, molar
from qsave.judgements.records import Source, SourceRow
from qsave.judgements.video_regions import take_marks
from qsave.tables.reader import read_table
from qsave.tables.table import Columns, Row, TableError

TABLE, LABEL_STUDIO, MOLAR = "table", "label_studio", "molar"
FORMATS = (TABLE, LABEL_STUDIO, MOLAR)
KNOWN = (
    "clip_id",
    "sha256",
    "video",
    "prompt",
    "generator",
    "prompt_group",
    "rater",
    "axis",
    "score",
    "scale_min",
    "scale_max",
    "reason",
    "language",
    "defects",
    "evidence",
    "n",
    "sd",
)
"""The columns of a table with one row for each judgement. Their headings match in any case."""
MOST_DEPTH = 4
_COLUMNS = Columns(known=KNOWN)


def read_source(file: BinaryIO, name: str) -> Source:
    """Open a file of ratings by the ending of its name and by its first row. Raises TableError if it is another."""
    table = read_table(file, name, _COLUMNS)
    first = next(table.rows, None)
    if first is None:
        raise TableError(f"{name} has no rows.")
    rows = chain([first], table.rows)
    notes = list(table.notes)
    if label_studio.is_task(first.cells):
        return Source(LABEL_STUDIO, label_studio.read_rows(rows, notes), notes)
    if molar.is_item(first.cells):
        return Source(MOLAR, molar.read_rows(rows), notes)
    return Source(TABLE, _read_rows(rows), notes)


def _read_rows(rows: Iterator[Row]) -> Iterator[SourceRow]:
    """Yield the rows of a table. Those of JSON-MIN, which Label Studio also exports, may have regions of a video."""
    for row in rows:
        fields, marks = take_marks(flatten(row.cells))
        yield SourceRow(row.number, fields, marks, problem=row.problem)


def flatten(cells: Mapping[str, object], *, prefix: str = "", depth: int = 1) -> dict[str, object]:
    """Return the cells with objects inside them by dotted names: {"card": {"visual": 3}} is {"card.visual": 3}."""
    flat: dict[str, object] = {}
    for name, value in cells.items():
        if isinstance(value, dict) and depth < MOST_DEPTH:
            flat |= flatten(value, prefix=f"{prefix}{name}.", depth=depth + 1)
        else:
            flat[f"{prefix}{name}"] = value
    return flat
