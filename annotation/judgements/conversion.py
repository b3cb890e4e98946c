"""Make judgements of the rows of a file by a mapping, and refuse what cannot be stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotation.judgements.cells import read_count, read_evidence, read_name, read_number, read_spread, read_text
from annotation.shared.text import clean_json, clean_text
from qsave.axes import AXES, Axis
from qsave.judgements.mapping import CLIP_FIELDS, AxisRule, JudgementMapping
from qsave.judgements.records import ClipKey, JudgedRow, Judgement, JudgementRefused, Mark, SourceRow
from qsave.judgements.scores import WORDS, describe_answer, parse_score
from qsave.report_card import Box, Evidence, ReportCardError, TimeRange
from qsave.tables.values import is_blank

MAX_METADATA_BYTES = 4096
MAX_LENGTHS = {"clip_id": 200, "sha256": 200, "video": 1000, "prompt": 8000, "generator": 120, "prompt_group": 200}
MAX_NAME = 200
MAX_AXIS = 120
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Context:
    """What all axes of a row share. `pieces` is the evidence of its labels and marks."""

    row: SourceRow
    mapping: JudgementMapping
    axis_of_defect: Mapping[str, Axis]
    rater: str
    pieces: tuple[Evidence, ...]
    metadata: Mapping[str, Any]

    def list_pieces(self, axis: Axis) -> tuple[Evidence, ...]:
        return tuple(piece for piece in self.pieces if self.axis_of_defect.get(piece.defect) == axis)


def convert_row(row: SourceRow, mapping: JudgementMapping, axis_of_defect: Mapping[str, Axis]) -> JudgedRow:
    """Return the clip and the judgements of a row. Raises JudgementRefused, which names the field at fault."""
    if row.problem:
        raise JudgementRefused(row.problem)
    clip, rules = _read_clip(row, mapping), _find_rules(row, mapping)
    pieces, others = _read_labels(row, mapping)
    rater = read_name(row, mapping.rater, MAX_NAME)
    context = _Context(row, mapping, axis_of_defect, rater, pieces, _read_metadata(row, mapping, others))
    judgements = [_make_judgement(context, name, rule) for name, rule in rules]
    on_axes = [one for one in judgements if one is not None]
    on_axes += _list_evidence_alone(context, {rule.axis for _, rule in rules})
    if not on_axes:
        raise JudgementRefused("The row has no score in the fields that are mapped to an axis, and no evidence.")
    return JudgedRow(row.number, clip, tuple(on_axes), others)


def _read_clip(row: SourceRow, mapping: JudgementMapping) -> ClipKey:
    fields = {part: mapping.clip.get(part, "") for part in CLIP_FIELDS}
    values = {part: read_name(row, field, MAX_LENGTHS[part]) for part, field in fields.items()}
    values["sha256"] = values["sha256"].lower()
    if values["sha256"] and not _SHA256.fullmatch(values["sha256"]):
        raise JudgementRefused(f"{mapping.clip['sha256']} must have 64 hexadecimal digits.")
    if not any(values[part] for part in ("clip_id", "sha256", "video", "prompt")):
        raise JudgementRefused("The row does not say which clip it is about.")
    return ClipKey(**values)


def _find_rules(row: SourceRow, mapping: JudgementMapping) -> list[tuple[str, AxisRule]]:
    if not mapping.axis_field:
        return list(mapping.axes.items())
    name = read_name(row, mapping.axis_field, MAX_AXIS)
    rule = mapping.axes.get(name)
    if rule is None:
        raise JudgementRefused(f"{mapping.axis_field} is {name[:60]!r}, which no axis is mapped to.")
    return [(name, rule)]


def _make_judgement(context: _Context, name: str, rule: AxisRule) -> Judgement | None:
    """Return the judgement of one axis; None if the row says nothing of it."""
    row, mapping = context.row, context.mapping
    field = mapping.score_field or name
    value = _read_score(row, field, mapping)
    low, high = _read_scale(row, mapping, rule)
    if value is not None and not low <= value <= high:
        raise JudgementRefused(f"{field} is {value:g}, which is outside its scale from {low:g} to {high:g}.")
    evidence = read_evidence(row, rule.evidence)
    named = {piece.defect for piece in evidence}
    evidence += tuple(piece for piece in context.list_pieces(rule.axis) if piece.defect not in named)
    reason = read_text(row, rule.reason)
    if value is None and not evidence and not reason:
        return None
    return Judgement(
        axis=rule.axis,
        their_axis=clean_text(name)[:MAX_AXIS],
        value=value,
        scale_min=None if value is None else low,
        scale_max=None if value is None else high,
        rater=context.rater,
        original=clean_text(describe_answer(row.fields.get(field)))[:MAX_NAME],
        reason=reason or read_text(row, mapping.reason),
        language=mapping.language,
        evidence=evidence,
        n=read_count(row, rule.n),
        sd=read_spread(row, rule.sd),
        metadata=context.metadata,
    )


def _list_evidence_alone(context: _Context, with_rules: set[Axis]) -> list[Judgement]:
    """Return a judgement without a value for each axis that has evidence but no rule."""
    return [
        Judgement(axis, axis.value, rater=context.rater, evidence=pieces, metadata=context.metadata)
        for axis in AXES
        if axis not in with_rules and (pieces := context.list_pieces(axis))
    ]


def _read_score(row: SourceRow, field: str, mapping: JudgementMapping) -> float | None:
    value = row.fields.get(field)
    try:
        return parse_score(value, WORDS | dict(mapping.words))
    except ValueError:
        raise JudgementRefused(
            f"{field} is {str(value)[:60]!r}, which is no score. Map this word to a number if it is one."
        ) from None


def _read_scale(row: SourceRow, mapping: JudgementMapping, rule: AxisRule) -> tuple[float, float]:
    """Return the scale that the row states, else that of the rule."""
    low = read_number(row, mapping.scale_min_field)
    high = read_number(row, mapping.scale_max_field)
    scale = (rule.scale_min if low is None else low, rule.scale_max if high is None else high)
    if not scale[0] < scale[1]:
        raise JudgementRefused(f"The scale must end above its beginning, got {scale[0]:g} to {scale[1]:g}.")
    return scale


def _read_labels(row: SourceRow, mapping: JudgementMapping) -> tuple[tuple[Evidence, ...], tuple[str, ...]]:
    """Return the evidence that labels and marks are mapped to, and the labels that are mapped to nothing."""
    marks = [*row.marks]
    for field in mapping.labels:
        value = row.fields.get(field)
        if is_blank(value):
            continue
        entries = value if isinstance(value, list) else str(value).replace(";", ",").split(",")
        marks += [Mark(str(entry).strip()) for entry in entries if not is_blank(entry)]
    pieces = [
        Evidence(mapping.defects[mark.label], _read_time(mark, mapping.frame_rate), _read_box(mark))
        for mark in marks
        if mark.label in mapping.defects
    ]
    others = [clean_text(mark.label)[:MAX_NAME] for mark in marks if mark.label not in mapping.defects]
    return tuple(pieces), tuple(dict.fromkeys(others))


def _read_time(mark: Mark, frame_rate: float) -> TimeRange | None:
    """Return the seconds from the beginning of the first frame to the end of the last one."""
    if mark.frames is None:
        return None
    first, last = mark.frames
    try:
        return TimeRange(max(0.0, (first - 1) / frame_rate), last / frame_rate)
    except ReportCardError as error:
        raise JudgementRefused(f"The mark {mark.label[:60]!r} has no valid range: {error}.") from None


def _read_box(mark: Mark) -> Box | None:
    return None if mark.box is None else Box(*mark.box)


def _read_metadata(row: SourceRow, mapping: JudgementMapping, others: tuple[str, ...]) -> dict[str, Any]:
    """Return the plain cells that the mapping does not use, and the labels without a defect."""
    used = {*mapping.clip.values(), *mapping.labels, *mapping.axes, mapping.rater, mapping.reason}
    used |= {mapping.axis_field, mapping.score_field, mapping.scale_min_field, mapping.scale_max_field}
    for rule in mapping.axes.values():
        used |= {rule.reason, rule.evidence, rule.n, rule.sd}
    extra: dict[str, Any] = {
        name: value
        for name, value in row.fields.items()
        if name not in used and not is_blank(value) and isinstance(value, str | int | float | bool)
    }
    if others:
        extra["labels"] = list(others)
    try:
        return dict(clean_json(extra, max_bytes=MAX_METADATA_BYTES))
    except ValueError:
        return {"left_out": "The other fields are larger than 4 kB."}
