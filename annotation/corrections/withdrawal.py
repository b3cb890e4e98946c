"""Withdraw clips from the site, and restore them.

A withdrawn clip leaves the queue, lists, figures and new releases of every campaign at once. Its ratings stay stored,
and so do the frozen releases that hold it: nobody edits their folders, and an engineer withdraws them. A rater who is
rating the clip loses the slot and is told why; what they typed stays saved work.
"""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.availability import choose_availability
from annotation.campaigns.item_acts import Outcome
from annotation.campaigns.reports import settle_reports, take_from_raters
from annotation.campaigns.summaries import refresh_summaries
from annotation.corrections.records import LockedClips, clean_reason, list_entries, lock_all
from annotation.models import Clip, Item
from annotation.shared.permissions import require_role
from qsave.words import isolate

Availability = Item.Availability
CLIP_FIELDS = ("withdrawn_at", "withdrawn_by", "withdrawal_reason", "successor")


@transaction.atomic
def withdraw_clips(*, actor: User, clips: Sequence[Clip], reason: str) -> list[Clip]:
    """Withdraw the clips and return those that were not withdrawn yet. Raises ValidationError without a reason."""
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    locked = lock_all(clips)
    withdrawn = [clip for clip in locked.clips if not clip.is_withdrawn]
    withdraw_locked(actor, locked, reason)
    return withdrawn


def withdraw_items(*, actor: User, items: Sequence[Item], reason: str) -> Outcome:
    """Withdraw the clips of the items, from all their campaigns, in one act; those that are withdrawn stay so.

    Raises ValidationError without a reason.
    """
    withdrawn = {clip.pk for clip in withdraw_clips(actor=actor, clips=_list_clips(items), reason=reason)}
    return Outcome([item for item in items if item.clip_id in withdrawn])


def withdraw_locked(actor: User, locked: LockedClips, reason: str, successor: Clip | None = None) -> None:
    """Withdraw locked clips. An exclusion of their items stays stored, and a restored clip has it again."""
    settle_reports(actor, locked.items)
    take_from_raters(locked.items, locked.slots)
    Item.objects.filter(pk__in=[item.pk for item in locked.items]).update(availability=Availability.WITHDRAWN)
    fresh = [clip for clip in locked.clips if not clip.is_withdrawn]
    for clip in fresh:
        clip.withdrawn_at, clip.withdrawn_by, clip.withdrawal_reason = timezone.now(), actor, reason
        clip.successor = successor
    Clip.objects.bulk_update(fresh, CLIP_FIELDS)
    link = {"successor": successor.clip_id} if successor else {}
    entries = [entry for clip in fresh for entry in list_entries(clip, locked.items, reason=reason, **link)]
    audit.record_all(actor=actor, action="clip.withdrawn", entries=entries)
    refresh_summaries(item.pk for item in locked.items)


@transaction.atomic
def restore_clip(*, actor: User, clip: Clip, reason: str) -> Clip:
    """Take the withdrawal of a clip back and return it; an item that was excluded is excluded again.

    Raises ValidationError without a reason, and while the clip's successor is not withdrawn.
    """
    (current,), left = _restore(actor, [clip], reason)
    if current.pk in left:
        raise left[current.pk]
    return current


@transaction.atomic
def restore_items(*, actor: User, items: Sequence[Item], reason: str) -> Outcome:
    """Restore the clips of the items, in all their campaigns, in one act.

    A clip whose successor is not withdrawn is left as it is. Raises ValidationError without a reason.
    """
    clips = _list_clips(items)
    withdrawn = {clip.pk for clip in clips if clip.is_withdrawn}
    _clips, left = _restore(actor, clips, reason)
    changed = [item for item in items if item.clip_id in withdrawn and item.clip_id not in left]
    return Outcome(changed, {item.pk: left[item.clip_id] for item in items if item.clip_id in left})


def _list_clips(items: Sequence[Item]) -> list[Clip]:
    return list(Clip.objects.filter(pk__in=[item.clip_id for item in items]).only("withdrawn_at").order_by("pk"))


def _restore(actor: User, clips: Sequence[Clip], reason: str) -> tuple[Sequence[Clip], dict[int, ValidationError]]:
    """Return the clips as they are now, and by key why some of them cannot be restored."""
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    locked = lock_all(clips)
    left = _refuse_succeeded(locked.clips)
    restored = {clip.pk: clip for clip in locked.clips if clip.is_withdrawn and clip.pk not in left}
    items = [item for item in locked.items if item.clip_id in restored]
    entries = [
        entry
        for clip in restored.values()
        for entry in list_entries(clip, items, before=clip.withdrawal_reason, reason=reason)
    ]
    for clip in restored.values():
        clip.withdrawn_at, clip.withdrawn_by, clip.withdrawal_reason, clip.successor = None, None, "", None
    Clip.objects.bulk_update(restored.values(), CLIP_FIELDS)
    for item in items:
        item.availability = (
            Availability.EXCLUDED if item.exclusion_reason else choose_availability(restored[item.clip_id])
        )
    Item.objects.bulk_update(items, ["availability"])
    audit.record_all(actor=actor, action="clip.restored", entries=entries)
    refresh_summaries(item.pk for item in items)
    return locked.clips, left


def _refuse_succeeded(clips: Sequence[Clip]) -> dict[int, ValidationError]:
    """Return, by key, why a clip cannot be restored: its successor is not withdrawn."""
    keys = [clip.successor_id for clip in clips if clip.is_withdrawn and clip.successor_id]
    present = dict(Clip.objects.filter(pk__in=keys, withdrawn_at=None).values_list("pk", "clip_id"))
    message = _("The clip %(clip)s has taken its place. Withdraw that one first.")
    return {
        clip.pk: ValidationError({"reason": message % {"clip": isolate(present[clip.successor_id])}})
        for clip in clips
        if clip.successor_id in present
    }
