"""Ratings made elsewhere: a row as its file has it, and the judgements that a mapping makes of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from qsave.axes import MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import Evidence


class JudgementRefused(ValueError):
    """A row cannot be stored; the message says why."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A label that somebody gave to a whole clip, or to its `frames` from the first to the last, counted from 1.

    `box` is left, top, width and height as fractions of the frame.
    """

    label: str
    frames: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One annotation of one clip: its number in the file from 1, its fields by name, and its marks.

    A row that cannot be read has a `problem`, in full sentences, and no fields.
    """

    number: int
    fields: Mapping[str, object] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class Source:
    """An open file of ratings: its format, its rows as they are asked for, and sentences on what is left out.

    `notes` is complete once all rows are read. Reading a row may raise TableError.
    """

    format: str
    rows: Iterator[SourceRow]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ClipKey:
    """What a row says of its clip; empty texts where it says nothing."""

    clip_id: str = ""
    sha256: str = ""
    video: str = ""
    prompt: str = ""
    generator: str = ""
    prompt_group: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one rater, or a published mean, says of one axis of one clip.

    `value` is on the scale from `scale_min` to `scale_max`; all three are None if there is only evidence or a reason.
    """

    axis: Axis
    their_axis: str
    value: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    rater: str = ""
    original: str = ""
    reason: str = ""
    language: str = ""
    evidence: tuple[Evidence, ...] = ()
    n: int | None = None
    sd: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """The clip and the judgements of a row, and the labels that no defect is mapped to."""

    number: int
    clip: ClipKey
    judgements: tuple[Judgement, ...]
    other_labels: tuple[str, ...] = ()


def convert_to_levels(value: float, scale_min: float, scale_max: float) -> float:
    """Return a value of another scale on ours, from MIN_LEVEL to MAX_LEVEL, unrounded: 2 of 1 to 4 is 2.33."""
    return MIN_LEVEL + (MAX_LEVEL - MIN_LEVEL) * (value - scale_min) / (scale_max - scale_min)
