"""Read all that a release folder has of one clip: its row, its ratings and its targets, or why it was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qsave.release.encoding import ReleaseError
from qsave.release.manifest import read_manifest, resolve_inside

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FrozenClip:
    """One clip of a release. `clip` is None if the release left it out."""

    clip_id: str
    clip: Row | None
    ratings: tuple[Row, ...]
    targets: tuple[Row, ...]
    left_out: tuple[Row, ...]
    """Files that left the clip out (`from`), each with the `reason`."""

    @property
    def is_known(self) -> bool:
        """Whether the release has the clip or says why it was left out."""
        return self.clip is not None or bool(self.left_out)


def read_clip(folder: Path, clip_id: str) -> FrozenClip:
    """Return what a release has of a clip. Raises ReleaseError if the folder cannot be read."""
    manifest = read_manifest(folder)
    clips = read_rows(folder, "clips.parquet", "id", clip_id)
    return FrozenClip(
        clip_id=clip_id,
        clip=clips[0] if clips else None,
        ratings=tuple(read_rows(folder, "ratings.parquet", "clip_id", clip_id)),
        targets=tuple(read_rows(folder, "targets.parquet", "clip_id", clip_id)),
        left_out=tuple(entry for entry in manifest.get("excluded", ()) if entry["clip_id"] == clip_id),
    )


def read_rows(folder: Path, name: str, column: str, clip_id: str) -> list[Row]:
    """Return the rows of a clip from one file. Only the row groups that may have the clip are read."""
    path = resolve_inside(folder, name)
    try:
        rows: list[Row] = pq.read_table(path, filters=[(column, "=", clip_id)], partitioning=None).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise ReleaseError(f"{path}: The rows cannot be read ({error}). Verify the release.") from None
    return rows
