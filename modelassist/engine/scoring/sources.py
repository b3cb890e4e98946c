"""Which clips to score, and what each was asked to show: one video, a folder of them, or a manifest.

A manifest is CSV or JSON lines with `video` (a path, from the manifest's folder) and `prompt`. Elsewhere the prompt is
the text file beside the video (`clip.mp4`, `clip.txt`), else the one that was given for all.
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
_NO_TEXT = "the row is not UTF-8 text"


@dataclass(frozen=True, slots=True)
class Clip:
    """A video to score. `name` is how it was named: its path from the folder or the manifest."""

    name: str
    path: Path
    prompt: str
    """Empty where none was found; such a clip is reported and not scored."""
    problem: str = ""
    """Why else it is reported and not scored."""


def clips_of(source: Path, prompt: str | None) -> list[Clip]:
    """The clips of a video, a folder or a manifest, each once, in a stable order; raises DataError where there is none.

    What is wrong with one clip or one row is that clip's `problem`, and no reason to refuse the others.
    """
    if not _is_text(prompt or ""):
        raise DataError("the prompt that is given for all is not UTF-8 text")
    if source.is_dir():
        clips = [_with_sidecar(path, str(path.relative_to(source)), prompt) for path in _videos(source)]
    elif source.suffix.lower() in MANIFEST_SUFFIXES:
        clips = [_of_row(source, number, row) for number, row in _rows(source)]
    elif source.exists():
        clips = [_with_sidecar(source, source.name, prompt)]
    else:
        raise DataError(f"{source}: there is no such video, folder or manifest")
    if not clips and source.is_dir():
        raise DataError(f"{source}: no clips in it; videos end in {', '.join(VIDEO_SUFFIXES)}")
    if not clips:
        raise DataError(f"{source}: it has no rows; a manifest names a video and its prompt in each")
    return list(dict.fromkeys(clips))


def _videos(folder: Path) -> list[Path]:
    """Links that lead nowhere too: somebody meant a clip to be there."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    return sorted(path for path in found if path.is_file() or (path.is_symlink() and not path.exists()))


def _with_sidecar(path: Path, name: str, prompt: str | None) -> Clip:
    beside = path.with_suffix(".txt")
    try:
        text = beside.read_text(encoding="utf-8-sig") if beside.is_file() else prompt or ""
    except UnicodeDecodeError as error:
        return Clip(name, path, "", f"its prompt in {beside.name} is not UTF-8 text: {error}")
    except OSError as error:
        return Clip(name, path, "", f"its prompt in {beside.name} cannot be read: {error.strerror}")
    return Clip(name, path, text.strip())


Row = Mapping[str, object] | str
"""A row of a manifest, or what is wrong with it."""


def _rows(manifest: Path) -> Iterator[tuple[int, Row]]:
    """The rows with their line numbers; bytes that are no UTF-8 become lone surrogates, so that the row can be told."""
    text = manifest.read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if manifest.suffix.lower() == ".csv":
        yield from _csv_rows(manifest, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: a prompt may hold U+2028
        if line.strip():
            yield number, _object(line)


def _csv_rows(manifest: Path, text: str) -> Iterator[tuple[int, Row]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    _check_columns(manifest, rows)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:  # the reader goes on with the next line
            yield rows.reader.line_num, f"not CSV: {error}"
        else:
            yield rows.line_num, _wrong_with(row) or row


def _wrong_with(row: Mapping[str | None, Any]) -> str | None:
    """DictReader keeps what is beyond the header under None."""
    if not _is_text("".join(str(value) for value in row.values())):
        return _NO_TEXT
    return "more columns than the header has; a prompt with a comma needs quotes" if any(row.get(None, ())) else None


def _check_columns(manifest: Path, rows: "csv.DictReader[str]") -> None:
    try:
        names = rows.fieldnames or ()
    except csv.Error as error:
        raise DataError(f"{manifest}:1: not CSV: {error}") from None
    if names and not {"video", "prompt"} <= set(names):
        there = ", ".join(names).encode("utf-8", "replace").decode()
        raise DataError(f"{manifest}:1: a manifest needs the columns video and prompt; it has {there}")


def _object(line: str) -> Row:
    if not _is_text(line):
        return _NO_TEXT
    try:
        value = parse_json(line)
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(value, dict):
        return f'expected {{"video": .., "prompt": ..}}, got {type(value).__name__}'
    return value


def _of_row(manifest: Path, number: int, row: Row) -> Clip:
    """The clip of a row; a row that names none is called by its line."""
    nameless = f"{manifest.name}:{number}"
    if problem := row if isinstance(row, str) else _wrong_cell(row):
        return Clip(nameless, manifest.parent / nameless, "", problem)
    assert not isinstance(row, str)
    video, prompt = (str(row.get(column) or "").strip() for column in ("video", "prompt"))
    if not video:
        there = ", ".join(row) or "nothing"
        return Clip(nameless, manifest.parent / nameless, "", f"no video is named; the row has {there}")
    return Clip(video, manifest.parent / video, prompt)


def _wrong_cell(row: Mapping[str, object]) -> str | None:
    """What is wrong with what a row of JSON has for a video and a prompt: a list, say, or an escaped half of a pair."""
    for column in ("video", "prompt"):
        value = row.get(column)
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            return f"{column} is text, got {type(value).__name__}"
    if not _is_text(str(row.get("prompt"))):  # the name of a file need not be text
        return "prompt is not text: it holds a lone surrogate"
    return None


def _is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)
