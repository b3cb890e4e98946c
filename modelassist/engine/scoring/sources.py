"""Find the clips to score and their prompts: one video, a folder of videos, or a manifest.

A manifest is CSV or JSON lines with `video` (a path relative to the manifest's folder) and `prompt`. Without a manifest
the prompt is in a text file next to the video (`clip.mp4`, `clip.txt`); without that file the common prompt is used.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelassist.engine.inputs.examples import DataError
from qsave.parsing import parse_json

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif")
MANIFEST_SUFFIXES = (".csv", ".jsonl")
_NO_TEXT = "This row is not UTF-8 text."


@dataclass(frozen=True, slots=True)
class Clip:
    """A video to score. `name` is its path from the folder or the manifest."""

    name: str
    path: Path
    prompt: str
    """Empty if the clip has no prompt; such a clip is reported and not scored."""
    problem: str = ""
    """Any other reason why the clip is reported and not scored."""


def find_clips(source: Path, prompt: str | None) -> list[Clip]:
    """Find the clips of a video, a folder or a manifest, each once, in a stable order.

    An error in one clip or one row becomes the `problem` of that clip only. Raises DataError if there are no clips.
    """
    if not _is_text(prompt or ""):
        raise DataError("The prompt that is given for all is not UTF-8 text.")
    if source.is_dir():
        clips = [_make_clip_with_sidecar(path, str(path.relative_to(source)), prompt) for path in _find_videos(source)]
    elif source.suffix.lower() in MANIFEST_SUFFIXES:
        clips = [_make_clip(source, number, row) for number, row in _read_rows(source)]
    elif source.exists():
        clips = [_make_clip_with_sidecar(source, source.name, prompt)]
    else:
        raise DataError(f"{source}: there is no such video, folder or manifest.")
    if not clips and source.is_dir():
        raise DataError(f"{source}: it has no clips; the names of videos end in {', '.join(VIDEO_SUFFIXES)}.")
    if not clips:
        raise DataError(f"{source}: it has no rows; each row of a manifest names a video and its prompt.")
    return list(dict.fromkeys(clips))


def _find_videos(folder: Path) -> list[Path]:
    """Find videos, and also broken links with a video's name, so that they are reported."""
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    return sorted(path for path in paths if path.is_file() or (path.is_symlink() and not path.exists()))


def _make_clip_with_sidecar(path: Path, name: str, prompt: str | None) -> Clip:
    """Make a clip; its prompt comes from the text file next to it, if there is one."""
    beside = path.with_suffix(".txt")
    try:
        text = beside.read_text(encoding="utf-8-sig") if beside.is_file() else prompt or ""
    except UnicodeDecodeError as error:
        return Clip(name, path, "", f"Its prompt in {beside.name} is not UTF-8 text: {error}.")
    except OSError as error:
        return Clip(name, path, "", f"Its prompt in {beside.name} cannot be read: {error.strerror}.")
    return Clip(name, path, text.strip())


Row = Mapping[str, object] | str
"""A row of a manifest, or the error in it."""


def _read_rows(manifest: Path) -> Iterator[tuple[int, Row]]:
    """Read the rows with their line numbers; invalid UTF-8 becomes lone surrogates, so that the row can be reported."""
    text = manifest.read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if manifest.suffix.lower() == ".csv":
        yield from _read_csv_rows(manifest, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: a prompt may hold U+2028
        if line.strip():
            yield number, _parse_row(line)


def _read_csv_rows(manifest: Path, text: str) -> Iterator[tuple[int, Row]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    _check_columns(manifest, rows)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:  # the reader continues with the next line
            yield rows.reader.line_num, f"This row is not CSV: {error}."
        else:
            yield rows.line_num, _find_row_error(row) or row


def _find_row_error(row: Mapping[str | None, Any]) -> str | None:
    """Return the error in a row of CSV; DictReader puts cells beyond the header under None."""
    if not _is_text("".join(str(value) for value in row.values())):
        return _NO_TEXT
    return (
        "This row has more columns than the header. A prompt with a comma needs quotes."
        if any(row.get(None, ()))
        else None
    )


def _check_columns(manifest: Path, rows: "csv.DictReader[str]") -> None:
    try:
        names = rows.fieldnames or ()
    except csv.Error as error:
        raise DataError(f"{manifest}:1: not CSV: {error}.") from None
    if names and not {"video", "prompt"} <= set(names):
        columns = ", ".join(names).encode("utf-8", "replace").decode()
        raise DataError(f"{manifest}:1: a manifest needs the columns video and prompt; it has {columns}.")


def _parse_row(line: str) -> Row:
    if not _is_text(line):
        return _NO_TEXT
    try:
        value = parse_json(line)
    except ValueError as error:
        return f"This row is not JSON: {error}."
    if not isinstance(value, dict):
        return f'This row must be {{"video": .., "prompt": ..}}, got {type(value).__name__}.'
    return value


def _make_clip(manifest: Path, number: int, row: Row) -> Clip:
    """Make the clip of a row; if the row names no video, the clip's name is the line number."""
    nameless = f"{manifest.name}:{number}"
    if problem := row if isinstance(row, str) else _find_cell_error(row):
        return Clip(nameless, manifest.parent / nameless, "", problem)
    assert not isinstance(row, str)
    video, prompt = (str(row.get(column) or "").strip() for column in ("video", "prompt"))
    if not video:
        columns = ", ".join(row) or "nothing"
        return Clip(nameless, manifest.parent / nameless, "", f"This row names no video. It has {columns}.")
    return Clip(video, manifest.parent / video, prompt)


def _find_cell_error(row: Mapping[str, object]) -> str | None:
    """Return the error in the video or prompt of a row of JSON: a list, say, or an escaped half of a surrogate pair."""
    for column in ("video", "prompt"):
        value = row.get(column)
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            return f"The {column} must be text, got {type(value).__name__}."
    if not _is_text(str(row.get("prompt"))):  # a file's name need not be valid text
        return "The prompt is not text: it holds a lone surrogate."
    return None


def _is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)
