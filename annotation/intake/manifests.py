"""Read manifests of clips: CSV, TSV, JSON, JSONL or Parquet. Row 1 is the first clip, not the heading.

Columns: `video` (path of the file, relative to the manifest's folder), `prompt`, `generator`; optional `clip_id`,
`prompt_group`, `seed`, `content_warning`, `gold_visual`, `gold_dynamic`, `gold_alignment`. Other columns become
metadata.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotation.shared.text import clean_json, clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.tables.reader import read_table
from qsave.tables.table import Columns, Table, TableError
from qsave.tables.values import is_blank, parse_number, parse_whole_number, write_name

REQUIRED = ("video", "prompt", "generator")
GOLD = {f"gold_{axis}": axis.value for axis in AXES}
MAX_MANIFEST_BYTES = 256 * 1024**2
MAX_ROWS = 200_000
MAX_PROMPT_LENGTH = 8_000
MAX_METADATA_BYTES = 16_384
OPTIONAL = ("clip_id", "prompt_group", "content_warning")
MAX_LENGTHS = {"generator": 120, "clip_id": 200, "prompt_group": 200, "content_warning": 200}
LEAST_SEED, MOST_SEED = -(2**63), 2**64 - 1
NAMES = frozenset({"clip_id", "prompt_group"})
"""Columns in which 7.0 is 7 also as a text: pandas writes names that are numbers so if the column has gaps."""
SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"})
_COLUMNS = Columns(known=(*REQUIRED, *OPTIONAL, *GOLD, "seed"), required=REQUIRED)


class RowRefused(ValueError):
    """A row cannot be imported; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One clip as the manifest describes it.

    Without `clip_id` the clip is named by a hash. Without `prompt_group` its group is found by similarity.
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


@dataclass(frozen=True, slots=True)
class Manifest:
    """The raw rows in order, a RowRefused in place of an unreadable one, and remarks on what is left out.

    Rows are read as they are asked for, which may raise TableError.
    """

    rows: Iterator[Mapping[str, Any] | RowRefused]
    notes: tuple[str, ...] = ()


@contextmanager
def open_manifest(path: Path) -> Iterator[Manifest]:
    """Open a manifest for the body. Raises TableError if the file cannot be read, has no rows, or is too large."""
    if path.suffix.lower() not in SUFFIXES:
        raise TableError(f"{path.name} is not a manifest: its name must end in {', '.join(sorted(SUFFIXES))}.")
    try:
        size = path.stat().st_size
        if size > MAX_MANIFEST_BYTES:
            raise TableError(f"{path.name} has {size} bytes; at most {MAX_MANIFEST_BYTES} are allowed. Split it.")
        with path.open("rb") as file:
            table = read_table(file, path.name, _COLUMNS)
            yield Manifest(_read_rows(table, path.name), table.notes)
    except OSError as error:
        if error.filename not in (None, str(path)):
            raise
        raise TableError(f"{path.name} cannot be read: {error.strerror}.") from None


def _read_rows(table: Table, name: str) -> Iterator[Mapping[str, Any] | RowRefused]:
    count = 0
    for count, row in enumerate(table.rows, start=1):
        if count > MAX_ROWS:
            raise TableError(f"{name} has more than {MAX_ROWS} rows. Split it.")
        yield RowRefused(row.problem) if row.problem else row.cells
    if not count:
        raise TableError(f"{name} has no rows.")


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
    extra = {name: value for name, value in raw.items() if name not in own_columns and not is_blank(value)}
    try:
        metadata = clean_json(extra, max_bytes=MAX_METADATA_BYTES)
    except ValueError as error:
        raise RowRefused(f"The metadata in the other columns {error}.") from None
    return Row(**texts, seed=_read_seed(raw.get("seed")), gold=_read_gold(raw), metadata=metadata)


def _read_text(raw: Mapping[str, Any], name: str, most: int) -> str:
    value = raw.get(name)
    if is_blank(value):
        return ""
    if name in NAMES or (name != "prompt" and not isinstance(value, str)):
        value = write_name(value)
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RowRefused(f"{name} must be text, got {type(value).__name__}.")
    text = clean_text(str(value))
    if len(text) > most:
        raise RowRefused(f"{name} has {len(text)} characters; at most {most} are allowed.")
    return text


def _read_seed(value: object) -> int | None:
    try:
        seed = parse_whole_number(value)
    except ValueError:
        raise RowRefused(f"seed must be a whole number, got {str(value)[:40]!r}.") from None
    if seed is not None and not LEAST_SEED <= seed <= MOST_SEED:
        raise RowRefused(f"seed must be between {LEAST_SEED} and {MOST_SEED}, got {seed}.")
    return seed


def _read_gold(raw: Mapping[str, Any]) -> dict[str, float]:
    gold = {}
    for name, axis in GOLD.items():
        value = raw.get(name)
        try:
            score = parse_number(value)
        except ValueError:
            score = math.nan
        if score is None:
            continue
        if not MIN_LEVEL <= score <= MAX_LEVEL:
            raise RowRefused(f"{name} must be between {MIN_LEVEL} and {MAX_LEVEL}, got {str(value)[:40]!r}.")
        gold[axis] = score
    return gold
