"""What a lead says of single items: known scores, the qualification set, and which come first.

A qualification item has no seats: everybody who wants in rates it once, in a place of their own. So its open seats go
when it is marked, which is possible only while nobody has met it, and come back when the mark is taken off.
"""

import csv
import math
from collections.abc import Mapping
from io import StringIO
from itertools import islice

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.overlap import seats
from annotation.campaigns.ranks import apply_order
from annotation.models import Campaign, Item, Slot
from annotation.shared import pieces
from annotation.shared.permissions import require
from annotation.shared.text import clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.words import isolate

FEEDBACK_LENGTH = 2000
MOST_PRIORITY = 1000
CHUNK = 500
MOST_ROWS = 200_000
PROBLEMS_TOLD = 5


class Mark(models.TextChoices):
    """What an item is beside (or, in the qualification, instead of) being rated."""

    PLAIN = "plain", gettext_lazy("rated like the others")
    GOLD = "gold", gettext_lazy("gold: its scores are known, and raters meet it unannounced")
    QUALIFICATION = "qualification", gettext_lazy("qualification: new raters rate it before they are let in")


def mark_of(item: Item) -> Mark:
    if item.is_qualification:
        return Mark.QUALIFICATION
    return Mark.GOLD if item.gold else Mark.PLAIN


@transaction.atomic
def mark_item(
    *, actor: User, item: Item, mark: str, scores: Mapping[str, float] | None = None, feedback: str = ""
) -> Item:
    """Marks an item; `scores` are the known ones by axis. Raises ValidationError by field, and then nothing changed."""
    require(actor, Role.LEAD)
    if mark not in Mark.values:
        raise ValidationError({"mark": _("A mark is one of %(marks)s.") % {"marks": ", ".join(Mark.values)}})
    known = None if mark == Mark.PLAIN else _checked_scores(scores or {})
    words = clean_text(feedback) if mark == Mark.QUALIFICATION else ""
    if len(words) > FEEDBACK_LENGTH:
        raise ValidationError({"feedback": _("At most %(most)s characters fit.") % {"most": FEEDBACK_LENGTH}})
    current = Item.objects.select_related("campaign", "clip__prompt_group").select_for_update(of=("self",))
    item = current.get(pk=item.pk)
    before, was_qualification = _said(item), item.is_qualification
    item.gold, item.is_qualification, item.feedback = known, mark == Mark.QUALIFICATION, words
    if _said(item) == before:
        return item
    item.save(update_fields=["gold", "is_qualification", "feedback"])
    if item.is_qualification and not was_qualification:
        _remove_seats(item)
    elif was_qualification and not item.is_qualification:
        _return_seats(item)
    audit.record(actor=actor, action="item.marked", target=item, before=before, after=_said(item))
    return item


def _said(item: Item) -> dict[str, object]:
    return {"mark": mark_of(item).value, "gold": item.gold, "feedback": item.feedback}


def _checked_scores(scores: Mapping[str, float]) -> dict[str, float]:
    problems = {
        axis: _("A known score lies between %(low)s and %(high)s.") % {"low": MIN_LEVEL, "high": MAX_LEVEL}
        for axis, score in scores.items()
        if axis in set(AXES) and not MIN_LEVEL <= score <= MAX_LEVEL
    }
    problems |= {str(axis): _("There is no such axis.") for axis in scores if axis not in set(AXES)}
    if not scores:
        problems["scores"] = _("Give the known score of one axis at least.")
    if problems:
        raise ValidationError(problems)
    return {axis.value: float(scores[axis.value]) for axis in AXES if axis.value in scores}


def _remove_seats(item: Item) -> None:
    # Locked before they are looked at, so that nobody takes one of them meanwhile.
    states = dict(Slot.objects.filter(item=item).select_for_update().order_by("pk").values_list("pk", "state"))
    if any(state != Slot.State.FREE for state in states.values()):
        words = _(
            "Raters have met this clip already, so it cannot join the qualification. Choose one nobody has rated."
        )
        raise ValidationError({"mark": words})
    Slot.objects.filter(pk__in=states).delete()


def _return_seats(item: Item) -> None:
    split = item.clip.prompt_group.split
    Slot.objects.bulk_create(seats(item.campaign, item, clip_id=item.clip.clip_id, split=split))


