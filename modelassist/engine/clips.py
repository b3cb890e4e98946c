"""Which clips to score, and what each was asked to show: one video, a folder of them, or a manifest.

A manifest is CSV or JSON lines with `video` (a path, from the manifest's folder) and `prompt`. Elsewhere the prompt is
the text file beside the video (`clip.mp4`, `clip.txt`), else the one that was given for all.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelassist.engine.data import DataError

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif")
MANIFEST_SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True, slots=True)
class Clip:
    """A video to score. `name` is how it was named: its path from the folder or the manifest."""

    name: str
    path: Path
    prompt: str
    """Empty where none was found; such a clip is reported and not scored."""


def clips_of(source: Path, prompt: str | None) -> list[Clip]:
    """The clips of a video, a folder or a manifest, in a stable order; raises DataError where there is none."""
    if source.is_dir():
        clips = [_with_sidecar(path, str(path.relative_to(source)), prompt) for path in _videos(source)]
    elif source.suffix.lower() in MANIFEST_SUFFIXES:
        clips = [_of_row(source, number, row) for number, row in _rows(source)]
    elif source.exists():
        clips = [_with_sidecar(source, source.name, prompt)]
    else:
        raise DataError(f"{source}: there is no such video, folder or manifest")
    if not clips:
        raise DataError(f"{source}: no clips in it; videos end in {', '.join(VIDEO_SUFFIXES)}")
    return clips


def _videos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())


def _with_sidecar(path: Path, name: str, prompt: str | None) -> Clip:
    beside = path.with_suffix(".txt")
    try:
        text = beside.read_text(encoding="utf-8-sig") if beside.is_file() else prompt or ""
    except UnicodeDecodeError as error:
        raise DataError(f"{beside} is not UTF-8 text: {error}") from None
    return Clip(name, path, text.strip())


def _rows(manifest: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{manifest} is not UTF-8 text: {error}") from None
    if manifest.suffix.lower() == ".csv":
        yield from _csv_rows(manifest, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: a prompt may hold U+2028
        if line.strip():
            yield number, _object(manifest, number, line)


def _csv_rows(manifest: Path, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        yield from ((rows.line_num, row) for row in rows)
    except csv.Error as error:
        raise DataError(f"{manifest}:{rows.line_num}: not CSV: {error}") from None


def _object(manifest: Path, number: int, line: str) -> Mapping[str, object]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DataError(f"{manifest}:{number}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f'{manifest}:{number}: expected {{"video": .., "prompt": ..}}, got {type(value).__name__}')
    return value


def _of_row(manifest: Path, number: int, row: Mapping[str, object]) -> Clip:
    for column in ("video", "prompt"):
        if column not in row:
            there = ", ".join(str(name) for name in row) or "no columns"
            raise DataError(f"{manifest}:{number}: a manifest needs the columns video and prompt; it has {there}")
    video, prompt = (str(row[column] or "").strip() for column in ("video", "prompt"))
    if not video:
        raise DataError(f"{manifest}:{number}: no video is named")
    return Clip(video, manifest.parent / video, prompt)
