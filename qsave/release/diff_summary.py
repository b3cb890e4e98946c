"""Summarise the differences of two releases: counts, moves of targets and splits, policies and generators."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from qsave.axes import AXES
from qsave.release.diff import FILES, Action, Change, Kind, compare_rows, list_columns
from qsave.release.manifest import read_manifest

BIN = 0.25
"""Width of a bin in the histogram of moves, in levels."""
LARGEST = 20
MOST_SPLIT_MOVES = 100

Pair = tuple[Any, Any]
"""A value in the release before, and in the release after."""


class SplitMove(NamedTuple):
    clip_id: str
    before: str
    after: str


class Move(NamedTuple):
    """A target that moved: its MOS before and after, and the distance, negative if it fell."""

    clip_id: str
    distance: float
    before: float
    after: float


@dataclass(slots=True)
class AxisMoves:
    """How far the targets of one axis moved. `histogram` counts them by the lower end of their bin."""

    count: int = 0
    total: float = 0.0
    histogram: Counter[float] = field(default_factory=Counter)
    largest: list[Move] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Return the mean move, up or down; 0 if no target moved."""
        return self.total / self.count if self.count else 0.0


@dataclass(slots=True)
class Summary:
    """The differences of two releases. `identity` has the number, name and content hash of each."""

    identity: Mapping[str, Pair]
    policies: Mapping[str, Pair]
    """Policies that differ; None where a release has no such policy."""
    generators: Mapping[str, Pair]
    """Number of clips of each generator whose number differs."""
    columns: Mapping[str, Pair]
    """By file: the columns that only the release before has, and those that only the release after has."""
    counts: dict[Kind, Counter[Action]] = field(default_factory=lambda: {kind: Counter() for kind in Kind})
    changed_columns: dict[Kind, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in Kind})
    """How many changed rows differ in each column."""
    moves: dict[str, AxisMoves] = field(default_factory=lambda: {axis.value: AxisMoves() for axis in AXES})
    split_moves: int = 0
    moved_clips: list[SplitMove] = field(default_factory=list)
    """The first clips that moved between splits."""
    shares_raters: bool = True
    """False if every rating was removed and others were added: the releases then use different pseudonyms."""

    @property
    def is_empty(self) -> bool:
        return not any(count for counter in self.counts.values() for count in counter.values())

    def to_json(self) -> dict[str, Any]:
        """Return the summary as scripts get it."""
        return {
            "identity": _name_pairs(self.identity),
            "policies": _name_pairs(self.policies),
            "generators": _name_pairs(self.generators),
            "columns": _name_pairs(self.columns),
            "counts": {kind.value: {action.value: self.counts[kind][action] for action in Action} for kind in Kind},
            "changed_columns": {kind.value: dict(sorted(self.changed_columns[kind].items())) for kind in Kind},
            "moves": {axis: _moves_to_json(moves) for axis, moves in self.moves.items()},
            "split_moves": self.split_moves,
            "moved_clips": [move._asdict() for move in self.moved_clips],
            "shares_raters": self.shares_raters,
        }


def summarise(before: Path, after: Path) -> Summary:
    """Compare two release folders. Raises ReleaseError if one cannot be read."""
    old, new = read_manifest(before), read_manifest(after)
    summary = Summary(
        identity={name: (old[name], new[name]) for name in ("number", "name", "content_hash")},
        policies=_pair_differences(old["policies"], new["policies"]),
        generators=_pair_differences(old["counts"].get("generators", {}), new["counts"].get("generators", {})),
        columns=_compare_columns(before, after),
    )
    for change in chain.from_iterable(compare_rows(before, after, kind) for kind in Kind):
        _add(summary, change)
    for moves in summary.moves.values():
        moves.largest = _choose_largest(moves.largest)
    ratings = summary.counts[Kind.RATING]
    in_both = old["counts"].get("ratings", 0) - ratings[Action.REMOVED]
    summary.shares_raters = in_both > 0 or not (ratings[Action.REMOVED] and ratings[Action.ADDED])
    return summary


def list_moves(changes: Iterable[Change], most: int) -> list[Change]:
    """Return the changed targets whose MOS moved, the largest move first; at most so many."""
    return heapq.nsmallest(
        most,
        (change for change in changes if change.find("mos")),
        key=lambda change: (-abs(measure_move(change)), change.key),
    )


def measure_move(change: Change) -> float:
    """Return how far the MOS of a target moved; 0 if it did not."""
    mos = change.find("mos")
    return round(mos.after - mos.before, 6) if mos else 0.0


def _add(summary: Summary, change: Change) -> None:
    summary.counts[change.kind][change.action] += 1
    summary.changed_columns[change.kind].update(one.column for one in change.differences)
    if change.kind == Kind.CLIP and (split := change.find("split")):
        summary.split_moves += 1
        if len(summary.moved_clips) < MOST_SPLIT_MOVES:
            summary.moved_clips.append(SplitMove(change.key.clip_id, split.before, split.after))
    if change.kind == Kind.TARGET and (mos := change.find("mos")):
        _add_move(summary.moves[change.axis], change, mos.before, mos.after)


def _add_move(moves: AxisMoves, change: Change, before: float, after: float) -> None:
    distance = measure_move(change)
    moves.count += 1
    moves.total += distance
    moves.histogram[distance // BIN * BIN] += 1
    moves.largest.append(Move(change.key.clip_id, distance, before, after))
    if len(moves.largest) >= 50 * LARGEST:
        moves.largest = _choose_largest(moves.largest)


def _choose_largest(moves: list[Move]) -> list[Move]:
    return heapq.nsmallest(LARGEST, moves, key=lambda move: (-abs(move.distance), move.clip_id))


def _pair_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Pair]:
    """Return the values that differ, by name; None where one mapping lacks the name."""
    names = sorted(old.keys() | new.keys())
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _compare_columns(before: Path, after: Path) -> dict[str, Pair]:
    pairs = {}
    for kind, name in FILES.items():
        old, new = list_columns(before, kind), list_columns(after, kind)
        if set(old) != set(new):
            pairs[name] = ([one for one in old if one not in new], [one for one in new if one not in old])
    return pairs


def _name_pairs(pairs: Mapping[str, Pair]) -> dict[str, dict[str, Any]]:
    return {name: {"before": before, "after": after} for name, (before, after) in pairs.items()}


def _moves_to_json(moves: AxisMoves) -> dict[str, Any]:
    return {
        "count": moves.count,
        "mean": round(moves.mean, 6),
        "bin": BIN,
        "histogram": [{"from": low, "count": count} for low, count in sorted(moves.histogram.items())],
        "largest": [move._asdict() for move in moves.largest],
    }
