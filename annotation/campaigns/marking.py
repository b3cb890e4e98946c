"""Mark items as golds or qualification clips, and set their priorities and order scores.

A qualification item has no rating slots: each new rater rates it once, in a check slot. Marking it deletes its slots,
which is possible only while they are all free; removing the mark creates them again.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.models import AuditEntry, Role, User
from annotation.campaigns.item_acts import Outcome
from annotation.campaigns.locks import lock_campaign, lock_items, lock_slots
from annotation.campaigns.overlap import build_rating_slots
from annotation.campaigns.ranks import apply_order
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Item, Slot
from annotation.shared import batches
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.tables.reader import read_table
from qsave.tables.table import Columns, TableError
from qsave.tables.values import parse_number, write_name
from qsave.words import isolate

MAX_FEEDBACK_LENGTH = 2000
MAX_PRIORITY = 1000
MARK_FIELDS = ("gold", "is_qualification", "feedback", "priority")
LOOKUP_SIZE = 500
MAX_ROWS = 200_000
_SCORE_COLUMNS = Columns(known=("clip_id", "score"), required=("clip_id", "score"))
NAMES_IN_MESSAGE = 5


class Mark(models.TextChoices):
    """What an item is used for besides rating, or in the qualification instead of rating."""

    PLAIN = "plain", gettext_lazy("rated like the others")
    GOLD = "gold", gettext_lazy("gold: its scores are known, and raters get it unannounced")
    QUALIFICATION = "qualification", gettext_lazy("qualification: new raters rate it before they may rate here")


def read_mark(item: Item) -> Mark:
    if item.is_qualification:
        return Mark.QUALIFICATION
    return Mark.GOLD if item.gold else Mark.PLAIN


def mark_item(
    *,
    actor: User,
    item: Item,
    mark: str | None = None,
    scores: Mapping[str, float] | None = None,
    feedback: str | None = None,
    priority: int | None = None,
) -> Item:
    """Change the marks of an item, as `mark_items`; raises ValidationError by field and then changes nothing."""
    outcome = mark_items(actor=actor, items=[item], mark=mark, scores=scores, feedback=feedback, priority=priority)
    outcome.apply_to(item, MARK_FIELDS)
    return item


@transaction.atomic
def mark_items(
    *,
    actor: User,
    items: Sequence[Item],
    mark: str | None = None,
    scores: Mapping[str, float] | None = None,
    feedback: str | None = None,
    priority: int | None = None,
    recorded: Mapping[str, object] | None = None,
) -> Outcome:
    """Change the marks of items of one campaign, and leave what is not given; `scores` are the known ones by axis.

    The audit entries of the marks also get what is `recorded`: a reason, or the entry that this undoes.
    An item is left as it is if the marks do not fit it, or if it would join the qualification and a rater has had it.
    Raises ValidationError by field for what fits no item.
    """
    require_role(actor, Role.LEAD)
    _check_request(mark, scores, priority)
    campaign = lock_campaign(items[0].campaign_id)
    slots = lock_slots(items)
    taken = {slot.item_id for slot in slots if slot.state != Slot.State.FREE}
    current = lock_items(items, no_key=False)
    before = {item.pk: (_describe(item), item.priority) for item in current}
    was_qualification = {item.pk: item.is_qualification for item in current}
    left: dict[int, ValidationError] = {}
    for item in current:
        try:
            _change_marks(item, mark, scores, feedback, is_taken=item.pk in taken)
        except ValidationError as refusal:
            left[item.pk] = refusal
        else:
            item.priority = item.priority if priority is None else priority
    changed = [item for item in current if item.pk not in left and before[item.pk] != (_describe(item), item.priority)]
    Item.objects.bulk_update(changed, MARK_FIELDS)
    _update_slots(changed, was_qualification, slots)
    if priority is not None:
        apply_order(campaign, Item.objects.filter(pk__in=[item.pk for item in changed]))
    refresh_summaries(item.pk for item in changed)
    priorities = _record(actor, changed, before, recorded or {})
    return Outcome(changed, left, [entry.pk for entry in priorities])


def _record(
    actor: User,
    changed: Sequence[Item],
    before: Mapping[int, tuple[dict[str, object], int]],
    recorded: Mapping[str, object],
) -> list[AuditEntry]:
    """Record what changed: the marks, the priority, or both. Returns the entries of priorities."""
    marks = [(item, {"before": before[item.pk][0], "after": _describe(item), **recorded}) for item in changed]
    marks = [(item, data) for item, data in marks if data["before"] != data["after"]]
    audit.record_all(actor=actor, action="item.marked", entries=marks)
    priorities = [(item, {"before": before[item.pk][1], "after": item.priority}) for item in changed]
    priorities = [(item, data) for item, data in priorities if data["before"] != data["after"]]
    return audit.record_all(actor=actor, action="item.priority", entries=priorities)


def _check_request(mark: str | None, scores: Mapping[str, float] | None, priority: int | None) -> None:
    """Raise ValidationError by field if a value fits no item."""
    if mark is not None and mark not in Mark.values:
        raise ValidationError({"mark": _("A mark must be one of %(marks)s.") % {"marks": ", ".join(Mark.values)}})
    if scores is not None and mark in (Mark.GOLD, Mark.QUALIFICATION):
        _check_scores(scores)
    if priority is not None and not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
        message = _("A priority must be between %(low)s and %(high)s.")
        raise ValidationError({"priority": message % {"low": -MAX_PRIORITY, "high": MAX_PRIORITY}})


def _change_marks(
    item: Item, mark: str | None, scores: Mapping[str, float] | None, feedback: str | None, *, is_taken: bool
) -> None:
    """Change the marks of an item that is not saved yet. Raises ValidationError by field."""
    mark = read_mark(item).value if mark is None else mark
    scores = item.gold or {} if scores is None else scores
    gold = None if mark == Mark.PLAIN else _check_scores(scores)
    feedback = _check_feedback(item.feedback if feedback is None else feedback, mark)
    if mark == Mark.QUALIFICATION and not item.is_qualification and is_taken:
        message = _(
            "Raters already have this clip, so it cannot join the qualification. Choose a clip that nobody has opened."
        )
        raise ValidationError({"mark": message})
    item.gold, item.is_qualification, item.feedback = gold, mark == Mark.QUALIFICATION, feedback


def _update_slots(items: Sequence[Item], was_qualification: Mapping[int, bool], slots: Sequence[Slot]) -> None:
    """Delete the slots of items that have joined the qualification, and create those of items that have left it."""
    joined = {item.pk for item in items if item.is_qualification and not was_qualification[item.pk]}
    rejoined = [item for item in items if not item.is_qualification and was_qualification[item.pk]]
    if joined:
        Slot.objects.filter(pk__in=[slot.pk for slot in slots if slot.item_id in joined]).delete()
    Slot.objects.bulk_create(
        slot
        for item in rejoined
        for slot in build_rating_slots(
            item.campaign, item, clip_id=item.clip.clip_id, split=item.clip.prompt_group.split
        )
    )


def _describe(item: Item) -> dict[str, object]:
    return {"mark": read_mark(item).value, "gold": item.gold, "feedback": item.feedback}


def _check_feedback(feedback: str, mark: str) -> str:
    """Return the feedback as it is stored: only a qualification item has any."""
    feedback = clean_text(feedback) if mark == Mark.QUALIFICATION else ""
    if len(feedback) > MAX_FEEDBACK_LENGTH:
        raise ValidationError(
            {"feedback": _("Feedback can have at most %(most)s characters.") % {"most": MAX_FEEDBACK_LENGTH}}
        )
    return feedback


def _check_scores(scores: Mapping[str, float]) -> dict[str, float]:
    problems = {
        axis: _("A known score must be between %(low)s and %(high)s.") % {"low": MIN_LEVEL, "high": MAX_LEVEL}
        for axis, score in scores.items()
        if axis in set(AXES) and not MIN_LEVEL <= score <= MAX_LEVEL
    }
    problems |= {str(axis): _("There is no such axis.") for axis in scores if axis not in set(AXES)}
    if not scores:
        problems["scores"] = _("Give the known score of at least one axis.")
    if problems:
        raise ValidationError(problems)
    return {axis.value: float(scores[axis.value]) for axis in AXES if axis.value in scores}


def set_order_scores(*, actor: User, campaign: Campaign, scores: Mapping[str, float | None]) -> int:
    """Set the order scores of items, by the ids of their clips; None removes one.

    Returns how many items changed. Raises ValidationError, and stores nothing, if one score or clip is wrong. Scores
    are stored in batches: after an interruption, setting the same scores again stores the rest.
    """
    require_role(actor, Role.LEAD)
    not_finite = [name for name, score in scores.items() if score is not None and not math.isfinite(score)]
    if not_finite:
        raise ValidationError({"scores": _list_names(not_finite, _("%(names)s: a score must be a finite number."))})
    names = list(scores)
    lookups = [names[start : start + LOOKUP_SIZE] for start in range(0, len(names), LOOKUP_SIZE)]
    changed = {pk: score for lookup in lookups for pk, score in _find_changed_scores(campaign, lookup, scores)}
    keys = sorted(changed)
    for start in range(0, len(keys), batches.BATCH_SIZE):
        with batches.open_batch():
            if start == 0:
                counts = {"given": len(scores), "changed": len(changed)}
                audit.record(actor=actor, action="campaign.order_scores", target=campaign, **counts)
            _store_scores(campaign, {pk: changed[pk] for pk in keys[start : start + batches.BATCH_SIZE]})
    return len(changed)


def _find_changed_scores(
    campaign: Campaign, names: list[str], scores: Mapping[str, float | None]
) -> list[tuple[int, float | None]]:
    items = Item.objects.filter(campaign=campaign, clip__clip_id__in=names)
    stored = {name: (pk, score) for name, pk, score in items.values_list("clip__clip_id", "pk", "order_score")}
    missing = [name for name in names if name not in stored]
    if missing:
        raise ValidationError({"scores": _list_names(missing, _("This campaign has no clip %(names)s."))})
    return [(pk, scores[name]) for name, (pk, score) in stored.items() if score != scores[name]]


def _store_scores(campaign: Campaign, scores: Mapping[int, float | None]) -> None:
    current = lock_campaign(campaign.pk)
    items = [Item(pk=pk, order_score=score) for pk, score in scores.items()]
    lock_slots(items)
    lock_items(items)
    Item.objects.bulk_update(items, ["order_score"])
    apply_order(current, Item.objects.filter(pk__in=list(scores)))


def _list_names(names: list[str], message: str) -> str:
    listed = ", ".join(map(isolate, names[:NAMES_IN_MESSAGE]))
    return message % {"names": f"{listed}, …" if len(names) > NAMES_IN_MESSAGE else listed}


def read_order_scores(file: BinaryIO, name: str) -> dict[str, float | None]:
    """Read a table with the columns clip_id and score; an empty score is None. Raises ValidationError."""
    scores: dict[str, float | None] = {}
    try:
        for row in islice(read_table(file, name, _SCORE_COLUMNS).rows, MAX_ROWS):
            clip_id = clean_text(str(write_name(row.cells.get("clip_id") or "")))
            problem = row.problem or (_("It has no clip_id.") if not clip_id else "")
            if clip_id in scores:
                problem = _("It repeats a clip.")
            if problem:
                raise ValidationError({"scores": _name_line(row.line, problem)})
            scores[clip_id] = _read_score(row.cells.get("score"), row.line)
    except TableError as error:
        raise ValidationError({"scores": str(error)}) from None
    return scores


def _read_score(value: object, line: int) -> float | None:
    try:
        return parse_number(value)
    except ValueError:
        raise ValidationError({"scores": _name_line(line, _("The score is not a number."))}) from None


def _name_line(line: int, problem: str) -> str:
    return _("Line %(line)s: %(problem)s") % {"line": line, "problem": problem}
