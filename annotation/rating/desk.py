"""What the rating desk shows, and how its form is read: the same record both ways.

A form answer is the JSON of `annotation.rating.answers` for one axis, with three things more that only the page
knows: whether the critic's draft was put into the box (`drafted`), was `confirmed` as it stands, or was `cleared`.
Saved work holds form answers, so that a reload brings back exactly what stood there.
"""

import json
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy

from accounts.models import User
from annotation.models import AxisAnswer, Campaign, Clip, Draft, Item, Rating, SavedWork, Slot
from annotation.rating.answers import Problems
from annotation.rating.draft_use import UNCONFIRMED, decide_use, offered_defects, proposals
from annotation.rating.drafts import draft_for
from annotation.rating.statements import on_desk
from annotation.shared.levels import level_name, level_names
from qsave.axes import AXES, Axis, level_of_mos
from qsave.parsing import parse_json
from qsave.report_card import card_from_json

FormAnswer = dict[str, Any]
FormAnswers = dict[str, FormAnswer]

AXIS_HINTS = {
    Axis.VISUAL: gettext_lazy("how it looks"),
    Axis.DYNAMIC: gettext_lazy("how it moves"),
    Axis.ALIGNMENT: gettext_lazy("how it fits the prompt"),
}
PAGE_LETTERS = frozenset("iopxyz")
"""In, out, play, clear, confirm, undo: letters that mean the same on every axis and so never a defect."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class DefectChoice:
    id: str
    label: str
    letter: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class LevelChoice:
    value: int
    word: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class DraftMark:
    """The critic's bar on one axis. `proposal` is what the box held at first: an edit differs."""

    critic: str
    score: str
    proposal: str


@dataclass(frozen=True, slots=True)
class AxisForm:
    """One axis of the form, ready to be shown."""

    axis: str
    title: str
    hint: str
    answer: FormAnswer
    levels: tuple[LevelChoice, ...]
    defects: tuple[DefectChoice, ...]
    draft: DraftMark | None
    problems: list[str] = field(default_factory=list)

    @property
    def evidence(self) -> str:
        return json.dumps(self.answer["evidence"])


@dataclass(frozen=True, slots=True)
class Desk:
    """A clip on the desk with the form for it."""

    slot: Slot
    item: Item
    axes_html: SafeString
    key: uuid.UUID
    saved_version: int
    draft: Draft | None
    awaits_draft: bool
    """Whether the page asks for a draft that comes late: in either arm, or its source would tell a blind place."""
    problems: list[str]
    done: int = 0
    """How many clips of the campaign the rater has rated."""

    @property
    def fps(self) -> float:
        return frame_rate(self.item.clip)

    @property
    def gaps(self) -> str:
        return frame_gaps(self.item.clip)


def desk_for(rater: User, slot: Slot, *, posted: FormAnswers | None = None, problems: Problems | None = None) -> Desk:
    """The desk of a leased slot: what was posted and refused, else saved work, else the critic's draft, else blank."""
    shown = on_desk(rater, slot)
    item, saved = Item(pk=slot.item_id, campaign=slot.campaign, clip=shown.clip), shown.saved
    draft = shown.draft
    answers = posted or (saved_answers(saved) if saved else _prefilled(item.campaign, draft))
    return Desk(
        slot=slot,
        item=item,
        axes_html=_axes_html(item.campaign, answers, draft, problems or {}),
        key=uuid.uuid4(),
        saved_version=saved.version if saved else 0,
        draft=draft,
        awaits_draft=draft is None and slot.campaign.assisted_share > 0,
        problems=general_problems(problems or {}),
        done=shown.rated,
    )


def desk_for_try(seat: Slot, *, posted: FormAnswers | None = None, problems: Problems | None = None) -> Desk:
    """The desk of a lead's try, of a seat that is never saved: with its draft, and without anybody's saved work."""
    draft = draft_for(seat)
    answers = posted or _prefilled(seat.campaign, draft)
    return Desk(
        slot=seat,
        item=seat.item,
        axes_html=_axes_html(seat.campaign, answers, draft, problems or {}),
        key=uuid.uuid4(),
        saved_version=0,
        draft=draft,
        awaits_draft=False,
        problems=general_problems(problems or {}),
    )


def _axes_html(campaign: Campaign, answers: FormAnswers, draft: Draft | None, problems: Problems) -> SafeString:
    """The three axes of the form. Blank ones are the same for every clip of a campaign: made once and kept."""
    if draft is None and not problems and all(answer == _blank() for answer in answers.values()):
        return _blank_axes(json.dumps(campaign.taxonomy), get_language())
    axes = axis_forms(campaign, answers, draft=draft, problems=problems)
    return render_to_string("annotation/_rate_axes.html", {"axes": axes})


