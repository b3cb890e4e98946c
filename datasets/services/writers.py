"""Writers of a release's files, row by row. Each hashes its rows as it writes them.

The content hash covers the rows and not the files, so it does not depend on the bytes of a file format.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from qsave.release.encoding import encode_canonical

BATCH = 1000


class RowWriter(ABC):
    """Counts and hashes the rows of one file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.count = 0
        self._hash = hashlib.sha256()

    @property
    def hash(self) -> str:
        return self._hash.hexdigest()

    def write(self, row: Mapping[str, Any]) -> None:
        line = encode_canonical(row) + b"\n"
        self._hash.update(line)
        self.count += 1
        self._put(row, line)

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""

    @abstractmethod
    def _put(self, row: Mapping[str, Any], line: bytes) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class JsonlWriter(RowWriter):
    """Writes each row as a line of canonical JSON."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = path.open("wb")

    def _put(self, row: Mapping[str, Any], line: bytes) -> None:
        self._file.write(line)

    def close(self) -> None:
        self._file.close()


class ParquetWriter(RowWriter):
    """Writes rows of one schema, a row group every BATCH rows."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        super().__init__(path)
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", version="2.6")
        self._rows: list[Mapping[str, Any]] = []

    def _put(self, row: Mapping[str, Any], line: bytes) -> None:
        self._rows.append(row)
        if len(self._rows) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


def compute_content_hash(writers: Mapping[str, RowWriter]) -> str:
    """Return the sha256 over the row hashes of all files, by name."""
    return hashlib.sha256(encode_canonical({name: writer.hash for name, writer in writers.items()})).hexdigest()
