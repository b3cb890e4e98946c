"""Find the clips to score and their prompts: one video, a folder of videos, or a manifest.

A manifest is a table with `video` (a path relative to the manifest's folder) and `prompt`. Without a manifest the
prompt is in a text file next to the video (`clip.mp4`, `clip.txt`); without that file the common prompt is used.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelassist.engine.inputs.examples import DataError
from qsave.tables.encoding import has_bad_bytes
from qsave.tables.reader import read_table
from qsave.tables.table import Columns, Row, TableError
from qsave.tables.values import is_blank

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".gif")
MANIFEST_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
_COLUMNS = Columns(known=("video", "prompt"), required=("video", "prompt"))


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
    if has_bad_bytes(prompt or ""):
        raise DataError("The prompt that is given for all is not UTF-8 text.")
    if source.is_dir():
        clips = [_make_clip_with_sidecar(path, str(path.relative_to(source)), prompt) for path in _find_videos(source)]
    elif source.suffix.lower() in MANIFEST_SUFFIXES:
        clips = [_make_clip(source, row) for row in _read_rows(source)]
    elif source.exists():
        clips = [_make_clip_with_sidecar(source, source.name, prompt)]
    else:
        raise DataError(f"{source}: there is no such video, folder or manifest.")
    if not clips and source.is_dir():
        raise DataError(f"{source}: it has no clips; the names of videos end in {', '.join(VIDEO_SUFFIXES)}.")
    if not clips:
        raise DataError(f"{source}: {source.name} has no rows; each row of a manifest names a video and its prompt.")
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


def _read_rows(manifest: Path) -> Iterator[Row]:
    """Read the rows. Raises DataError if the file is no table or lacks a column."""
    try:
        with manifest.open("rb") as file:
            yield from read_table(file, manifest.name, _COLUMNS).rows
    except TableError as error:
        raise DataError(f"{manifest}: {error}") from None
    except OSError as error:
        raise DataError(f"{manifest} cannot be read: {error.strerror}.") from None


def _make_clip(manifest: Path, row: Row) -> Clip:
    """Make the clip of a row; if the row names no video, the clip's name is the line."""
    nameless = f"{manifest.name}:{row.line}"
    if problem := row.problem or _find_cell_error(row.cells):
        return Clip(nameless, manifest.parent / nameless, "", problem)
    video, prompt = (
        "" if is_blank(value := row.cells.get(column)) else str(value).strip() for column in ("video", "prompt")
    )
    if not video:
        columns = ", ".join(row.cells) or "nothing"
        return Clip(nameless, manifest.parent / nameless, "", f"This row names no video. It has {columns}.")
    return Clip(video, manifest.parent / video, prompt)


def _find_cell_error(cells: Mapping[str, object]) -> str | None:
    """Return the error in the video or prompt of a row of JSON: a list, say, or an escaped half of a surrogate pair."""
    for column in ("video", "prompt"):
        value = cells.get(column)
        if not is_blank(value) and (isinstance(value, bool) or not isinstance(value, str | int)):
            return f"The {column} must be text, got {type(value).__name__}."
    if has_bad_bytes(str(cells.get("prompt"))):  # a file's name need not be valid text
        return "The prompt is not text: it holds a lone surrogate."
    return None
