"""Parse what a rater answers on each axis from JSON, and write it back. `validation` checks it against the rules.

The JSON of one axis: `{"score": 4, "evidence": [..], "no_defect": false, "reason": "..", "draft_use": "none",
"confirm_ms": null}`, with the evidence of `qsave.report_card`. An axis names a defect or has `no_defect`.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import AxisAnswer
from annotation.shared.text import clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import Evidence, ReportCardError, evidence_from_json, evidence_to_json
from qsave.words import isolate

Problems = dict[str, list[str]]

MILLISECONDS_LIMIT = 86_400_000
DRAFT_USES = frozenset(AxisAnswer.DraftUse.values)


class AnswersRefused(ValueError):
    """Answers that break a rule. `problems` maps a field (`visual.reason`) to sentences for the page."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{field}: {' '.join(sentences)}" for field, sentences in problems.items()))


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer on one axis. Empty `evidence` means "no defect"; `draft_use` is the use of the critic's draft."""

    score: int
    evidence: tuple[Evidence, ...]
    reason: str
    draft_use: str = "none"
    confirm_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What a rater sends for a clip: the answers, the player's viewing record, and the seconds that the page counted.

    The same `key` is never stored twice.
    """

    answers: Mapping[Axis, Answer]
    key: uuid.UUID
    viewing: Mapping[str, Any]
    seconds_spent: float


def parse_answers(data: object) -> dict[Axis, Answer]:
    """Parse all three axes; raise AnswersRefused with every field at fault."""
    if not isinstance(data, Mapping):
        sentence = _("Send an object with the axes %(axes)s.") % {"axes": ", ".join(AXES)}
        raise AnswersRefused({"answers": [sentence]})
    problems: Problems = {str(key): [_("There is no such axis.")] for key in data if key not in set(AXES)}
    answers = {axis: _parse_axis(axis, data.get(axis.value), problems) for axis in AXES}
    if problems:
        raise AnswersRefused(problems)
    return {axis: answer for axis, answer in answers.items() if answer is not None}


def answers_to_json(answers: Mapping[Axis, Answer]) -> dict[str, Any]:
    """Return answers as the JSON that `parse_answers` reads."""
    return {
        axis.value: {
            "score": answer.score,
            "evidence": evidence_to_json(answer.evidence),
            "no_defect": not answer.evidence,
            "reason": answer.reason,
            "draft_use": answer.draft_use,
            "confirm_ms": answer.confirm_ms,
        }
        for axis, answer in answers.items()
    }


def explain_score() -> str:
    """Return the sentence for a score that is missing or out of range."""
    return _("Give a score from %(worst)s (bad) to %(best)s (excellent).") % {"worst": MIN_LEVEL, "best": MAX_LEVEL}


def explain_draft_use() -> str:
    """Return the sentence for a `draft_use` that does not exist."""
    return _("The use of a draft is one of %(uses)s.") % {"uses": ", ".join(sorted(DRAFT_USES))}


def _parse_axis(axis: Axis, value: object, problems: Problems) -> Answer | None:
    if not isinstance(value, Mapping):
        problems[axis.value] = [_("This axis has no answer yet.")]
        return None
    on_axis: Problems = {}
    answer = Answer(
        score=_parse_score(value.get("score"), on_axis),
        evidence=_parse_evidence(value, on_axis),
        reason=_parse_reason(value.get("reason", ""), on_axis),
        draft_use=_parse_draft_use(value.get("draft_use", "none"), on_axis),
        confirm_ms=_parse_milliseconds(value.get("confirm_ms"), on_axis),
    )
    problems.update({f"{axis.value}.{field}": sentences for field, sentences in on_axis.items()})
    return None if on_axis else answer


def _parse_score(value: object, problems: Problems) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and MIN_LEVEL <= value <= MAX_LEVEL:
        return value
    problems["score"] = [explain_score()]
    return MIN_LEVEL


def _parse_evidence(value: Mapping[str, object], problems: Problems) -> tuple[Evidence, ...]:
    try:
        evidence = evidence_from_json(value.get("evidence") or [])
    except (ReportCardError, OverflowError) as error:
        problems["evidence"] = [_("A marked defect cannot be read: %(error)s.") % {"error": isolate(error)}]
        return ()
    if not evidence and value.get("no_defect") is not True:
        problems["evidence"] = [_('Choose a defect, or "No defect".')]
    if evidence and value.get("no_defect") is True:
        problems["evidence"] = [_('Choose either "No defect" or defects, not both.')]
    return evidence


def _parse_reason(value: object, problems: Problems) -> str:
    if isinstance(value, str):
        return clean_text(value)
    problems["reason"] = [_("The reason must be text.")]
    return ""


def _parse_draft_use(value: object, problems: Problems) -> str:
    if isinstance(value, str) and value in DRAFT_USES:
        return value
    problems["draft_use"] = [explain_draft_use()]
    return "none"


def _parse_milliseconds(value: object, problems: Problems) -> int | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return min(int(value), MILLISECONDS_LIMIT)
    problems["confirm_ms"] = [_("The time until confirmation must be a number of milliseconds.")]
    return None
