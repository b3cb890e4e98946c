"""Read tables of JSON: a list of objects, lines of objects, or what pandas writes."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from qsave.parsing import parse_json
from qsave.tables.encoding import has_bad_bytes, read_lines
from qsave.tables.table import Columns, Row, Table, TableError


def read_json(file: BinaryIO, name: str, columns: Columns) -> Table:
    """Read one JSON value: a list of objects, alone or under one key, or pandas' columns or split form.

    A file of lines is read as such. Raises TableError for any other file.
    """
    text = "".join(read_lines(file))
    try:
        value = parse_json(text)
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) > 1 and isinstance(_parse_line(lines[0]), dict):
            return _read_lines(text.split("\n"), name, columns)
        raise TableError(f"{name} cannot be read as JSON: {error}.") from None
    objects = _find_objects(value)
    if objects is None:
        raise TableError(f"{name} must be one list of objects, got {_name_type(value)}.")
    if not objects:
        raise TableError(f"{name} has no rows.")
    return Table(_make_row(number, number, value, columns) for number, value in enumerate(objects, start=1))


def read_json_lines(file: BinaryIO, name: str, columns: Columns) -> Table:
    """Read one object a line; blank lines are skipped. Raises TableError if there is no line."""
    return _read_lines(read_lines(file), name, columns)


def _read_lines(lines: Iterable[str], name: str, columns: Columns) -> Table:
    rows = _parse_lines(lines, columns)
    first = next(rows, None)
    if first is None:
        raise TableError(f"{name} has no rows.")
    return Table(chain([first], rows))


def _parse_lines(lines: Iterable[str], columns: Columns) -> Iterator[Row]:
    number = 0
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        number += 1
        if has_bad_bytes(text):
            yield Row(number, line, problem="The row is not UTF-8 text. Save the table as UTF-8.")
            continue
        value = _parse_line(text)
        if isinstance(value, ValueError):
            yield Row(number, line, problem=f"The row is not JSON: {str(value).rstrip('.')}.")
        else:
            yield _make_row(number, line, value, columns)


def _parse_line(text: str) -> object:
    try:
        return parse_json(text)
    except ValueError as error:
        return error


def _make_row(number: int, line: int, value: object, columns: Columns) -> Row:
    if not isinstance(value, dict):
        return Row(number, line, problem=f"The row must be an object, got {_name_type(value)}.")
    cells: dict[str, object] = {}
    for heading, cell in value.items():
        column = columns.fold(heading)
        if column in cells:
            return Row(number, line, problem=f"The row has the column {column} twice.")
        if column:
            cells[column] = cell
    return Row(number, line, cells)


def _find_objects(value: object) -> list[object] | None:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    headings, rows = value.get("columns"), value.get("data")
    if isinstance(headings, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        return [dict(zip(map(str, headings), row, strict=False)) for row in rows]
    if value and all(isinstance(column, dict) for column in value.values()):
        keys = list(dict.fromkeys(key for column in value.values() for key in column))
        return [{heading: column.get(key) for heading, column in value.items()} for key in keys]
    lists = [each for each in value.values() if isinstance(each, list) and each and isinstance(each[0], dict)]
    return lists[0] if len(lists) == 1 else None


def _name_type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
