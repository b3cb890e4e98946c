"""Validate a rating before it is stored: answers against the campaign's rules, and how the clip was watched.

`ratings.submit` and a lead's try use the same functions. Nothing is written here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Campaign, Draft
from annotation.rating.answers import (
    DRAFT_USES,
    Answer,
    AnswersRefused,
    Problems,
    explain_draft_use,
    explain_score,
)
from annotation.rating.drafts import read_proposal
from annotation.shared.text import clean_json, clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import Evidence, ReportCard
from qsave.words import fold, isolate

VIEWING_BYTES = 8_192
REASON_LIMIT = 4000
EVIDENCE_LIMIT = 50
TIME_SLACK = 0.5  # seconds: a player may count the display time of the last frame, `duration` may not


@dataclass(frozen=True, slots=True)
class Rules:
    """What the answers to one item are checked against."""

    min_reason_length: int
    waives_reason_when_excellent: bool
    defects: Mapping[Axis, frozenset[str]]
    duration: float
    prompt: str
    last_reasons: Mapping[Axis, str]
    drafted_reasons: Mapping[Axis, str]


def list_defect_ids(campaign: Campaign) -> dict[Axis, frozenset[str]]:
    """Return the campaign's defect ids by axis, retired ones too: older ratings name them and edits keep them."""
    ids: dict[str, set[str]] = defaultdict(set)
    for defect in campaign.taxonomy:
        ids[defect["axis"]].add(defect["id"])
    return {axis: frozenset(ids[axis.value]) for axis in AXES}


def make_rules(
    campaign: Campaign,
    *,
    prompt: str,
    duration: float,
    last_reasons: Mapping[Axis, str],
    drafted_reasons: Mapping[Axis, str],
) -> Rules:
    """Return the rules of a campaign for answers to a clip with this prompt and duration in seconds."""
    return Rules(
        min_reason_length=campaign.min_reason_length,
        waives_reason_when_excellent=campaign.waives_reason_when_excellent,
        defects=list_defect_ids(campaign),
        duration=duration,
        prompt=prompt,
        last_reasons=last_reasons,
        drafted_reasons=drafted_reasons,
    )


def validate_answers(
    campaign: Campaign,
    answers: Mapping[Axis, Answer],
    draft: Draft | None,
    *,
    prompt: str,
    duration: float,
    last_reasons: Mapping[Axis, str],
) -> None:
    """Raise AnswersRefused if the answers to a clip break a rule of the campaign."""
    rules = make_rules(
        campaign,
        prompt=prompt,
        duration=duration,
        last_reasons=last_reasons,
        drafted_reasons=read_drafted_reasons(draft),
    )
    check_answers(answers, rules)


def check_answers(answers: Mapping[Axis, Answer], rules: Rules) -> None:
    """Raise AnswersRefused with every problem if the answers break the rules."""
    problems: Problems = defaultdict(list)
    for axis in AXES:
        if axis not in answers:
            problems[axis.value].append(_("This axis has no answer yet."))
            continue
        answer = answers[axis]
        for field, sentence in (
            ("score", _check_score(answer.score)),
            ("evidence", explain_evidence(answer.evidence, known=rules.defects[axis], duration=rules.duration)),
            ("reason", _check_reason(axis, answer, rules)),
            ("draft_use", _check_draft_use(answer)),
        ):
            if sentence:
                problems[f"{axis.value}.{field}"].append(sentence)
    if problems:
        raise AnswersRefused(dict(problems))


def _check_score(score: float) -> str:
    if score in range(MIN_LEVEL, MAX_LEVEL + 1):
        return ""
    return explain_score()


def explain_unknown_defects(defects: Iterable[str], known: frozenset[str]) -> str:
    """Return the sentence for defects that an axis of the campaign does not have; empty if it has all of them."""
    unknown = ", ".join(sorted(set(defects) - known))
    return unknown and _("This campaign has no defect %(unknown)s on this axis.") % {"unknown": isolate(unknown)}


def check_card(campaign: Campaign, card: ReportCard, *, duration: float) -> None:
    """Raise AnswersRefused if a lead's card of a clip breaks a rule for scores, evidence or the length of reasons.

    A lead may decide without the words that the campaign asks of raters.
    """
    defects = list_defect_ids(campaign)
    problems: Problems = {}
    for axis in AXES:
        report = card.axis(axis)
        for field, sentence in (
            ("score", _check_score(report.score)),
            ("evidence", explain_evidence(report.evidence, known=defects[axis], duration=duration)),
            ("reason", explain_long_reason(clean_text(report.reason))),
        ):
            if sentence:
                problems[f"{axis.value}.{field}"] = [sentence]
    if problems:
        raise AnswersRefused(problems)


