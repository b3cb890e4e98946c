"""Prepare what the rating desk shows: the clip, the axes of its form, and the critic's draft.

`desk_form` reads the posted form into the `FormAnswer`s that this module shows.
"""

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from annotation.campaigns.taxonomy import list_offered_defects
from annotation.models import Campaign, Draft, Item, Rating, Slot, VideoFile
from annotation.rating.answers import Problems
from annotation.rating.desk_form import FormAnswer, FormAnswers, make_blank_answer, read_saved_answers
from annotation.rating.draft_use import Prefill, make_prefills
from annotation.rating.drafts import find_draft, list_visible_axes
from annotation.rating.rating_sql import read_desk_record
from annotation.shared.levels import get_level_name, list_level_names
from qsave.axes import AXES, Axis, round_to_level

AXIS_HINTS = {
    Axis.VISUAL: _("how it looks"),
    Axis.DYNAMIC: _("how it moves"),
    Axis.ALIGNMENT: _("how it fits the prompt"),
}
PAGE_LETTERS = frozenset("iopxyz")
"""The keys for in, out, play, clear, confirm and undo. They work on every axis, so no defect gets one of them."""
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
    """The critic's bar on one axis. `note` says what was measured and by which threshold. `proposal` is the first
    content of the box, with which the page compares edits; it is empty if the draft is a score alone. If it
    `is_about_defects` only, the rater writes the reason.
    """

    critic: str
    score: str
    note: str
    is_about_defects: bool
    proposal: str

    @property
    def is_score_only(self) -> bool:
        return not self.proposal


@dataclass(frozen=True, slots=True)
class AxisForm:
    """One axis of the form."""

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
    """A clip on the desk, and its form."""

    slot: Slot
    item: Item
    axes_html: SafeString
    key: uuid.UUID
    saved_version: int
    awaits_draft: bool
    """Whether the page asks for a late draft. It asks in both arms, so that its source does not reveal a blind slot."""
    problems: list[str]
    is_measured: bool = False
    """Whether the draft says what was measured, so that the page asks for the readings."""
    done: int = 0
    """How many clips of the campaign the rater has rated."""

    @property
    def fps(self) -> float:
        return compute_frame_rate(self.item.clip)

    @property
    def gaps(self) -> str:
        return list_frame_gaps(self.item.clip)


def present_desk(
    rater: User, slot: Slot, *, posted: FormAnswers | None = None, problems: Problems | None = None
) -> Desk:
    """Return the desk of a leased slot, filled with posted answers, else saved work, else the draft, else nothing."""
    record = read_desk_record(rater, slot)
    item, saved = Item(pk=slot.item_id, campaign=slot.campaign, clip=record.clip), record.saved
    answers = posted or (read_saved_answers(saved) if saved else _prefill(item.campaign, record.draft))
    return Desk(
        slot=slot,
        item=item,
        axes_html=_render_axes(item.campaign, answers, record.draft, problems or {}),
        key=uuid.uuid4(),
        saved_version=saved.version if saved else 0,
        awaits_draft=record.draft is None and slot.campaign.assisted_share > 0,
        problems=list_general_problems(problems or {}),
        is_measured=_is_measured(item.campaign, record.draft),
        done=record.rated_count,
    )


def _is_measured(campaign: Campaign, draft: Draft | None) -> bool:
    return draft is not None and any(one.note for one in list_visible_axes(draft, campaign).values())


def present_try(slot: Slot, *, posted: FormAnswers | None = None, problems: Problems | None = None) -> Desk:
    """Return the desk of a lead's try, whose slot is never saved: with the draft, and without saved work."""
    draft = find_draft(slot)
    answers = posted or _prefill(slot.campaign, draft)
    return Desk(
        slot=slot,
        item=slot.item,
        axes_html=_render_axes(slot.campaign, answers, draft, problems or {}),
        key=uuid.uuid4(),
        saved_version=0,
        awaits_draft=False,
        problems=list_general_problems(problems or {}),
    )


def _render_axes(campaign: Campaign, answers: FormAnswers, draft: Draft | None, problems: Problems) -> SafeString:
    """Render the three axes of the form. Blank axes are the same for every clip of a campaign and are cached."""
    if draft is None and not problems and all(answer == make_blank_answer() for answer in answers.values()):
        return _render_blank_axes(json.dumps(campaign.taxonomy), get_language())
    axes = list_axis_forms(campaign, answers, draft=draft, problems=problems)
    return render_to_string("annotation/_rate_axes.html", {"axes": axes})


@lru_cache(maxsize=64)
def _render_blank_axes(taxonomy: str, language: str | None) -> SafeString:
    """`language` is only part of the cache key: the axes are rendered in the active language."""
    axes = list_axis_forms(Campaign(taxonomy=json.loads(taxonomy)), {}, draft=None, problems={})
    return render_to_string("annotation/_rate_axes.html", {"axes": axes})


