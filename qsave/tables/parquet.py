"""Read Parquet tables. Values that JSON does not have become text; bytes are left out."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow
import pyarrow.parquet
from pyarrow import types

from qsave.tables.table import Columns, Row, Table, TableError

_PANDAS_INDEX = "__index_level_"
_BATCH = 1000
_TEXT_TYPES = (types.is_timestamp, types.is_date, types.is_time, types.is_decimal)
_BYTE_TYPES = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)


def read_parquet(file: BinaryIO, name: str, columns: Columns) -> Table:
    """Read the rows in parts of 1,000. Raises TableError if the file is no Parquet or lacks a column."""
    try:
        source = pyarrow.parquet.ParquetFile(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise _make_error(name, error) from None
    fields = {
        field.name: columns.fold(field.name)
        for field in source.schema_arrow
        if not field.name.startswith(_PANDAS_INDEX) and not _is_any(field.type, _BYTE_TYPES)
    }
    columns.check(name, list(fields.values()))
    left_out = [field.name for field in source.schema_arrow if _is_any(field.type, _BYTE_TYPES)]
    notes = (f"The column {', '.join(left_out)} holds bytes, which are left out.",) if left_out else ()
    if not source.metadata.num_rows:
        raise TableError(f"{name} has no rows.")
    return Table(_read_rows(source, name, fields), notes)


def _read_rows(source: pyarrow.parquet.ParquetFile, name: str, fields: dict[str, str]) -> Iterator[Row]:
    number = 0
    try:
        for batch in source.iter_batches(batch_size=_BATCH, columns=list(fields)):
            values = [_list_values(batch.column(field)) for field in fields]
            for cells in zip(*values, strict=True):
                number += 1
                yield Row(number, number, dict(zip(fields.values(), cells, strict=True)))
    except (pyarrow.ArrowException, OSError) as error:
        raise _make_error(name, error) from None


def _list_values(column: pyarrow.Array) -> list[object]:
    if _is_any(column.type, _TEXT_TYPES):
        return [None if value is None else value.strip() for value in column.cast(pyarrow.string()).to_pylist()]
    if types.is_duration(column.type):
        unit = column.type.unit
        return [None if value is None else f"{value} {unit}" for value in column.cast(pyarrow.int64()).to_pylist()]
    try:
        return [_make_plain(value) for value in column.to_pylist()]
    except ValueError:  # nanoseconds inside a list or struct, which Python's times do not have
        return [str(value) for value in column]


def _make_plain(value: Any) -> Any:
    """Return the value as JSON has it: times and decimals as text, and without bytes."""
    if isinstance(value, list | tuple):
        return [_make_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _make_plain(part) for key, part in value.items()}
    if isinstance(value, bytes):
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta | Decimal) else value


def _is_any(kind: pyarrow.DataType, tests: tuple[Any, ...]) -> bool:
    return any(test(kind) for test in tests)


def _make_error(name: str, error: Exception) -> TableError:
    return TableError(f"{name} cannot be read as Parquet: {str(error).rstrip('.')}.")
