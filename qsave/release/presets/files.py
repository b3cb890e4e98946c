"""Files of a preset, written row by row: lines of JSON, Parquet tables, pictures and clips."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from qsave.release.encoding import encode_canonical
from qsave.release.presets.frames import name_frames
from qsave.release.presets.samples import LoadedSample

_ROWS_IN_MEMORY = 1000
_BYTES_IN_MEMORY = 32 * 2**20


class PresetFiles:
    """The folder of a preset that is being written. `counts` has the rows of each file."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.counts: dict[str, int] = {}
        self._stack = stack
        self._lines: dict[str, IO[bytes]] = {}
        self._tables: dict[str, _Table] = {}

    def write_line(self, name: str, row: Mapping[str, Any]) -> None:
        """Write a row to a file of JSON lines, which is made with its first row."""
        if name not in self._lines:
            self._lines[name] = self._stack.enter_context(self._make_path(name).open("wb"))
        self._lines[name].write(encode_canonical(row) + b"\n")
        self.count(name)

    def write_row(self, name: str, row: Mapping[str, Any], schema: pa.Schema, size: int = 0) -> None:
        """Write a row to a Parquet file, which is made with its first row. `size` is its bytes in memory."""
        if name not in self._tables:
            self._tables[name] = self._stack.enter_context(_open_table(self._make_path(name), schema))
        self._tables[name].write(row, size)
        self.count(name)

    def write_frames(self, loaded: LoadedSample) -> list[str]:
        """Write the frames of a clip, once for the same clip; returns their paths in the preset."""
        names = name_frames(loaded.sample.rl.media)
        for name, picture in zip(names, loaded.pictures, strict=True):
            path = self._make_path(name)
            if not path.exists():
                path.write_bytes(picture)
        return names

    def add_clip(self, loaded: LoadedSample) -> str:
        """Link the clip into the preset, or copy it if the disk is another; returns its path there."""
        name = loaded.sample.rl.media.path
        self.add_file(loaded.clip, name)
        return name

    def add_file(self, source: Path, name: str) -> None:
        """Link a file of the release into the preset, or copy it if the disk is another."""
        path = self._make_path(name)
        if path.exists():
            return
        try:
            os.link(source, path)
        except OSError:  # another disk, or a file system without hard links
            shutil.copyfile(source, path)

    def count(self, name: str) -> None:
        """Count one more row of a file."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def _make_path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class _Table:
    """A Parquet file; its row groups are bounded in rows and bytes."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", version="2.6")
        self._rows: list[Mapping[str, Any]] = []
        self._bytes = 0

    def write(self, row: Mapping[str, Any], size: int) -> None:
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) >= _ROWS_IN_MEMORY or self._bytes >= _BYTES_IN_MEMORY:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0


@contextmanager
def _open_table(path: Path, schema: pa.Schema) -> Iterator[_Table]:
    table = _Table(path, schema)
    try:
        yield table
    finally:
        table.close()
