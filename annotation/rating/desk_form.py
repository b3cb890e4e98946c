"""Read the rating desk's form: what is posted, what was saved, and a rating as it was given.

A form answer is the JSON of `annotation.rating.answers` for one axis and three more values that only the page knows:
whether the critic's draft was put into the box (`drafted`), was `confirmed` unchanged, or was `cleared`. Saved work
holds form answers, so that a reload brings back exactly what the page had.
"""

import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from annotation.models import AxisAnswer, Campaign, Draft, Rating, SavedWork
from annotation.rating.answers import Answer, AnswersRefused, Problems, Submission, parse_answers
from annotation.rating.draft_use import UNCONFIRMED, decide_use, make_prefills
from annotation.shared.text import parse_number
from qsave.axes import AXES, Axis
from qsave.parsing import parse_json

FormAnswer = dict[str, Any]
FormAnswers = dict[str, FormAnswer]
FindDraft = Callable[[], tuple[Draft | None, str]]
"""Returns the draft that the rater was shown, and the exposure to it."""


@dataclass(frozen=True, slots=True)
class HeldItem:
    """The lease and the item that a submit and a skip carry; the item (0: not named) is used if the lease is lost."""

    lease: uuid.UUID
    item_id: int


def make_blank_answer() -> FormAnswer:
    return {
        "score": None,
        "evidence": [],
        "no_defect": False,
        "reason": "",
        "drafted": False,
        "confirmed": False,
        "cleared": False,
        "confirm_ms": None,
    }


# ---- what is posted


def read_posted_answers(post: QueryDict) -> FormAnswers:
    """Read the three axes as posted; `validation` finds what is wrong with them."""
    return {axis.value: _read_posted_axis(post, axis.value) for axis in AXES}


def read_submission(request: HttpRequest, answers: Mapping[Axis, Answer]) -> Submission:
    """Return parsed answers with the rest of the form."""
    return Submission(answers, read_uuid(request, "key"), read_viewing(request), read_seconds(request))


def read_viewing(request: HttpRequest) -> dict[str, Any]:
    """Read the player's viewing record; a page without scripts sends none."""
    try:
        record = parse_json(request.POST.get("viewing") or "{}")
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def read_seconds(request: HttpRequest) -> float:
    """Read the seconds that the page counted; a page without scripts sends none."""
    try:
        seconds = float(request.POST.get("seconds") or 0)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def read_held_item(request: HttpRequest) -> HeldItem:
    """Read the lease and the item; 0 for a page that an older version of the site made, which names no item."""
    return HeldItem(read_uuid(request, "lease"), read_number(request, "item") if "item" in request.POST else 0)


def read_number(request: HttpRequest, name: str) -> int:
    number = parse_number(request.POST.get(name, ""))
    if number is None:
        raise BadRequest(_("The form's field %(name)r must be a number. Reload the page.") % {"name": name})
    return number


def read_uuid(request: HttpRequest, name: str) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get(name, ""))
    except ValueError:
        raise BadRequest(
            _("The form's field %(name)r is missing or damaged. Reload the page.") % {"name": name}
        ) from None


# ---- what was saved or rated


def read_saved_answers(saved: SavedWork) -> FormAnswers:
    """Read saved work, whether the page saved it or a late submit did."""
    return {axis.value: _read_saved_axis(saved.answers.get(axis.value)) for axis in AXES}


def read_rating_answers(rating: Rating) -> FormAnswers:
    """Read the current revision of a rating."""
    rows = AxisAnswer.objects.filter(revision__rating=rating, revision__is_current=True)
    return {
        row.axis: make_blank_answer()
        | {
            "score": row.score,
            "evidence": row.evidence,
            "no_defect": not row.evidence,
            "reason": row.reason,
        }
        for row in rows
    }


# ---- parsed


