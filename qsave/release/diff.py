"""Compare two release folders row by row: clips, ratings and targets.

The rows of a release are in the order of clip ids. Both releases are read once, side by side, so memory is flat in the
number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from qsave.axes import AXES
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import read_manifest, resolve_inside

BATCH = 1000

Row = Mapping[str, Any]


class Kind(StrEnum):
    CLIP = "clip"
    RATING = "rating"
    TARGET = "target"


class Action(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


FILES = {Kind.CLIP: "clips.parquet", Kind.RATING: "ratings.parquet", Kind.TARGET: "targets.parquet"}
_KEY_COLUMNS = {Kind.CLIP: ("id",), Kind.RATING: ("clip_id", "rater"), Kind.TARGET: ("clip_id", "axis")}
_AXIS_POSITIONS = {axis.value: position for position, axis in enumerate(AXES)}


class Key(NamedTuple):
    """What identifies a row in every release of a campaign. Rows of a file are in the order of their keys.

    `number` counts the ratings of one clip by one rater, from 1. For a target it is the position of the axis.
    """

    clip_id: str
    rater: str = ""
    number: int = 0


class Difference(NamedTuple):
    """A column that differs, with its value before and after."""

    column: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """A row that only one of the releases has, or that differs."""

    kind: Kind
    action: Action
    key: Key
    differences: tuple[Difference, ...] = ()

    @property
    def axis(self) -> str:
        """The axis of a target; empty for other kinds."""
        return AXES[self.key.number].value if self.kind == Kind.TARGET else ""

    def find(self, column: str) -> Difference | None:
        """Return the difference in a column; None if both releases have the same value."""
        return next((one for one in self.differences if one.column == column), None)


def compare_rows(before: Path, after: Path, kind: Kind) -> Iterator[Change]:
    """Yield every difference of one kind, in the order of keys. Columns of only one release are not compared.

    Raises ReleaseError if a folder cannot be read.
    """
    old, new = _open_file(before, kind), _open_file(after, kind)
    columns = [name for name in old.schema_arrow.names if name in set(new.schema_arrow.names)]
    for key, one, other in _align(_read_rows(before, kind, old, columns), _read_rows(after, kind, new, columns)):
        if one is None:
            yield Change(kind, Action.ADDED, key)
        elif other is None:
            yield Change(kind, Action.REMOVED, key)
        elif one != other:
            names = (name for name in columns if one[name] != other[name])
            yield Change(kind, Action.CHANGED, key, tuple(Difference(name, one[name], other[name]) for name in names))


def list_columns(folder: Path, kind: Kind) -> list[str]:
    """Return the columns of a file of rows. Raises ReleaseError if it cannot be read."""
    return list(_open_file(folder, kind).schema_arrow.names)


def _align(
    old: Iterator[tuple[Key, Row]], new: Iterator[tuple[Key, Row]]
) -> Iterator[tuple[Key, Row | None, Row | None]]:
    """Yield each key of two sorted sequences with its row in each; None where it has no such row."""
    one, other = next(old, None), next(new, None)
    while one or other:
        if one and (other is None or one[0] < other[0]):
            yield *one, None
            one = next(old, None)
        elif other and (one is None or other[0] < one[0]):
            yield other[0], None, other[1]
            other = next(new, None)
        elif one and other:
            yield *one, other[1]
            one, other = next(old, None), next(new, None)


def _open_file(folder: Path, kind: Kind) -> pq.ParquetFile:
    name = FILES[kind]
    entry, path = read_manifest(folder)["files"].get(name), resolve_inside(folder, name)
    if entry is None or not path.is_file():
        raise ReleaseError(f"{folder}: The file {name} is missing. Verify the release.")
    if path.stat().st_size != entry["bytes"]:
        raise ReleaseError(f"{path}: The file changed after the release was frozen. Verify the release.")
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise _make_damage_error(path, str(error)) from None
    missing = [column for column in _KEY_COLUMNS[kind] if column not in file.schema_arrow.names]
    if missing:
        raise _make_damage_error(path, f"it has no column {missing[0]}")
    return file


def _read_rows(folder: Path, kind: Kind, file: pq.ParquetFile, columns: list[str]) -> Iterator[tuple[Key, Row]]:
    """Yield the rows with their keys. Raises ReleaseError if they are not in the order of keys."""
    path, last = folder / FILES[kind], None
    try:
        for batch in file.iter_batches(BATCH, columns=columns):
            for row in batch.to_pylist():
                key = _make_key(kind, row, last)
                if last is not None and key <= last:
                    raise _make_damage_error(path, f"clip {key.clip_id} is not in its place")
                yield key, row
                last = key
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        if isinstance(error, ReleaseError):
            raise
        raise _make_damage_error(path, str(error)) from None


def _make_key(kind: Kind, row: Row, last: Key | None) -> Key:
    """Return the key of a row. `last` is the key of the row before it."""
    if kind == Kind.CLIP:
        return Key(row["id"])
    if kind == Kind.TARGET:
        return Key(row["clip_id"], number=_AXIS_POSITIONS[row["axis"]])
    same_rater = last is not None and last[:2] == (row["clip_id"], row["rater"])
    return Key(row["clip_id"], row["rater"], last.number + 1 if last and same_rater else 1)


def _make_damage_error(path: Path, reason: str) -> ReleaseError:
    return ReleaseError(f"{path}: The file is damaged ({reason}). Verify the release.")