@transaction.atomic
def set_priority(*, actor: User, item: Item, priority: int) -> Item:
    """Puts an item before those of a lower priority, where the campaign goes by priority."""
    require(actor, Role.LEAD)
    if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
        words = _("A priority lies between %(low)s and %(high)s.")
        raise ValidationError({"priority": words % {"low": -MOST_PRIORITY, "high": MOST_PRIORITY}})
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=item.campaign_id)  # its order must not change
    before = Item.objects.values_list("priority", flat=True).get(pk=item.pk)
    item.priority = priority
    if before != priority:
        Item.objects.filter(pk=item.pk).update(priority=priority)
        apply_order(campaign, Item.objects.filter(pk=item.pk))
        audit.record(actor=actor, action="item.priority", target=item, before=before, after=priority)
    return item


def set_order_scores(*, actor: User, campaign: Campaign, scores: Mapping[str, float | None]) -> int:
    """Gives items, named by their clips' ids, the score that the campaign may go by; None takes one away.

    Returns how many items have another score now. Raises ValidationError, and stores none, when one does not fit.
    They are stored in pieces: if that is cut off, giving the same scores again stores the rest.
    """
    require(actor, Role.LEAD)
    odd = [name for name, score in scores.items() if score is not None and not math.isfinite(score)]
    if odd:
        raise ValidationError({"scores": _told(odd, _("%(names)s: a score is a finite number."))})
    names = list(scores)
    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    changed = {pk: score for chunk in chunks for pk, score in _changed_scores(campaign, chunk, scores)}
    keys = sorted(changed)
    for start in range(0, len(keys), pieces.PIECE):
        with pieces.one_piece():
            if start == 0:
                counts = {"given": len(scores), "changed": len(changed)}
                audit.record(actor=actor, action="campaign.order_scores", target=campaign, **counts)
            _store_scores(campaign, {pk: changed[pk] for pk in keys[start : start + pieces.PIECE]})
    return len(changed)


def _changed_scores(
    campaign: Campaign, names: list[str], scores: Mapping[str, float | None]
) -> list[tuple[int, float | None]]:
    items = Item.objects.filter(campaign=campaign, clip__clip_id__in=names)
    stored = {name: (pk, score) for name, pk, score in items.values_list("clip__clip_id", "pk", "order_score")}
    missing = [name for name in names if name not in stored]
    if missing:
        raise ValidationError({"scores": _told(missing, _("%(names)s: no such clip in this campaign."))})
    return [(pk, scores[name]) for name, (pk, score) in stored.items() if score != scores[name]]


def _store_scores(campaign: Campaign, scores: Mapping[int, float | None]) -> None:
    current = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)  # its order must not change meanwhile
    Item.objects.bulk_update([Item(pk=pk, order_score=score) for pk, score in scores.items()], ["order_score"])
    apply_order(current, Item.objects.filter(pk__in=list(scores)))


def _told(names: list[str], words: str) -> str:
    shown = ", ".join(map(isolate, names[:PROBLEMS_TOLD]))
    return words % {"names": f"{shown}, …" if len(names) > PROBLEMS_TOLD else shown}


def read_order_scores(text: str) -> dict[str, float | None]:
    """Scores from CSV with the columns clip_id and score; an empty score takes one away. Raises ValidationError."""
    reader = csv.DictReader(StringIO(text, newline=""))
    if not {"clip_id", "score"} <= set(reader.fieldnames or ()):
        raise ValidationError({"scores": _("The first line names the columns: clip_id,score.")})
    scores: dict[str, float | None] = {}
    try:
        for number, row in enumerate(islice(reader, MOST_ROWS), start=2):
            name = clean_text(row["clip_id"] or "")
            if not name or name in scores:
                why = _("Line %(line)s names no clip.") if not name else _("Line %(line)s names a clip a second time.")
                raise ValidationError({"scores": why % {"line": number}})
            scores[name] = _read_score(row["score"], number)
    except csv.Error as error:
        raise ValidationError({"scores": _("This is not CSV: %(error)s.") % {"error": error}}) from None
    return scores


def _read_score(text: str | None, line: int) -> float | None:
    if not (text or "").strip():
        return None
    try:
        score = float(text or "")
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ValidationError({"scores": _("Line %(line)s: the score is not a number.") % {"line": line}})
    return score
