"""The one reader of tables from outside: clip manifests, name lists, order scores, and clips to score."""

from collections.abc import Callable
from pathlib import PurePath
from typing import BinaryIO

from qsave.tables.content import refuse_other_files
from qsave.tables.objects import read_json, read_json_lines
from qsave.tables.separated import read_separated
from qsave.tables.table import Columns, Table, TableError

Reader = Callable[[BinaryIO, str, Columns], Table]


def read_table(file: BinaryIO, name: str, columns: Columns) -> Table:
    """Read the table in a file by the ending of its name, which messages show. Raises TableError."""
    reader = READERS.get(PurePath(name).suffix.lower())
    if reader is None:
        raise TableError(f"{name} is not a table: its name must end in {', '.join(READERS)}.")
    refuse_other_files(file, name)
    return reader(file, name, columns)


def _read_parquet(file: BinaryIO, name: str, columns: Columns) -> Table:
    from qsave.tables.parquet import read_parquet  # pyarrow takes a while to load, and most tables are text

    return read_parquet(file, name, columns)


READERS: dict[str, Reader] = {
    ".csv": read_separated,
    ".tsv": read_separated,
    ".txt": read_separated,
    ".json": read_json,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".parquet": _read_parquet,
}
