"""Read the text that a model wrote as an answer: the JSON form or the text grammar, whichever it is.

What is harmless is tolerated: prose or a code fence around the answer, spaces at the ends of lines, blank lines,
capital letters in a level. Everything else is refused with its reason. One wrong axis of the JSON form does not stop
the others; a text in the grammar is read as a whole.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qsave.answers.check import check_axis
from qsave.answers.json_form import parse_axis
from qsave.axes import AXES, LEVEL_WORDS, Axis
from qsave.grammar import ANSWER_CLOSE, ANSWER_OPEN, THINK_OPEN, GrammarError, parse
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import ReportCard, ReportCardError
from qsave.taxonomy import Defect

MAX_TEXT = 100_000
"""Characters of an answer that are read; a report card has some hundred."""
MAX_REASON = 4000
"""Characters of one reason; the rest is cut off."""
_MOST_OBJECTS = 200
"""How many opening braces are tried as the start of the JSON form."""
_WORDS = "|".join(LEVEL_WORDS)
_JSON_LEVEL = re.compile(rf'"level"\s*:\s*"\s*({_WORDS})\s*"', re.IGNORECASE)
_ANSWER_LEVEL = re.compile(rf"^({'|'.join(AXES)}):[ \t]*({_WORDS})[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
_CARD_START = re.compile(rf"{THINK_OPEN.strip()}\s*\[{AXES[0]}\]")

Axes = dict[Axis, tuple[AxisProposal, list[str]]]


class AnswerError(ValueError):
    """An answer cannot be read. The message is a full sentence."""


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What an answer says, after all checks."""

    proposal: Proposal
    refused: dict[Axis, str]
    """Why an axis is not proposed, for each such axis."""


def read_answer(text: str, taxonomy: Sequence[Defect], duration: float) -> ReadAnswer:
    """Read an answer about a clip of `duration` seconds. Raises AnswerError if no axis can be proposed."""
    return check_answer(*_read_axes(text[:MAX_TEXT]), taxonomy, duration)


def check_card(card: ReportCard, taxonomy: Sequence[Defect], duration: float) -> ReadAnswer:
    """Check a report card in the same way: defects of the taxonomy on their own axis, and times in the clip."""
    return check_answer(
        {axis: (one, []) for axis, one in Proposal.from_card(card).axes.items()}, {}, taxonomy, duration
    )


def check_answer(axes: Axes, refused: dict[Axis, str], taxonomy: Sequence[Defect], duration: float) -> ReadAnswer:
    """Propose the axes that pass the checks; `refused` are those that could not be read. Raises AnswerError."""
    proposed: dict[str, AxisProposal] = {}
    for axis, (one, left_out) in axes.items():
        checked = check_axis(axis, one, taxonomy, duration)
        every = (*left_out, *checked.left_out)
        if checked.proposal is None or (every and not checked.proposal.evidence):
            refused = {**refused, axis: f"none of its evidence can be used: {'; '.join(every)}"}
        else:
            proposed[axis.value] = _add_note(checked.proposal, every)
    if not proposed:
        reasons = "; ".join(f"{axis}: {reason}" for axis, reason in refused.items())
        raise AnswerError(f"The critic's answer has no usable axis ({reasons}).")
    return ReadAnswer(Proposal(**proposed), refused)


def locate_levels(text: str) -> dict[Axis, tuple[int, int]]:
    """Return where the level word of each axis is in an answer: its first and past its last character."""
    last = _find_object(text)
    if last is not None:
        value, start, end = last
        axes = [Axis(name) for name, one in value.items() if name in AXES and _has_level(one)]
        matches = list(_JSON_LEVEL.finditer(text, start, end))
        return {axis: match.span(1) for axis, match in zip(axes, matches, strict=True)} if _fit(axes, matches) else {}
    start = max(0, text.rfind(ANSWER_OPEN.strip()))
    return {Axis(match[1].lower()): match.span(2) for match in _ANSWER_LEVEL.finditer(text, start)}


def _fit(axes: Sequence[Axis], matches: Sequence[re.Match[str]]) -> bool:
    return len(axes) == len(matches)


def _has_level(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("level"), str)


def _read_axes(text: str) -> tuple[Axes, dict[Axis, str]]:
    last = _find_object(text)
    if last is not None:
        return _read_json(last[0])
    try:
        return _read_grammar(text), {}
    except GrammarError as error:
        raise AnswerError(f"The critic's answer is not in the form that was asked for ({error}).") from None


def _read_json(value: Mapping[str, Any]) -> tuple[Axes, dict[Axis, str]]:
    axes: Axes = {}
    refused: dict[Axis, str] = {}
    for axis in AXES:
        try:
            axes[axis] = parse_axis(value[axis.value])
        except KeyError:
            refused[axis] = "it is missing"
        except ReportCardError as error:
            refused[axis] = str(error)
    return axes, refused


def _read_grammar(text: str) -> Axes:
    card = parse(_normalise(text))
    reports = {axis: card.axis(axis) for axis in AXES}
    return {axis: (AxisProposal(one.evidence, one.reason, one.score), []) for axis, one in reports.items()}


def _normalise(text: str) -> str:
    """Return the grammar's part of a text, without blank lines, spaces at the ends of lines and capital levels."""
    start = max((match.start() for match in _CARD_START.finditer(text)), default=0)
    end = text.find(ANSWER_CLOSE, start)
    text = text[start : end + len(ANSWER_CLOSE)] if end >= 0 else text[start:]
    text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip())
    answer = max(0, text.rfind(ANSWER_OPEN))
    return text[:answer] + _ANSWER_LEVEL.sub(lambda match: f"{match[1].lower()}: {match[2].lower()}", text[answer:])


def _find_object(text: str) -> tuple[Mapping[str, Any], int, int] | None:
    """Return the last JSON object that names an axis, with its start and end; None if no object does.

    The last, because a model may draft its answer in a thought before it.
    """
    decoder = json.JSONDecoder()
    last, position = None, 0
    for _ in range(_MOST_OBJECTS):
        start = text.find("{", position)
        if start < 0:
            break
        position = start + 1
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, Mapping) and any(axis.value in value for axis in AXES):
            last, position = (value, start, end), end
    return last


def _add_note(one: AxisProposal, left_out: Sequence[str]) -> AxisProposal:
    note = f"Left out: {'; '.join(left_out)}." if left_out else ""
    return replace(one, reason=one.reason[:MAX_REASON].strip(), note=note)