def parse_form_answers(answers: FormAnswers, campaign: Campaign, find_draft: FindDraft) -> dict[Axis, Answer]:
    """Parse form answers; raise AnswersRefused with every field at fault and every unconfirmed draft, all at once."""
    reported = _report_draft_use(answers)
    try:
        return parse_answers(reported)
    except AnswersRefused as refusal:
        unconfirmed = _find_unconfirmed(reported, *find_draft(), campaign)
        raise AnswersRefused({**refusal.problems, **unconfirmed}) from None


def _report_draft_use(answers: FormAnswers) -> FormAnswers:
    """Return form answers as `parse_answers` reads them."""
    names = ("score", "evidence", "no_defect", "reason", "confirm_ms")
    return {
        axis.value: {name: answers[axis.value][name] for name in names}
        | {"draft_use": _name_draft_use(answers[axis.value])}
        for axis in AXES
    }


def _find_unconfirmed(reported: FormAnswers, draft: Draft | None, exposure: str, campaign: Campaign) -> Problems:
    """Return the axes with an unconfirmed draft, of answers that may not even parse."""
    prefills = make_prefills(campaign, draft) if draft else {}
    waiting = [axis for axis in AXES if decide_use(reported[axis.value], prefills.get(axis), exposure) is None]
    return {f"{axis}.draft_use": [str(UNCONFIRMED)] for axis in waiting}


def _name_draft_use(answer: FormAnswer) -> str:
    """Return the use of the draft that the page reports; the module `draft_use` decides."""
    if not answer["drafted"]:
        return AxisAnswer.DraftUse.NONE.value
    if answer["confirmed"]:
        return AxisAnswer.DraftUse.CONFIRMED.value
    return (AxisAnswer.DraftUse.CLEARED if answer["cleared"] else AxisAnswer.DraftUse.EDITED).value


def _read_saved_axis(value: object) -> FormAnswer:
    answer = make_blank_answer()
    if not isinstance(value, Mapping):
        return answer
    answer |= {name: value[name] for name, blank in answer.items() if _has_type_of(blank, value.get(name))}
    answer["evidence"] = [piece for piece in answer["evidence"] if _names_defect(piece)]
    use = value.get("draft_use")
    if isinstance(use, str) and use != AxisAnswer.DraftUse.NONE:  # a late submit saved only the outcome
        answer |= {"drafted": True, "confirmed": use == "confirmed", "cleared": use == "cleared"}
    return answer


def _has_type_of(blank: object, value: object) -> bool:
    """Return whether a saved value has the type the form needs; scores and times are numbers or missing."""
    return isinstance(value, int) if blank is None else isinstance(value, type(blank))


def _names_defect(piece: object) -> bool:
    return isinstance(piece, dict) and isinstance(piece.get("defect"), str)


def _read_posted_axis(post: QueryDict, axis: str) -> FormAnswer:
    chosen = list(dict.fromkeys(post.getlist(f"{axis}-defect")))
    return {
        "score": _read_integer(post.get(f"{axis}-score")),
        "evidence": list(_read_posted_evidence(post.get(f"{axis}-evidence", ""), chosen)),
        "no_defect": f"{axis}-none" in post,
        "reason": post.get(f"{axis}-reason", "").replace("\r\n", "\n"),
        "drafted": f"{axis}-drafted" in post,
        "confirmed": f"{axis}-confirm" in post,
        "cleared": bool(post.get(f"{axis}-cleared")),
        "confirm_ms": _read_integer(post.get(f"{axis}-confirm_ms")),
    }


def _read_posted_evidence(text: str, chosen: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the marks of the chosen defects, and a piece without time and box for each defect that has no mark.

    A page without scripts sends no marks.
    """
    try:
        marks = parse_json(text or "[]")
    except ValueError:
        marks = []
    pieces = marks if isinstance(marks, list) else []
    marked = [piece for piece in pieces if _names_defect(piece) and piece["defect"] in chosen]
    yield from marked
    names = {piece["defect"] for piece in marked}
    yield from ({"defect": defect, "time": None, "box": None} for defect in chosen if defect not in names)


def _read_integer(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None
