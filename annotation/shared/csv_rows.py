"""CSV files that people download.

They begin with a byte order mark, without which Excel reads UTF-8 as the machine's old code page, and every text cell
is escaped (`qsave.spreadsheets`).
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
    yield BYTE_ORDER_MARK + _line(header)
    for row in rows:
        yield _line(row)


def round_cell(value: float, places: int) -> Decimal:
    """Round a number so that it is written with exactly `places` decimals."""
    return Decimal(f"{value:z.{places}f}")


def _line(cells: Sequence[Cell]) -> str:
    text = StringIO()
    csv.writer(text).writerow([escape_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()
