"""The report card: the judgement of a rater or a critic on one clip. Forms, drafts, releases and the engine share it.

An axis lists its defects as pieces of evidence: each names a defect and may have a time range and a box. An axis with
empty evidence says "no defect".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis


class ReportCardError(ValueError):
    """A report card is invalid; the message names the field and the value."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Seconds from the first shown frame; 0 <= start <= end."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end < float("inf"):
            raise ReportCardError(f"a time range needs 0 <= start <= end, got {self.start}-{self.end}")


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, width and height as fractions of the frame, inside it."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        inside = (
            min(self.x, self.y) >= 0
            and min(self.width, self.height) > 0
            and self.x + self.width <= 1 + 1e-6
            and self.y + self.height <= 1 + 1e-6
        )
        if not inside:
            raise ReportCardError(f"a box must be inside the frame (fractions 0..1), got {self}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A defect, and its time and place if they are marked."""

    defect: str
    time: TimeRange | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class AxisReport:
    """One axis: a score in [1, 5] (people give whole levels, critics may fall between), evidence, a reason."""

    score: float
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        if not MIN_LEVEL <= self.score <= MAX_LEVEL:
            raise ReportCardError(f"a score must be from {MIN_LEVEL} to {MAX_LEVEL}, got {self.score}")

    @property
    def defects(self) -> tuple[str, ...]:
        """Return the distinct defects, in the order of their first appearance."""
        return tuple(dict.fromkeys(piece.defect for piece in self.evidence))


@dataclass(frozen=True, slots=True)
class ReportCard:
    """The judgement on all three axes of one clip."""

    visual: AxisReport
    dynamic: AxisReport
    alignment: AxisReport

    def axis(self, axis: Axis) -> AxisReport:
        return {Axis.VISUAL: self.visual, Axis.DYNAMIC: self.dynamic, Axis.ALIGNMENT: self.alignment}[axis]

    @property
    def scores(self) -> dict[Axis, float]:
        return {axis: self.axis(axis).score for axis in AXES}


def evidence_to_json(evidence: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    """Return `[{"defect": id, "time": [start, end] | null, "box": [x, y, width, height] | null}, ..]`"""
    return [
        {
            "defect": piece.defect,
            "time": [piece.time.start, piece.time.end] if piece.time else None,
            "box": [piece.box.x, piece.box.y, piece.box.width, piece.box.height] if piece.box else None,
        }
        for piece in evidence
    ]


def evidence_from_json(value: object) -> tuple[Evidence, ...]:
    """Parse evidence from the JSON of `evidence_to_json`. Raises ReportCardError for any other shape."""
    if not isinstance(value, list):
        raise ReportCardError(f"evidence is a list, got {type(value).__name__}")
    return tuple(_piece_from_json(piece) for piece in value)


def _piece_from_json(piece: object) -> Evidence:
    if not isinstance(piece, Mapping) or not isinstance(piece.get("defect"), str) or not piece["defect"]:
        raise ReportCardError(f"a piece of evidence names its defect, got {piece!r}")
    time = _floats(piece.get("time"), count=2, field="time")
    box = _floats(piece.get("box"), count=4, field="box")
    return Evidence(
        defect=piece["defect"],
        time=TimeRange(*time) if time else None,
        box=Box(*box) if box else None,
    )


def _floats(value: object, *, count: int, field: str) -> list[float] | None:
    if value is None:
        return None
    numbers = isinstance(value, list) and all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in value
    )
    if not numbers or not isinstance(value, list) or len(value) != count:
        raise ReportCardError(f"{field} is a list of {count} numbers, got {value!r}")
    return [float(number) for number in value]


def card_to_json(card: ReportCard) -> dict[str, Any]:
    """Return `{axis: {"score": .., "evidence": [..], "reason": ".."}}` for the three axes."""
    return {
        axis.value: {
            "score": card.axis(axis).score,
            "evidence": evidence_to_json(card.axis(axis).evidence),
            "reason": card.axis(axis).reason,
        }
        for axis in AXES
    }


def card_from_json(value: object) -> ReportCard:
    """Parse a card from the JSON of `card_to_json`. Raises ReportCardError, which names the axis and the field."""
    if not isinstance(value, Mapping):
        raise ReportCardError(f"a report card is an object with the three axes, got {type(value).__name__}")
    if set(value) != {axis.value for axis in AXES}:
        raise ReportCardError(f"a report card has exactly the axes {', '.join(AXES)}; got {sorted(value)}")
    return ReportCard(**{axis.value: _axis_from_json(axis, value[axis.value]) for axis in AXES})


def _axis_from_json(axis: Axis, value: object) -> AxisReport:
    if not isinstance(value, Mapping):
        raise ReportCardError(f"{axis}: expected an object, got {type(value).__name__}")
    score, reason = value.get("score"), value.get("reason", "")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise ReportCardError(f"{axis}: score must be a number, got {score!r}")
    if not isinstance(reason, str):
        raise ReportCardError(f"{axis}: reason must be text, got {type(reason).__name__}")
    try:
        return AxisReport(score=score, evidence=evidence_from_json(value.get("evidence", [])), reason=reason)
    except ReportCardError as error:
        raise ReportCardError(f"{axis}: {error}") from None
