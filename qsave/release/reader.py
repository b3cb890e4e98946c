"""Reading a release folder: its manifest, its rows and its clips.

A release is plain files (JSONL, Parquet, Markdown), so a GPU machine reads it without a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, overload

from qsave.release.encoding import ReleaseError, parse_object
from qsave.release.manifest import MEDIA_FOLDER, read_manifest, resolve_inside
from qsave.release.rows import RlRow, SftRow, rl_row_from_json, sft_row_from_json


class ReleaseReader:
    """An open release folder. Raises ReleaseError if its manifest cannot be read.

    Files are read as rows are requested; only `verify_release` checks their hashes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: dict[str, Any] = read_manifest(folder)

    @overload
    def rows(self, kind: Literal["sft", "cooldown"], split: str) -> Iterator[SftRow]: ...
    @overload
    def rows(self, kind: Literal["rl"], split: str) -> Iterator[RlRow]: ...
    @overload
    def rows(self, kind: str, split: str) -> Iterator[SftRow] | Iterator[RlRow]: ...
    def rows(self, kind: str, split: str) -> Iterator[SftRow] | Iterator[RlRow]:
        """Yield the rows of one file, in file order.

        Raises ReleaseError if the release has no such file: cool-down rows, for one, exist for train only.
        """
        name = f"{kind}/{split}.jsonl"
        if name not in self.manifest["files"]:
            row_files = ", ".join(file for file in sorted(self.manifest["files"]) if file.endswith(".jsonl"))
            raise ReleaseError(f"{self.folder}: This release has no {name}. It has {row_files or 'no row files'}.")
        return self._read_rl_rows(name) if kind == "rl" else self._read_sft_rows(name)

    def media_path(self, row: SftRow | RlRow) -> Path:
        """Return the path of the row's clip. Raises ReleaseError if the file is missing."""
        name = row.media.path
        path = resolve_inside(self.folder, name)
        if not path.is_file():
            raise ReleaseError(
                f"{self.folder}: The clip {name} of row {row.id} is missing. If the release was made without media, "
                f"copy its clips into {MEDIA_FOLDER}/ as <sha256>.<extension>."
            )
        return path

    def _read_sft_rows(self, name: str) -> Iterator[SftRow]:
        for where, value in self._read_lines(name):
            yield sft_row_from_json(value, where)

    def _read_rl_rows(self, name: str) -> Iterator[RlRow]:
        for where, value in self._read_lines(name):
            yield rl_row_from_json(value, where)

    def _read_lines(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        path = resolve_inside(self.folder, name)
        if not path.is_file():
            raise ReleaseError(f"{path}: The manifest lists this file, and it is missing.")
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                where = f"{path}:{number}"
                yield where, parse_object(line, where)