def present_edit(rating: Rating, answers: FormAnswers, problems: Problems) -> list[AxisForm]:
    """Return the form of a rating that its rater edits: no draft is shown again."""
    return list_axis_forms(rating.item.campaign, answers, draft=None, problems=problems)


# ---- the player


def compute_frame_rate(clip: VideoFile) -> float:
    """Return the frames a second that the file states. The player steps by them if it has no times of the frames."""
    return clip.fps_numerator / clip.fps_denominator


def list_frame_gaps(clip: VideoFile) -> str:
    """Return the times of the frames for the player: each frame's distance to the one before, in 0.1 ms."""
    ticks = [round(time * 10_000) for time in clip.shown_times]
    return " ".join(str(tick - before) for before, tick in zip([0, *ticks], ticks, strict=False))


# ---- drafts


def _list_defects(campaign: Campaign, axis: Axis, chosen: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the defects of an axis, without retired ones unless they are chosen already."""
    offered = {defect["id"] for defect in list_offered_defects(campaign.taxonomy, axis)} | set(chosen)
    return [defect for defect in campaign.taxonomy if defect["axis"] == axis.value and defect["id"] in offered]


def make_draft_answers(campaign: Campaign, draft: Draft) -> dict[Axis, FormAnswer]:
    """Return a draft as form answers on the axes that it proposes: reasons and known defects, never the scores."""
    return {
        axis: make_blank_answer() | prefill | {"evidence": prefill["evidence"] or []}
        for axis, prefill in make_prefills(campaign, draft).items()
    }


def make_draft_marks(campaign: Campaign, draft: Draft) -> dict[Axis, DraftMark]:
    """Return the critic's bars on the axes that raters see, with the scores only where the campaign shows scores."""
    prefills = make_prefills(campaign, draft)
    return {
        axis: DraftMark(
            critic=draft.critic,
            score=_describe_score(one.score) if campaign.shows_draft_scores else "",
            note=one.note,
            is_about_defects=not one.reason.strip(),
            proposal=_write_proposal(prefills[axis]) if axis in prefills else "",
        )
        for axis, one in list_visible_axes(draft, campaign).items()
    }


def _write_proposal(prefill: Prefill) -> str:
    return json.dumps({"reason": prefill["reason"], "evidence": prefill["evidence"]})


def _describe_score(score: float | None) -> str:
    if score is None:
        return ""
    level = round_to_level(score)
    return f"{level} {get_level_name(level)}"


def _prefill(campaign: Campaign, draft: Draft | None) -> FormAnswers:
    drafted = make_draft_answers(campaign, draft) if draft else {}
    return {axis.value: drafted[axis] | {"drafted": True} if axis in drafted else make_blank_answer() for axis in AXES}


# ---- the axes of the form


def list_axis_forms(
    campaign: Campaign, answers: Mapping[str, FormAnswer], *, draft: Draft | None, problems: Problems
) -> list[AxisForm]:
    marks = make_draft_marks(campaign, draft) if draft else {}
    return [
        _make_axis_form(campaign, axis, answers.get(axis.value) or make_blank_answer(), marks.get(axis), problems)
        for axis in AXES
    ]


def _make_axis_form(
    campaign: Campaign, axis: Axis, answer: FormAnswer, mark: DraftMark | None, problems: Problems
) -> AxisForm:
    chosen = {piece["defect"] for piece in answer["evidence"]}
    defects = _list_defects(campaign, axis, chosen)
    letters = assign_letters([defect["label"] for defect in defects])
    return AxisForm(
        axis=axis.value,
        title=axis.value.capitalize(),
        hint=str(AXIS_HINTS[axis]),
        answer=answer,
        levels=tuple(LevelChoice(value, word, answer["score"] == value) for value, word in list_level_names()),
        defects=tuple(
            DefectChoice(defect["id"], defect["label"], letter, defect["id"] in chosen)
            for defect, letter in zip(defects, letters, strict=True)
        ),
        draft=mark if mark and (answer["drafted"] or mark.is_score_only) else None,
        problems=group_by_axis(problems).get(axis.value, []),
    )


def assign_letters(labels: list[str]) -> list[str]:
    """Return a key for each defect: its first letter that is free, else any free letter, else none.

    The same labels always get the same keys.
    """
    taken = set(PAGE_LETTERS)
    letters: list[str] = []
    for label in labels:
        free = (letter for letter in [*label.casefold(), *LETTERS] if letter in LETTERS and letter not in taken)
        letters.append(next(free, ""))
        taken.add(letters[-1])
    return letters


def group_by_axis(problems: Problems) -> Problems:
    """Group problems by axis: the services name fields (`visual.reason`), the page shows them beside the axis."""
    by_axis: Problems = {}
    for name, sentences in problems.items():
        axis = name.partition(".")[0]
        if axis in set(AXES):
            by_axis.setdefault(axis, []).extend(sentences)
    return by_axis


def list_general_problems(problems: Problems) -> list[str]:
    """Return the problems that belong to no axis."""
    return [
        sentence
        for name, sentences in problems.items()
        if name.partition(".")[0] not in set(AXES)
        for sentence in sentences
    ]
