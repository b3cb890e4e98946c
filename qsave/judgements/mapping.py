"""How the fields of a file become judgements. A program proposes a mapping, and a person confirms it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from qsave.axes import MAX_LEVEL, MIN_LEVEL, Axis

CLIP_FIELDS = ("clip_id", "sha256", "video", "prompt", "generator", "prompt_group")
FRAME_RATE = 24.0
"""The frame rate by which Label Studio counts frames if its configuration names none."""
MOST_NAME = 80
_TEXTS = ("source", "rater", "axis_field", "score_field", "scale_min_field", "scale_max_field", "reason", "language")


class MappingRefused(ValueError):
    """A mapping cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class AxisRule:
    """How a field with scores is read: the axis, the scale, and the fields with its reason, evidence, n and sd."""

    axis: Axis
    scale_min: float = MIN_LEVEL
    scale_max: float = MAX_LEVEL
    reason: str = ""
    evidence: str = ""
    n: str = ""
    sd: str = ""

    @classmethod
    def from_json(cls, name: str, value: object) -> "AxisRule":
        """Return the rule of a field. Raises MappingRefused."""
        if not isinstance(value, Mapping) or value.get("axis") not in set(Axis):
            raise MappingRefused(f"{name}: the axis must be one of {', '.join(Axis)}.")
        _check_names(value, {one.name for one in fields(cls)}, f"The rule of {name}")
        low, high = (_read_number(value.get(key, end), f"{name}: {key}") for key, end in _ENDS)
        if not low < high:
            raise MappingRefused(f"{name}: the scale must end above its beginning, got {low:g} to {high:g}.")
        texts = {key: _read_text(value, key) for key in ("reason", "evidence", "n", "sd")}
        return cls(Axis(value["axis"]), low, high, **texts)

    def to_json(self) -> dict[str, Any]:
        return {
            "axis": self.axis.value,
            "scale_min": self.scale_min,
            "scale_max": self.scale_max,
            **{key: getattr(self, key) for key in ("reason", "evidence", "n", "sd") if getattr(self, key)},
        }


_ENDS = (("scale_min", MIN_LEVEL), ("scale_max", MAX_LEVEL))


@dataclass(frozen=True, slots=True)
class JudgementMapping:
    """Which fields of a file are what.

    `axes` has a rule for each field with scores or, if a table has a row for each axis, for each name of an axis in
    `axis_field`; the score is then in `score_field`. `clip` maps CLIP_FIELDS to fields. `labels` names the fields with
    labels, and `defects` maps labels to the ids of defects. `words` maps folded words to scores.
    """

    source: str
    axes: Mapping[str, AxisRule]
    clip: Mapping[str, str] = field(default_factory=dict)
    rater: str = ""
    axis_field: str = ""
    score_field: str = ""
    scale_min_field: str = ""
    scale_max_field: str = ""
    reason: str = ""
    language: str = ""
    labels: tuple[str, ...] = ()
    defects: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, float] = field(default_factory=dict)
    frame_rate: float = FRAME_RATE

    @classmethod
    def from_json(cls, value: object) -> "JudgementMapping":
        """Return the mapping that `to_json` wrote. Raises MappingRefused."""
        if not isinstance(value, Mapping):
            raise MappingRefused("A mapping is one JSON object.")
        _check_names(value, {one.name for one in fields(cls)}, "A mapping")
        rules = _read_object(value, "axes")
        frame_rate = _read_number(value.get("frame_rate", FRAME_RATE), "frame_rate")
        if frame_rate <= 0:
            raise MappingRefused("frame_rate must be above 0.")
        mapping = cls(
            axes={str(name): AxisRule.from_json(str(name), rule) for name, rule in rules.items()},
            clip=_read_texts(value, "clip"),
            labels=_read_list(value, "labels"),
            defects=_read_texts(value, "defects"),
            words={str(name): _read_number(each, name) for name, each in _read_object(value, "words").items()},
            frame_rate=frame_rate,
            **{name: _read_text(value, name) for name in _TEXTS},
        )
        mapping.check()
        return mapping

    def check(self) -> None:
        """Raise MappingRefused if nothing could be imported by this mapping."""
        if not self.source or len(self.source) > MOST_NAME:
            raise MappingRefused(f"Name the source of the ratings, with at most {MOST_NAME} characters.")
        if not self.axes and not self.labels and not self.defects:
            raise MappingRefused("No field is mapped to an axis. Say which field is which axis.")
        if bool(self.axis_field) != bool(self.score_field):
            raise MappingRefused("Name both the field with the axis and the field with the score, or neither.")
        unknown = sorted(set(self.clip) - set(CLIP_FIELDS))
        if unknown:
            raise MappingRefused(f"A clip has no field {', '.join(unknown)}; it has {', '.join(CLIP_FIELDS)}.")
        if not any(self.clip.values()):
            raise MappingRefused("No field says which clip a row is about. Name its clip_id, sha256, video or prompt.")

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "clip": dict(self.clip),
            "axes": {name: rule.to_json() for name, rule in self.axes.items()},
            **{name: getattr(self, name) for name in _TEXTS[1:] if getattr(self, name)},
            "labels": list(self.labels),
            "defects": dict(self.defects),
            "words": dict(self.words),
            "frame_rate": self.frame_rate,
        }


def _check_names(value: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(str(name) for name in value if name not in known)
    if unknown:
        raise MappingRefused(f"{what} has no entry {', '.join(unknown)}; it can have {', '.join(sorted(known))}.")


def _read_text(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise MappingRefused(f"{name} must be a text, got {text!r}.")
    return text.strip()


def _read_object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name, {})
    if not isinstance(part, Mapping):
        raise MappingRefused(f"{name} must be an object, got {part!r}.")
    return part


def _read_texts(value: Mapping[str, Any], name: str) -> dict[str, str]:
    part = _read_object(value, name)
    return {str(key): text for key in part if (text := _read_text(part, key))}


def _read_list(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    part = value.get(name, [])
    if not isinstance(part, list | tuple) or not all(isinstance(entry, str) for entry in part):
        raise MappingRefused(f"{name} must be a list of texts, got {part!r}.")
    return tuple(part)


def _read_number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise MappingRefused(f"{name} must be a number, got {value!r}.")
    return float(value)
