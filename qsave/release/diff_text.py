"""Write the differences of two releases as text for a terminal, and as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from qsave.csv_rows import Cell, write_csv
from qsave.release.diff import Action, Change
from qsave.release.diff_summary import Summary

CSV_HEADER = ("kind", "change", "clip_id", "rater", "rating_number", "axis", "column", "before", "after")
SHOWN = 5
OTHER_PSEUDONYMS = (
    "Every rating was removed and others were added, because the two releases name the raters by different pseudonyms."
)


def render_summary(summary: Summary) -> Iterator[str]:
    """Yield the lines of a summary."""
    names = [f"{summary.identity['name'][side]} #{summary.identity['number'][side]}" for side in (0, 1)]
    yield f"{names[0]} -> {names[1]}"
    if summary.split_moves:
        clips = "1 clip" if summary.split_moves == 1 else f"{summary.split_moves} clips"
        yield f"WARNING: {clips} moved to another split. Do not evaluate a critic on one of these releases if it was"
        yield "trained on the other one."
        yield from (f"  {move.clip_id}: {move.before} -> {move.after}" for move in summary.moved_clips[:SHOWN])
    for kind, counts in summary.counts.items():
        yield f"{kind.value}s: " + ", ".join(f"{counts[action]} {action.value}" for action in Action)
        columns = summary.changed_columns[kind].most_common(SHOWN)
        if columns:
            yield "  changed columns: " + ", ".join(f"{name} ({count})" for name, count in columns)
    if not summary.shares_raters:
        yield OTHER_PSEUDONYMS
    for axis, moves in summary.moves.items():
        if moves.count:
            yield f"{axis}: {moves.count} targets moved, by {moves.mean:+.3f} in the mean. The largest moves:"
            yield from (
                f"  {move.clip_id}: {move.before:.2f} -> {move.after:.2f} ({move.distance:+.2f})"
                for move in moves.largest[:SHOWN]
            )
    pairs = (("policy", summary.policies), ("clips of the generator", summary.generators), ("columns", summary.columns))
    for title, values in pairs:
        yield from (
            f"{title} {name}: {format_value(old)} -> {format_value(new)}" for name, (old, new) in values.items()
        )
    if summary.is_empty:
        yield "Clips, ratings and targets are the same."


def write_changes(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the lines of a CSV file with every difference: a line for each added or removed row and changed column."""
    return write_csv(CSV_HEADER, (cells for change in changes for cells in _make_cells(change)))


def format_value(value: Any) -> str:
    """Return a value of a column or a policy as text: JSON unless it is text or None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _make_cells(change: Change) -> Iterator[tuple[Cell, ...]]:
    key = change.key
    number = key.number if key.rater else ""
    row = (change.kind.value, change.action.value, key.clip_id, key.rater, number, change.axis)
    if not change.differences:
        yield *row, "", "", ""
    for one in change.differences:
        yield *row, one.column, format_value(one.before), format_value(one.after)
