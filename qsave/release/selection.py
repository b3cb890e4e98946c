"""Which files of a release somebody gets: all of them, those of one split, with or without the clips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qsave.release.encoding import parse_object
from qsave.release.manifest import MEDIA_FOLDER
from qsave.splits import SPLITS


def list_data_files(manifest: Mapping[str, Any], split: str = "") -> list[str]:
    """Return the names of all files but clips, in order; of the row files only those of the split, if one is named."""
    others = tuple(f"/{other}.jsonl" for other in SPLITS if split and other != split)
    return [name for name in sorted(manifest["files"]) if not is_clip(name) and not name.endswith(others)]


def list_clips(manifest: Mapping[str, Any], folder: Path, split: str = "") -> list[str]:
    """Return the names of the clips, in order. Those of one split are read from its rows in `folder`.

    Raises ReleaseError for a damaged row, OSError if the file of rows cannot be read.
    """
    clips = [name for name in sorted(manifest["files"]) if is_clip(name)]
    if not split or not clips:
        return clips
    in_split = _read_media_paths(folder / "rl" / f"{split}.jsonl")
    return [name for name in clips if name in in_split]


def is_clip(name: str) -> bool:
    """Tell whether a file of a release is a clip."""
    return name.startswith(f"{MEDIA_FOLDER}/")


def _read_media_paths(rows: Path) -> set[str]:
    """Return the paths of the clips of a split. Every clip of a release has a row for GRPO."""
    with rows.open("rb") as lines:
        parsed = (parse_object(line, f"{rows}:{number}") for number, line in enumerate(lines, start=1))
        return {str(row.get("media", {}).get("path")) for row in parsed}
