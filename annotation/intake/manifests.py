"""Read manifests of clips: CSV, TSV, JSON, JSONL or Parquet. Row 1 is the first clip, not the header.

Columns: `video` (path of the file, relative to the manifest's folder), `prompt`, `generator`; optional `clip_id`,
`prompt_group`, `seed`, `content_warning`, `gold_visual`, `gold_dynamic`, `gold_alignment`. Other columns become
metadata.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from annotation.shared.text import clean_json, clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.parsing import parse_json

REQUIRED = ("video", "prompt", "generator")
GOLD = {f"gold_{axis}": axis.value for axis in AXES}
MAX_MANIFEST_BYTES = 256 * 1024**2
MAX_ROWS = 200_000
MAX_PROMPT_LENGTH = 8_000
MAX_METADATA_BYTES = 16_384
OPTIONAL = ("clip_id", "prompt_group", "content_warning")
MAX_LENGTHS = {"generator": 120, "clip_id": 200, "prompt_group": 200, "content_warning": 200}
SEED_LIMIT = 2**63


class ManifestError(ValueError):
    """A manifest cannot be read at all; the message says what is wrong and what it needs."""


class RowRefused(ValueError):
    """A row cannot be imported; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One clip as the manifest describes it.

    Without `clip_id` the clip is named by its hash. Without `prompt_group` its group is found by similarity.
    """

    video: str
    prompt: str
    generator: str
    clip_id: str = ""
    prompt_group: str = ""
    seed: int | None = None
    content_warning: str = ""
    gold: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_manifest(path: Path) -> list[Mapping[str, Any] | RowRefused]:
    """Return the raw rows in order, a RowRefused in place of an unreadable one. Raises ManifestError for the file."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ManifestError(f"{path.name} is not a manifest: its name must end in {', '.join(_READERS)}.")
    try:
        size = path.stat().st_size
        if size > MAX_MANIFEST_BYTES:
            raise ManifestError(f"{path.name} has {size} bytes; at most {MAX_MANIFEST_BYTES} are allowed. Split it.")
        rows = list(islice(reader(path), MAX_ROWS + 1))
    except OSError as error:
        raise ManifestError(f"{path.name} cannot be read: {error.strerror}.") from None
    except (csv.Error, ValueError, pyarrow.ArrowException) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{path.name} cannot be read as {path.suffix[1:].upper()}: {error}") from None
    if len(rows) > MAX_ROWS:
        raise ManifestError(f"{path.name} has more than {MAX_ROWS} rows. Split it.")
    if not rows:
        raise ManifestError(f"{path.name} has no rows.")
    return rows


def parse_row(raw: Mapping[str, Any] | RowRefused) -> Row | RowRefused:
    """Return the checked row, or the refusal."""
    try:
        return raw if isinstance(raw, RowRefused) else read_row(raw)
    except RowRefused as refusal:
        return refusal


def read_row(raw: Mapping[str, Any]) -> Row:
    """Check every field of a row; raises RowRefused, naming the column."""
    texts = {name: _read_text(raw, name, MAX_LENGTHS.get(name, MAX_PROMPT_LENGTH)) for name in (*REQUIRED, *OPTIONAL)}
    for name in REQUIRED:
        if not texts[name]:
            raise RowRefused(f"{name} is empty.")
    own_columns = {*texts, *GOLD, "seed"}
    extra = {name: value for name, value in raw.items() if name not in own_columns and value not in (None, "")}
    try:
        metadata = clean_json(extra, max_bytes=MAX_METADATA_BYTES)
    except ValueError as error:
        raise RowRefused(f"The metadata in the other columns {error}.") from None
    return Row(**texts, seed=_read_seed(raw.get("seed")), gold=_read_gold(raw), metadata=metadata)


def _read_text(raw: Mapping[str, Any], name: str, most: int) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RowRefused(f"{name} must be text, got {type(value).__name__}.")
    text = clean_text(str(value))
    if len(text) > most:
        raise RowRefused(f"{name} has {len(text)} characters; at most {most} are allowed.")
    return text


def _read_seed(value: object) -> int | None:
    if value in (None, ""):
        return None
    try:
        seed = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        seed = None
    if seed is None or not -SEED_LIMIT <= seed < SEED_LIMIT:
        raise RowRefused(f"seed must be an integer, got {str(value)[:40]!r}.")
    return seed


def _read_gold(raw: Mapping[str, Any]) -> dict[str, float]:
    gold = {}
    for name, axis in GOLD.items():
        value = raw.get(name)
        if value in (None, ""):
            continue
        try:
            score = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            score = math.nan
        if not MIN_LEVEL <= score <= MAX_LEVEL:
            raise RowRefused(f"{name} must be between {MIN_LEVEL} and {MAX_LEVEL}, got {str(value)[:40]!r}.")
        gold[axis] = score
    return gold


def _check_columns(path: Path, names: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        present = ", ".join(name[:40] for name in names[:20]) or "none"
        raise ManifestError(
            f"{path.name} lacks the column {' and '.join(missing)}. It needs video, prompt and generator, and has: "
            f"{present}."
        )
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ManifestError(f"{path.name} has the column {', '.join(duplicates)} twice.")


def _read_separated(path: Path, delimiter: str) -> Iterator[Mapping[str, Any] | RowRefused]:
    reader = csv.reader(StringIO(path.read_text("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(reader, [])]
    _check_columns(path, names)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RowRefused(f"The row is malformed: {error}.")
            continue
        if not cells:
            continue
        if len(cells) != len(names):
            yield RowRefused(
                f"The row has {len(cells)} cells, but the header has {len(names)}. Quote text that has a separator."
            )
        else:
            yield dict(zip(names, cells, strict=True))


def _read_csv(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    return _read_separated(path, ",")


def _read_tsv(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    return _read_separated(path, "\t")


def _read_json(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    rows = parse_json(path.read_text("utf-8-sig"))
    if not isinstance(rows, list):
        raise ManifestError(f"{path.name} must be one list of objects, got {type(rows).__name__}.")
    return (_check_object(row) for row in rows)


def _read_jsonl(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    for line in path.read_text("utf-8-sig").split("\n"):
        if line.strip():
            yield _parse_line(line)


def _parse_line(line: str) -> Mapping[str, Any] | RowRefused:
    try:
        return _check_object(parse_json(line))
    except ValueError as error:
        return RowRefused(f"The row is not JSON: {str(error).rstrip('.')}.")


def _check_object(row: object) -> Mapping[str, Any] | RowRefused:
    if not isinstance(row, dict):
        return RowRefused(f"The row must be an object with video, prompt and generator, got {type(row).__name__}.")
    return row


def _read_parquet(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    file = pyarrow.parquet.ParquetFile(path)
    _check_columns(path, list(file.schema_arrow.names))
    for batch in file.iter_batches(batch_size=1000):
        yield from batch.to_pylist()


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
