"""Manifests of clips: CSV, TSV, JSON, JSONL or Parquet, read row by row. Row 1 is the first clip, not the header.

Columns: `video` (path of the file, relative to the manifest's folder), `prompt`, `generator`; optional `clip_id`,
`prompt_group`, `seed`, `content_warning`, `gold_visual`, `gold_dynamic`, `gold_alignment`. Whatever else there is
becomes metadata.
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

NEEDED = ("video", "prompt", "generator")
GOLD = {f"gold_{axis}": axis.value for axis in AXES}
MANIFEST_BYTES = 256 * 1024**2
MOST_ROWS = 200_000
PROMPT_LENGTH = 8_000
METADATA_BYTES = 16_384
OPTIONAL = ("clip_id", "prompt_group", "content_warning")
LENGTHS = {"generator": 120, "clip_id": 200, "prompt_group": 200, "content_warning": 200}
SEED_LIMIT = 2**63


class ManifestError(ValueError):
    """A manifest that cannot be read at all; the message says what is wrong with it and what it needs."""


class RowRefused(ValueError):
    """One row that cannot be taken; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One clip as its manifest has it.

    An empty `clip_id`: its content hash becomes its name. An empty `prompt_group`: similarity decides on its group.
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
    """The raw rows in order, a refusal where one cannot be read. Raises ManifestError for the file as a whole."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ManifestError(f"{path.name}: a manifest ends in {', '.join(_READERS)}.")
    try:
        size = path.stat().st_size
        if size > MANIFEST_BYTES:
            raise ManifestError(f"{path.name} has {size} bytes; at most {MANIFEST_BYTES} are taken. Split it.")
        rows = list(islice(reader(path), MOST_ROWS + 1))
    except OSError as error:
        raise ManifestError(f"{path.name} cannot be read: {error.strerror}.") from None
    except (csv.Error, ValueError, pyarrow.ArrowException) as error:
        if isinstance(error, ManifestError):
            raise
        raise ManifestError(f"{path.name} cannot be read as {path.suffix[1:].upper()}: {error}") from None
    if len(rows) > MOST_ROWS:
        raise ManifestError(f"{path.name} has more than {MOST_ROWS} rows. Split it.")
    if not rows:
        raise ManifestError(f"{path.name} holds no row.")
    return rows


def parse_row(raw: Mapping[str, Any] | RowRefused) -> Row | RowRefused:
    """Return the checked row, or why it is refused."""
    try:
        return raw if isinstance(raw, RowRefused) else read_row(raw)
    except RowRefused as refusal:
        return refusal


def read_row(raw: Mapping[str, Any]) -> Row:
    """A row with every field checked; raises RowRefused naming the column."""
    words = {name: _text(raw, name, LENGTHS.get(name, PROMPT_LENGTH)) for name in (*NEEDED, *OPTIONAL)}
    for name in NEEDED:
        if not words[name]:
            raise RowRefused(f"{name} is empty")
    known = {*words, *GOLD, "seed"}
    extra = {name: value for name, value in raw.items() if name not in known and value not in (None, "")}
    try:
        metadata = clean_json(extra, max_bytes=METADATA_BYTES)
    except ValueError as error:
        raise RowRefused(f"the further columns: {error}") from None
    return Row(**words, seed=_seed(raw.get("seed")), gold=_gold(raw), metadata=metadata)


def _text(raw: Mapping[str, Any], name: str, most: int) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RowRefused(f"{name} is text, got {type(value).__name__}")
    text = clean_text(str(value))
    if len(text) > most:
        raise RowRefused(f"{name} has {len(text)} characters; at most {most} are taken")
    return text


def _seed(value: object) -> int | None:
    if value in (None, ""):
        return None
    try:
        seed = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    except ValueError:
        seed = None
    if seed is None or not -SEED_LIMIT <= seed < SEED_LIMIT:
        raise RowRefused(f"seed is a whole number, got {str(value)[:40]!r}")
    return seed


def _gold(raw: Mapping[str, Any]) -> dict[str, float]:
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
            raise RowRefused(f"{name} lies in {MIN_LEVEL}..{MAX_LEVEL}, got {str(value)[:40]!r}")
        gold[axis] = score
    return gold


def _check_columns(path: Path, names: list[str]) -> None:
    missing = [name for name in NEEDED if name not in names]
    if missing:
        found = ", ".join(name[:40] for name in names[:20]) or "none"
        raise ManifestError(f"{path.name} lacks the column {' and '.join(missing)}. It needs video, prompt and "
                            f"generator; found: {found}.")  # fmt: skip
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ManifestError(f"{path.name} has the column {', '.join(twice)} twice.")


def _separated(path: Path, delimiter: str) -> Iterator[Mapping[str, Any] | RowRefused]:
    reader = csv.reader(StringIO(path.read_text("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(reader, [])]
    _check_columns(path, names)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RowRefused(f"is not well formed: {error}")
            continue
        if not cells:
            continue
        if len(cells) != len(names):
            yield RowRefused(
                f"has {len(cells)} cells where the header has {len(names)}; is a text with a separator unquoted?"
            )
        else:
            yield dict(zip(names, cells, strict=True))


def _csv(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    return _separated(path, ",")


def _tsv(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    return _separated(path, "\t")


def _json(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    rows = parse_json(path.read_text("utf-8-sig"))
    if not isinstance(rows, list):
        raise ManifestError(f"{path.name} is one list of objects; found {type(rows).__name__}.")
    return (_object(row) for row in rows)


def _jsonl(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    for line in path.read_text("utf-8-sig").split("\n"):
        if line.strip():
            yield _parsed(line)


def _parsed(line: str) -> Mapping[str, Any] | RowRefused:
    try:
        return _object(parse_json(line))
    except ValueError as error:
        return RowRefused(f"is not JSON: {error}")


def _object(row: object) -> Mapping[str, Any] | RowRefused:
    if not isinstance(row, dict):
        return RowRefused(f"is an object with video, prompt and generator; found {type(row).__name__}")
    return row


def _parquet(path: Path) -> Iterator[Mapping[str, Any] | RowRefused]:
    file = pyarrow.parquet.ParquetFile(path)
    _check_columns(path, list(file.schema_arrow.names))
    for batch in file.iter_batches(batch_size=1000):
        yield from batch.to_pylist()


_READERS = {".csv": _csv, ".tsv": _tsv, ".json": _json, ".jsonl": _jsonl, ".parquet": _parquet}
