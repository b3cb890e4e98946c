"""The JSON form of a critic's answer: its schema, rendering and parsing.

    {"visual": {"reason": "..",
                "evidence": [{"defect": "blur", "time": {"start": 0.4, "end": 1.2} or null,
                              "box": {"left": 10, "top": 20, "width": 30, "height": 40} or null}],
                "level": "fair"},
     "dynamic": .., "alignment": ..}

It says what the text grammar (`qsave.grammar`) says, for servers that constrain a model by a JSON schema. Seconds count
from the first frame, boxes are in per cent of the frame. The reason comes before the level, so that the level follows
from it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from qsave.axes import AXES, LEVEL_WORDS, Axis, name_level, parse_level, round_to_level
from qsave.grammar import round_card
from qsave.proposal import AxisProposal
from qsave.report_card import Box, Evidence, ReportCard, ReportCardError, TimeRange
from qsave.taxonomy import Defect

SCHEMA_NAME = "report_card"
_TIME_KEYS = ("start", "end")
_BOX_KEYS = ("left", "top", "width", "height")


def make_schema(taxonomy: Sequence[Defect]) -> dict[str, Any]:
    """Return the JSON schema of an answer that names only defects of `taxonomy`, each on its own axis.

    It uses only what OpenAI's strict mode allows: every property is required and no other is allowed.
    """
    return _make_object({axis.value: _make_axis_schema(axis, taxonomy) for axis in AXES})


def render_json(card: ReportCard) -> str:
    """Render a card as the JSON form, in the precision of the text grammar."""
    rounded = round_card(card)
    return json.dumps({axis.value: _render_axis(rounded, axis) for axis in AXES}, ensure_ascii=False)


def parse_axis(value: object) -> tuple[AxisProposal, list[str]]:
    """Parse one axis; returns it with what was left out of its evidence and why.

    An axis without evidence, or with null, says nothing of defects. Raises ReportCardError if the level or the reason
    is missing or wrong, or if the evidence is no list.
    """
    if not isinstance(value, Mapping):
        raise ReportCardError(f"it is not an object but {_quote(value)}")
    reason, pieces = value.get("reason"), value.get("evidence")
    if not isinstance(reason, str):
        raise ReportCardError(f"its reason is not text but {_quote(reason)}")
    if pieces is None:
        return AxisProposal(None, reason, _parse_level(value.get("level"))), []
    if not isinstance(pieces, list):
        raise ReportCardError(f"its evidence is not a list but {_quote(pieces)}")
    evidence, left_out = [], []
    for piece in pieces:
        try:
            evidence.append(_parse_piece(piece))
        except (ReportCardError, OverflowError) as error:
            left_out.append(f"{_quote(piece)}: {error}")
    return AxisProposal(tuple(evidence), reason, _parse_level(value.get("level"))), left_out


def _make_axis_schema(axis: Axis, taxonomy: Sequence[Defect]) -> dict[str, Any]:
    ids = [defect.id for defect in taxonomy if defect.axis == axis]
    piece = _make_object(
        {
            "defect": {"type": "string", **({"enum": ids} if ids else {})},
            "time": _allow_null(_make_object({key: {"type": "number"} for key in _TIME_KEYS})),
            "box": _allow_null(_make_object({key: {"type": "integer"} for key in _BOX_KEYS})),
        }
    )
    return _make_object(
        {
            "reason": {"type": "string"},
            "evidence": {"type": "array", "items": piece},
            "level": {"type": "string", "enum": list(LEVEL_WORDS)},
        }
    )


def _make_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _allow_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _render_axis(card: ReportCard, axis: Axis) -> dict[str, Any]:
    report = card.axis(axis)
    return {
        "reason": report.reason,
        "evidence": [_render_piece(piece) for piece in report.evidence],
        "level": name_level(round_to_level(report.score)),
    }


def _render_piece(piece: Evidence) -> dict[str, Any]:
    time = dict(zip(_TIME_KEYS, (piece.time.start, piece.time.end), strict=True)) if piece.time else None
    return {"defect": piece.defect, "time": time, "box": _render_box(piece.box) if piece.box else None}


def _render_box(box: Box) -> dict[str, int]:
    shares = (box.x, box.y, box.width, box.height)
    return {key: round(100 * share) for key, share in zip(_BOX_KEYS, shares, strict=True)}


def _parse_piece(value: object) -> Evidence:
    if not isinstance(value, Mapping) or not isinstance(value.get("defect"), str):
        raise ReportCardError("a piece of evidence names its defect")
    time = _read_numbers(value.get("time"), _TIME_KEYS)
    box = _read_numbers(value.get("box"), _BOX_KEYS)
    return Evidence(
        value["defect"],
        TimeRange(*time) if time else None,
        Box(*(number / 100 for number in box)) if box else None,
    )


def _read_numbers(value: object, keys: tuple[str, ...]) -> list[float] | None:
    if value is None:
        return None
    numbers = [value.get(key) for key in keys] if isinstance(value, Mapping) else []
    if not numbers or any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        raise ReportCardError(f"expected numbers for {', '.join(keys)}")
    return [float(number) for number in numbers if number is not None]


def _parse_level(value: object) -> int:
    if not isinstance(value, str):
        raise ReportCardError(f"its level is not one of {', '.join(LEVEL_WORDS)} but {_quote(value)}")
    try:
        return parse_level(value.strip().lower())
    except ValueError as error:
        raise ReportCardError(str(error)) from None


def _quote(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
