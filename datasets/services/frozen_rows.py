"""The rows of a frozen release, a page at a time, from its own files: what was frozen, not what is rated by now.

Memory does not grow with the release: clips are read in batches of a few columns, targets only of the clips of a page,
and answers line by line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qsave.axes import AXES, Axis
from qsave.grammar import GrammarError, parse
from qsave.release.encoding import ReleaseError, encode_canonical, parse_object
from qsave.release.rows import sft_row_from_json

PAGE_SIZE = 25
BATCH = 2000
_CLIP_COLUMNS = ["id", "sha256", "video_prompt", "generator", "split", "simulated"]
_TEXT_COLUMNS = ("video_prompt", "id")
_TARGET_COLUMNS = ["clip_id", "axis", "mos", "se", "n", "level", "defects", "described"]


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows to show; an empty text means all. `text` is looked for in prompts and ids."""

    split: str = ""
    generator: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class AxisWords:
    """The target of one axis, and the reason of the supervised row; empty without one."""

    axis: Axis
    target: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class FrozenRow:
    """One clip of a release with its targets."""

    clip: Mapping[str, Any]
    axes: Sequence[AxisWords]


@dataclass(frozen=True, slots=True)
class RowsPage:
    """A page of rows, its number (from 1), and how many rows the filter lets through."""

    rows: Sequence[FrozenRow]
    number: int
    count: int

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return min(self.number * PAGE_SIZE, self.count)

    @property
    def next_number(self) -> int | None:
        return self.number + 1 if self.last < self.count else None

    @property
    def previous_number(self) -> int | None:
        return self.number - 1 if self.number > 1 else None


def read_page(folder: Path, wanted: RowFilter, number: int) -> RowsPage:
    """Read a page of the rows that a filter lets through; a number that is too large gives the last page.

    Raises ReleaseError if the files cannot be read.
    """
    try:
        count = sum(batch.num_rows for batch in _filter_clips(folder, wanted))
        number = max(1, min(number, -(-count // PAGE_SIZE)))
        clips = _take_clips(folder, wanted, start=(number - 1) * PAGE_SIZE)
        targets = _read_targets(folder, [clip["id"] for clip in clips])
        reasons = _read_reasons(folder, clips)
    except (OSError, pa.ArrowException) as error:
        raise ReleaseError(f"The rows of {folder} cannot be read: {error}") from None
    return RowsPage([_make_row(clip, targets, reasons) for clip in clips], number, count)


def _make_row(
    clip: Mapping[str, Any], targets: Mapping[tuple[str, str], Mapping[str, Any]], reasons: Mapping[str, Any]
) -> FrozenRow:
    words = reasons.get(clip["id"], {})
    axes = [AxisWords(axis, targets.get((clip["id"], axis.value), {}), words.get(axis, "")) for axis in AXES]
    return FrozenRow(clip, axes)


def _filter_clips(folder: Path, wanted: RowFilter) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(folder / "clips.parquet") as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=_CLIP_COLUMNS):
            yield batch.filter(_match(batch, wanted)) if wanted != RowFilter() else batch


def _match(batch: pa.RecordBatch, wanted: RowFilter) -> pa.Array:
    mask = pa.repeat(pa.scalar(True), batch.num_rows)
    for name, value in (("split", wanted.split), ("generator", wanted.generator)):
        if value:
            mask = pc.and_(mask, pc.equal(batch.column(name), value))
    if wanted.text:
        in_columns = (pc.match_substring(batch.column(name), wanted.text, ignore_case=True) for name in _TEXT_COLUMNS)
        mask = pc.and_(mask, pc.or_(*in_columns))
    return mask


def _take_clips(folder: Path, wanted: RowFilter, start: int) -> list[dict[str, Any]]:
    clips: list[dict[str, Any]] = []
    for batch in _filter_clips(folder, wanted):
        clips += batch.slice(start, PAGE_SIZE - len(clips)).to_pylist()
        start = max(0, start - batch.num_rows)
        if len(clips) == PAGE_SIZE:
            break
    return clips


def _read_targets(folder: Path, ids: Sequence[str]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Read the targets of some clips; row groups without them are skipped by their statistics."""
    of_clips = pc.field("clip_id").isin(pa.array(ids, pa.string()))
    table = pq.read_table(folder / "targets.parquet", columns=_TARGET_COLUMNS, filters=of_clips)
    return {(row["clip_id"], row["axis"]): row for row in table.to_pylist()}


def _read_reasons(folder: Path, clips: Sequence[Mapping[str, Any]]) -> dict[str, dict[Axis, str]]:
    """Read the reasons of some clips from the supervised rows, of which only their lines are parsed."""
    # the keys of a line are sorted, so it begins with the id of its clip
    beginnings = tuple(encode_canonical({"clip_id": clip["id"]})[:-1] + b"," for clip in clips)
    reasons: dict[str, dict[Axis, str]] = {}
    for split in sorted({clip["split"] for clip in clips}):
        for where, line in _read_lines(folder / "sft" / f"{split}.jsonl"):
            if line.startswith(beginnings):
                row = sft_row_from_json(parse_object(line, where), where)
                reasons[row.clip_id] = _parse_reasons(row.task.answer or "")
    return reasons


def _read_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_file():  # a release may have no rows of a split
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield f"{path}:{number}", line


def _parse_reasons(answer: str) -> dict[Axis, str]:
    try:
        card = parse(answer)
    except GrammarError:
        return {}
    return {axis: card.axis(axis).reason for axis in AXES}
