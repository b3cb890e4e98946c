"""CSV files that people download.

A file begins with a byte order mark, because Excel otherwise reads UTF-8 as the machine's old code page. Every text
cell is escaped (`qsave.spreadsheets`).
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO

from qsave.spreadsheets import escape_cell

BYTE_ORDER_MARK = "\ufeff"

Cell = str | int | float | Decimal


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield the lines of the file. Text cells are escaped; a number stays a number, also a negative one."""
    yield BYTE_ORDER_MARK + _format_line(header)
    for row in rows:
        yield _format_line(row)


def round_cell(value: float, places: int) -> Decimal:
    """Round a number so that it is written with exactly `places` decimals."""
    return Decimal(f"{value:z.{places}f}")


def _format_line(cells: Sequence[Cell]) -> str:
    text = StringIO()
    csv.writer(text).writerow([escape_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()