@lru_cache(maxsize=64)
def _blank_axes(taxonomy: str, language: str | None) -> SafeString:
    """`language` is part of the key only: the page is rendered in the active one."""
    axes = axis_forms(Campaign(taxonomy=json.loads(taxonomy)), {}, draft=None, problems={})
    return render_to_string("annotation/_rate_axes.html", {"axes": axes})


def desk_for_edit(rating: Rating, answers: FormAnswers, problems: Problems) -> list[AxisForm]:
    """The form of a rating that its rater edits: no draft is shown again."""
    return axis_forms(rating.item.campaign, answers, draft=None, problems=problems)


# ---- the player


def frame_rate(clip: Clip) -> float:
    """Frames a second by the clip's own account: how far a step goes where the frames' times are not known."""
    return clip.fps_numerator / clip.fps_denominator


def frame_gaps(clip: Clip) -> str:
    """The times of the frames for the player: each one's distance to the one before, in tenths of a millisecond."""
    ticks = [round(time * 10_000) for time in clip.shown_times]
    return " ".join(str(tick - before) for before, tick in zip([0, *ticks], ticks, strict=False))


# ---- drafts


def _offered(campaign: Campaign, axis: Axis, chosen: Collection[str] = ()) -> list[dict[str, Any]]:
    """The defects of an axis: without those that are retired, unless they are chosen already."""
    offered = {defect["id"] for defect in offered_defects(campaign, axis)} | set(chosen)
    return [defect for defect in campaign.taxonomy if defect["axis"] == axis.value and defect["id"] in offered]


def proposed_answers(campaign: Campaign, draft: Draft) -> dict[Axis, FormAnswer]:
    """A draft as form answers: words and known defects, never the scores."""
    return {axis: _blank() | proposal for axis, proposal in proposals(campaign, draft).items()}


def draft_marks(campaign: Campaign, draft: Draft) -> dict[Axis, DraftMark]:
    """The critic's bars. A drafted score is in them only where the campaign shows scores."""
    scores = card_from_json(draft.card).scores if campaign.shows_draft_scores else {}
    return {
        axis: DraftMark(
            critic=draft.critic,
            score=_score_words(scores.get(axis)),
            proposal=json.dumps({"reason": answer["reason"], "evidence": answer["evidence"]}),
        )
        for axis, answer in proposed_answers(campaign, draft).items()
    }


def _score_words(score: float | None) -> str:
    if score is None:
        return ""
    level = level_of_mos(score)
    return f"{level} {level_name(level)}"


def _prefilled(campaign: Campaign, draft: Draft | None) -> FormAnswers:
    if draft is None:
        return {axis.value: _blank() for axis in AXES}
    return {axis.value: answer | {"drafted": True} for axis, answer in proposed_answers(campaign, draft).items()}


# ---- the form, shown


def axis_forms(
    campaign: Campaign, answers: Mapping[str, FormAnswer], *, draft: Draft | None, problems: Problems
) -> list[AxisForm]:
    marks = draft_marks(campaign, draft) if draft else {}
    return [_axis_form(campaign, axis, answers.get(axis.value) or _blank(), marks.get(axis), problems) for axis in AXES]


def _axis_form(
    campaign: Campaign, axis: Axis, answer: FormAnswer, mark: DraftMark | None, problems: Problems
) -> AxisForm:
    chosen = {piece["defect"] for piece in answer["evidence"]}
    mine = _offered(campaign, axis, chosen)
    letters = defect_letters([defect["label"] for defect in mine])
    return AxisForm(
        axis=axis.value,
        title=axis.value.capitalize(),
        hint=str(AXIS_HINTS[axis]),
        answer=answer,
        levels=tuple(LevelChoice(value, word, answer["score"] == value) for value, word in level_names()),
        defects=tuple(
            DefectChoice(defect["id"], defect["label"], letter, defect["id"] in chosen)
            for defect, letter in zip(mine, letters, strict=True)
        ),
        draft=mark if answer["drafted"] else None,
        problems=axis_problems(problems).get(axis.value, []),
    )


def defect_letters(labels: list[str]) -> list[str]:
    """A key for each defect: its first letter that is free, else any that is, else none. Same labels, same keys."""
    taken = set(PAGE_LETTERS)
    letters: list[str] = []
    for label in labels:
        free = (letter for letter in [*label.casefold(), *LETTERS] if letter in LETTERS and letter not in taken)
        letters.append(next(free, ""))
        taken.add(letters[-1])
    return letters


def axis_problems(problems: Problems) -> Problems:
    """Problems by axis: the services name fields (`visual.reason`), the page shows them beside the axis."""
    found: Problems = {}
    for where, words in problems.items():
        axis = where.partition(".")[0]
        if axis in set(AXES):
            found.setdefault(axis, []).extend(words)
    return found


