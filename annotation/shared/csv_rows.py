"""CSV that people download: a spreadsheet reads its letters rightly and runs nothing in it.

The text starts with a byte order mark, without which Excel reads UTF-8 as the machine's old code page. Text that a
spreadsheet would run as a formula gets an apostrophe before it. Files that programs read, such as manifests and
predictions, carry no byte order mark and are written elsewhere.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO

BYTE_ORDER_MARK = "\ufeff"
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Cell = str | int | float | Decimal


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield the file piece by piece. Every text cell is made safe; a number stays a number, negative ones too."""
    yield BYTE_ORDER_MARK + _line(header)
    for row in rows:
        yield _line(row)


def round_cell(value: float, places: int) -> Decimal:
    """Return a number that is written with exactly `places` decimals."""
    return Decimal(f"{value:z.{places}f}")


def safe_cell(text: str) -> str:
    """Return `text`, with an apostrophe before it if a spreadsheet would run it as a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_SIGNS) else text


def _line(cells: Sequence[Cell]) -> str:
    text = StringIO()
    csv.writer(text).writerow([safe_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()