def explain_evidence(evidence: Sequence[Evidence], *, known: frozenset[str], duration: float) -> str:
    """Return the sentence for evidence that a clip of this duration cannot have on an axis; empty if it fits.

    `qsave.report_card` refuses boxes outside the frame and times that run backwards.
    """
    unknown = explain_unknown_defects((piece.defect for piece in evidence), known)
    if unknown:
        return unknown
    if len(evidence) > EVIDENCE_LIMIT:
        return _("Mark at most %(most)s pieces of evidence on one axis.") % {"most": EVIDENCE_LIMIT}
    if any(piece.time and piece.time.end > duration + TIME_SLACK for piece in evidence):
        return _("A marked time ends after the clip, which lasts %(duration).2f s. Mark it again.") % {
            "duration": duration
        }
    return ""


def explain_long_reason(reason: str) -> str:
    """Return the sentence for a reason with too many characters; empty if it is short enough."""
    if len(reason) <= REASON_LIMIT:
        return ""
    return _("Shorten the reason. It has %(given)s characters; at most %(most)s are allowed.") % {
        "given": len(reason),
        "most": REASON_LIMIT,
    }


def _check_reason(axis: Axis, answer: Answer, rules: Rules) -> str:
    reason = clean_text(answer.reason)
    waived = rules.waives_reason_when_excellent and answer.score == MAX_LEVEL and not answer.evidence
    too_long = explain_long_reason(reason)
    if too_long:
        return too_long
    if not waived and len(reason) < rules.min_reason_length:
        return _("Write a reason of at least %(least)s characters. It has %(given)s so far.") % {
            "least": rules.min_reason_length,
            "given": len(reason),
        }
    words = fold(reason)
    if not words:
        return "" if waived or rules.min_reason_length == 0 else _("Give the reason in words.")
    if words == fold(rules.drafted_reasons.get(axis, "")):
        return ""  # the critic's words, unchanged: the edit distance of the draft shows that
    if words == fold(rules.prompt):
        return _("This is the prompt again. Describe what you saw in the clip.")
    if not waived and words == fold(rules.last_reasons.get(axis, "")):
        return _("These are the words of your last rating. Describe this clip.")
    return ""


def _check_draft_use(answer: Answer) -> str:
    if answer.draft_use in DRAFT_USES:
        return ""
    return explain_draft_use()


def read_drafted_reasons(draft: Draft | None) -> dict[Axis, str]:
    """Return the critic's reasons on the axes that have one; none without a draft."""
    if draft is None:
        return {}
    return {axis: one.reason for axis, one in read_proposal(draft).axes.items() if one.reason.strip()}


@contextmanager
def adding_problems(problems: Problems) -> Iterator[None]:
    """Raise AnswersRefused with `problems` and those that the body raises, all at once."""
    try:
        yield
    except AnswersRefused as refusal:
        raise AnswersRefused({**refusal.problems, **problems}) from None
    if problems:
        raise AnswersRefused(problems)


def validate_viewing(campaign: Campaign, viewing: Mapping[str, Any]) -> None:
    """Raise AnswersRefused if the clip was not watched as the campaign asks."""
    problems = []
    if campaign.requires_watched and viewing.get("watched_to_end") is not True:
        problems.append(_("Watch the clip to its end once before you submit."))
    least = (campaign.min_viewport_width, campaign.min_viewport_height)
    if any(least) and not _is_as_large(viewing.get("viewport"), least):
        problems.append(
            _("Make the window larger: this campaign asks for at least %(width)s x %(height)s pixels.")
            % {"width": least[0], "height": least[1]}
        )
    if problems:
        raise AnswersRefused({"viewing": problems})


def _is_as_large(viewport: object, least: tuple[int, int]) -> bool:
    if not isinstance(viewport, list) or len(viewport) != 2:
        return False
    return all(isinstance(side, int | float) and side >= bound for side, bound in zip(viewport, least, strict=True))


def clean_viewing(viewing: Mapping[str, Any]) -> dict[str, Any]:
    """Return the viewing record as it can be stored; raise AnswersRefused if it is not JSON or too large."""
    try:
        cleaned: dict[str, Any] = clean_json(dict(viewing), max_bytes=VIEWING_BYTES)
    except (ValueError, TypeError):
        sentence = _("The viewing record must be a JSON object of at most %(most)s bytes.") % {"most": VIEWING_BYTES}
        raise AnswersRefused({"viewing": [sentence]}) from None
    return cleaned
