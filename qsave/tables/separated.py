"""Read tables of separated cells: commas, semicolons or tabs, with or without a heading."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from qsave.tables.encoding import has_bad_bytes, read_lines
from qsave.tables.table import Columns, Row, Table, TableError

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = ",;\t"


def read_separated(file: BinaryIO, name: str, columns: Columns) -> Table:
    """Read a table; the separator is the one that gives the heading most of the known columns.

    A first line `sep=;`, as Excel writes it, names the separator. Blank rows are skipped, and so are columns without a
    heading. Raises TableError if the heading cannot be read or lacks a column.
    """
    lines = read_lines(file)
    first, skipped = _read_first_line(lines, name)
    separator = _find_named_separator(first)
    if separator:
        first, more = _read_first_line(lines, name)
        skipped += more + 1
    separator = separator or _choose_separator(first, columns)
    reader = csv.reader(chain([first], lines), delimiter=separator, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        raise TableError(f"{name}, line {skipped + 1}: the heading is not a row of a table: {error}.") from None
    headings = [columns.fold(cell) for cell in cells]
    if columns.default and columns.default[0] not in headings:
        first_row = Row(1, skipped + 1, _match_cells(columns.default, cells))
        return Table(chain([first_row], _read_rows(reader, columns.default, skipped, count=1, must_be_full=False)))
    columns.check(name, headings)
    return Table(_read_rows(reader, headings, skipped, count=0, must_be_full=not columns.default))


def _read_first_line(lines: Iterator[str], name: str) -> tuple[str, int]:
    """Return the first line that is not blank, and how many were skipped before it."""
    for skipped, line in enumerate(lines):
        if has_bad_bytes(line):
            raise TableError(f"{name}, line {skipped + 1}, is not UTF-8 text. Save the table as UTF-8.")
        if line.strip():
            return line, skipped
    raise TableError(f"{name} has no rows.")


def _find_named_separator(line: str) -> str:
    text = line.strip("\r\n")
    return text[4] if len(text) == 5 and text[:4].casefold() == "sep=" and text[4] in SEPARATORS else ""


def _choose_separator(line: str, columns: Columns) -> str:
    def rate(separator: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:  # the reader of the table says what is wrong
            return 0, 0
        return sum(columns.fold(cell) in columns.known for cell in cells), len(cells)

    return max(SEPARATORS, key=rate)


def _read_rows(
    reader: "Reader", headings: Sequence[str], skipped: int, *, count: int, must_be_full: bool
) -> Iterator[Row]:
    """Yield the rows after `count` ones. A full row has a cell for each heading and none but blank ones beyond."""
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            count += 1
            yield Row(count, line, problem=_describe_error(str(error), line, skipped + reader.line_num))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if has_bad_bytes("".join(cells)):
            yield Row(count, line, problem="The row is not UTF-8 text. Save the table as UTF-8.")
        elif must_be_full and (len(cells) < len(headings) or any(cell.strip() for cell in cells[len(headings) :])):
            lines = _name_lines(line, skipped + reader.line_num)
            yield Row(
                count,
                line,
                problem=f"The row{lines} has {len(cells)} cells, but the heading has {len(headings)}. "
                "Put text with a separator or a line break into quotes.",
            )
        else:
            yield Row(count, line, _match_cells(headings, cells))


def _match_cells(headings: Sequence[str], cells: Sequence[str]) -> dict[str, object]:
    return {heading: cell for heading, cell in zip(headings, cells, strict=False) if heading}


def _describe_error(error: str, first: int, last: int) -> str:
    if error == "unexpected end of data" or (first < last and error.startswith("field larger")):
        return (
            f"A quote opens in line {first} and is not closed, so lines {first} to {last} could not be read. "
            "Close it, or write each quote inside a cell twice."
        )
    return f"The row{_name_lines(first, last)} is malformed: {error}. Write each quote inside a quoted cell twice."


def _name_lines(first: int, last: int) -> str:
    return f" (lines {first} to {last})" if last > first else ""
