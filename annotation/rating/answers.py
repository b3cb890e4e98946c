"""What a rater answers on an axis, read from JSON and checked against the campaign's rules. Pure: no writes here.

The JSON of one axis: `{"score": 4, "evidence": [..], "no_defect": false, "reason": "..", "draft_use": "none",
"confirm_ms": null}`, with the evidence of `qsave.report_card`. An axis names a defect or says `no_defect`.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import AxisAnswer, Campaign
from annotation.shared.text import clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import Evidence, ReportCardError, evidence_from_json, evidence_to_json
from qsave.words import fold, isolate

Problems = dict[str, list[str]]

REASON_LIMIT = 4000
EVIDENCE_LIMIT = 50
MILLISECONDS_LIMIT = 86_400_000
TIME_SLACK = 0.5  # seconds: a player may show a duration that ends with the last frame's own time
DRAFT_USES = frozenset(AxisAnswer.DraftUse.values)


class AnswersRefused(ValueError):
    """Answers that break a rule. `problems` says where (`visual.reason`) and what to do, in words for the page."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{field}: {' '.join(words)}" for field, words in problems.items()))


@dataclass(frozen=True, slots=True)
class Answer:
    """One axis as answered. `evidence` empty says "no defect"; `draft_use` says what became of the critic's text."""

    score: int
    evidence: tuple[Evidence, ...]
    reason: str
    draft_use: str = "none"
    confirm_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What answers to one item are held against."""

    min_reason_length: int
    waives_reason_when_excellent: bool
    defects: Mapping[Axis, frozenset[str]]
    duration: float
    prompt: str
    last_reasons: Mapping[Axis, str]
    drafted_reasons: Mapping[Axis, str]


def defects_of(campaign: Campaign) -> dict[Axis, frozenset[str]]:
    """The ids of the campaign's own taxonomy, by axis: retired ones too, which older ratings name and edits keep."""
    ids: dict[str, set[str]] = defaultdict(set)
    for defect in campaign.taxonomy:
        ids[defect["axis"]].add(defect["id"])
    return {axis: frozenset(ids[axis.value]) for axis in AXES}


def rules_for(
    campaign: Campaign,
    *,
    prompt: str,
    duration: float,
    last_reasons: Mapping[Axis, str],
    drafted_reasons: Mapping[Axis, str],
) -> Rules:
    """The rules of a campaign for answers to a clip with this prompt and duration in seconds."""
    return Rules(
        min_reason_length=campaign.min_reason_length,
        waives_reason_when_excellent=campaign.waives_reason_when_excellent,
        defects=defects_of(campaign),
        duration=duration,
        prompt=prompt,
        last_reasons=last_reasons,
        drafted_reasons=drafted_reasons,
    )


def parse_answers(data: object) -> dict[Axis, Answer]:
    """Reads all three axes; raises AnswersRefused that lists every field at fault."""
    if not isinstance(data, Mapping):
        raise AnswersRefused({"answers": ["Send an object with the axes " + ", ".join(AXES) + "."]})
    problems: Problems = {str(key): ["There is no such axis."] for key in data if key not in set(AXES)}
    answers = {axis: _parse_axis(axis, data.get(axis.value), problems) for axis in AXES}
    if problems:
        raise AnswersRefused(problems)
    return {axis: answer for axis, answer in answers.items() if answer is not None}


def answers_to_json(answers: Mapping[Axis, Answer]) -> dict[str, Any]:
    """The inverse of `parse_answers`."""
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


def check_answers(answers: Mapping[Axis, Answer], rules: Rules) -> None:
    """Raises AnswersRefused, listing every problem, when the answers break the campaign's rules."""
    problems: Problems = defaultdict(list)
    for axis in AXES:
        if axis not in answers:
            problems[axis.value].append(_("This axis has no answer yet."))
            continue
        answer = answers[axis]
        for field, words in (
            ("score", _score_problem(answer)),
            ("evidence", _evidence_problem(axis, answer, rules)),
            ("reason", _reason_problem(axis, answer, rules)),
            ("draft_use", _draft_use_problem(answer)),
        ):
            if words:
                problems[f"{axis.value}.{field}"].append(words)
    if problems:
        raise AnswersRefused(dict(problems))