def general_problems(problems: Problems) -> list[str]:
    """Problems that belong to no axis."""
    return [word for where, words in problems.items() if where.partition(".")[0] not in set(AXES) for word in words]


# ---- the form, read


def posted_answers(post: QueryDict) -> FormAnswers:
    """The three axes as posted, as they are: what is wrong with them is for the services to say."""
    return {axis.value: _posted_axis(post, axis.value) for axis in AXES}


def service_answers(answers: FormAnswers) -> FormAnswers:
    """Form answers in the shape of `parse_answers`."""
    names = ("score", "evidence", "no_defect", "reason", "confirm_ms")
    return {
        axis.value: {**{name: answers[axis.value][name] for name in names}, "draft_use": _reported(answers[axis.value])}
        for axis in AXES
    }


def unconfirmed(answers: FormAnswers, draft: Draft | None, exposure: str, campaign: Campaign) -> Problems:
    """The axes of answers that may not even parse on which a draft is unconfirmed."""
    drafted = proposals(campaign, draft) if draft else {}
    shaped = service_answers(answers)
    waiting = [axis for axis in AXES if decide_use(shaped[axis.value], drafted.get(axis), exposure) is None]
    return {f"{axis}.draft_use": [str(UNCONFIRMED)] for axis in waiting}


def _reported(answer: FormAnswer) -> str:
    """What the page reports of the draft on an axis; the service decides what became of it."""
    if not answer["drafted"]:
        return AxisAnswer.DraftUse.NONE.value
    if answer["confirmed"]:
        return AxisAnswer.DraftUse.CONFIRMED.value
    return (AxisAnswer.DraftUse.CLEARED if answer["cleared"] else AxisAnswer.DraftUse.EDITED).value


def saved_answers(saved: SavedWork) -> FormAnswers:
    """Saved work as form answers, whether the page saved it or a lost lease did."""
    return {axis.value: _saved_axis(saved.answers.get(axis.value)) for axis in AXES}


def rating_answers(rating: Rating) -> FormAnswers:
    """The current revision of a rating as form answers."""
    rows = AxisAnswer.objects.filter(revision__rating=rating, revision__is_current=True)
    return {
        row.axis: _blank()
        | {
            "score": row.score,
            "evidence": row.evidence,
            "no_defect": not row.evidence,
            "reason": row.reason,
        }
        for row in rows
    }


def _blank() -> FormAnswer:
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


def _saved_axis(value: object) -> FormAnswer:
    answer = _blank()
    if not isinstance(value, Mapping):
        return answer
    answer |= {name: value[name] for name, blank in answer.items() if _is_like(value.get(name), blank)}
    answer["evidence"] = [piece for piece in answer["evidence"] if _names_defect(piece)]
    use = value.get("draft_use")
    if isinstance(use, str) and use != AxisAnswer.DraftUse.NONE:  # kept by a lost lease, which knows only the outcome
        answer |= {"drafted": True, "confirmed": use == "confirmed", "cleared": use == "cleared"}
    return answer


def _is_like(value: object, blank: object) -> bool:
    """Whether a saved value has the type the form needs; scores and times are numbers or missing."""
    return isinstance(value, int) if blank is None else isinstance(value, type(blank))


def _names_defect(piece: object) -> bool:
    return isinstance(piece, dict) and isinstance(piece.get("defect"), str)


def _posted_axis(post: QueryDict, axis: str) -> FormAnswer:
    chosen = list(dict.fromkeys(post.getlist(f"{axis}-defect")))
    return {
        "score": _whole(post.get(f"{axis}-score")),
        "evidence": list(_posted_evidence(post.get(f"{axis}-evidence", ""), chosen)),
        "no_defect": f"{axis}-none" in post,
        "reason": post.get(f"{axis}-reason", "").replace("\r\n", "\n"),
        "drafted": f"{axis}-drafted" in post,
        "confirmed": f"{axis}-confirm" in post,
        "cleared": bool(post.get(f"{axis}-cleared")),
        "confirm_ms": _whole(post.get(f"{axis}-confirm_ms")),
    }


def _posted_evidence(text: str, chosen: list[str]) -> Iterator[dict[str, Any]]:
    """Marks of the defects that are ticked, and a plain piece for each that has none: without scripts, none has."""
    try:
        marks = parse_json(text or "[]")
    except ValueError:
        marks = []
    pieces = marks if isinstance(marks, list) else []
    kept = [piece for piece in pieces if _names_defect(piece) and piece["defect"] in chosen]
    yield from kept
    marked = {piece["defect"] for piece in kept}
    yield from ({"defect": defect, "time": None, "box": None} for defect in chosen if defect not in marked)


def _whole(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None