def _score_problem(answer: Answer) -> str:
    if answer.score in range(MIN_LEVEL, MAX_LEVEL + 1):
        return ""
    return f"Give a score from {MIN_LEVEL} (bad) to {MAX_LEVEL} (excellent)."


def _evidence_problem(axis: Axis, answer: Answer, rules: Rules) -> str:
    unknown = sorted({piece.defect for piece in answer.evidence} - rules.defects[axis])
    if unknown:
        return _("This campaign has no defect %(unknown)s on this axis.") % {"unknown": isolate(", ".join(unknown))}
    if len(answer.evidence) > EVIDENCE_LIMIT:
        return _("At most %(most)s pieces of evidence fit on one axis.") % {"most": EVIDENCE_LIMIT}
    if any(piece.time and piece.time.end > rules.duration + TIME_SLACK for piece in answer.evidence):
        return _("The clip lasts %(duration).2f s; a marked time ends later.") % {"duration": rules.duration}
    return ""


def _reason_problem(axis: Axis, answer: Answer, rules: Rules) -> str:
    reason = clean_text(answer.reason)
    waived = rules.waives_reason_when_excellent and answer.score == MAX_LEVEL and not answer.evidence
    if len(reason) > REASON_LIMIT:
        return f"This is {len(reason)} characters long; {REASON_LIMIT} fit."
    if not waived and len(reason) < rules.min_reason_length:
        return _("Say in a few words why: at least %(least)s characters, now %(given)s.") % {
            "least": rules.min_reason_length,
            "given": len(reason),
        }
    words = fold(reason)
    if not words:
        return "" if waived or rules.min_reason_length == 0 else _("Say it in words, please.")
    if words == fold(rules.drafted_reasons.get(axis, "")):
        return ""  # the critic's own words left as they are: the draft's edit distance shows that
    if words == fold(rules.prompt):
        return _("This is the prompt again. Say what you saw in the clip.")
    if not waived and words == fold(rules.last_reasons.get(axis, "")):
        return _("These are the words of your last rating. What is it about this clip?")
    return ""


def _draft_use_problem(answer: Answer) -> str:
    if answer.draft_use in DRAFT_USES:
        return ""
    return f"The use of a draft is one of {', '.join(sorted(DRAFT_USES))}."


def _parse_axis(axis: Axis, value: object, problems: Problems) -> Answer | None:
    if not isinstance(value, Mapping):
        problems[axis.value] = [_("This axis has no answer yet.")]
        return None
    found: Problems = {}
    answer = Answer(
        score=_score(value.get("score"), found),
        evidence=_evidence(value, found),
        reason=_reason(value.get("reason", ""), found),
        draft_use=_draft_use(value.get("draft_use", "none"), found),
        confirm_ms=_milliseconds(value.get("confirm_ms"), found),
    )
    problems.update({f"{axis.value}.{field}": words for field, words in found.items()})
    return None if found else answer


def _score(value: object, found: Problems) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and MIN_LEVEL <= value <= MAX_LEVEL:
        return value
    found["score"] = [f"Give a score from {MIN_LEVEL} (bad) to {MAX_LEVEL} (excellent)."]
    return MIN_LEVEL


def _evidence(value: Mapping[str, object], found: Problems) -> tuple[Evidence, ...]:
    try:
        evidence = evidence_from_json(value.get("evidence") or [])
    except (ReportCardError, OverflowError) as error:
        found["evidence"] = [_("A marked defect cannot be read: %(error)s.") % {"error": error}]
        return ()
    if not evidence and value.get("no_defect") is not True:
        found["evidence"] = ['Name a defect, or say "no defect".']
    if evidence and value.get("no_defect") is True:
        found["evidence"] = [_('"No defect" and a defect cannot both be.')]
    return evidence


def _reason(value: object, found: Problems) -> str:
    if isinstance(value, str):
        return clean_text(value)
    found["reason"] = [_("The reason is text.")]
    return ""


def _draft_use(value: object, found: Problems) -> str:
    if isinstance(value, str) and value in DRAFT_USES:
        return value
    found["draft_use"] = [f"The use of a draft is one of {', '.join(sorted(DRAFT_USES))}."]
    return "none"


def _milliseconds(value: object, found: Problems) -> int | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return min(int(value), MILLISECONDS_LIMIT)
    found["confirm_ms"] = ["The time until confirmation is a number of milliseconds."]
    return None
