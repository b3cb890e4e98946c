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


def withdraw_locked(actor: User, locked: LockedClips, reason: str, successor: Clip | None = None) -> None:
    """Withdraw locked clips. An exclusion of their items stays stored, and a restored clip has it again."""
    settle_reports(actor, locked.items)
    take_from_raters(locked.items, locked.slots)
    Item.objects.filter(pk__in=[item.pk for item in locked.items]).update(availability=Availability.WITHDRAWN)
    for clip in locked.clips:
        if not clip.is_withdrawn:
            clip.withdrawn_at, clip.withdrawn_by, clip.withdrawal_reason = timezone.now(), actor, reason
            clip.successor = successor
            clip.save(update_fields=CLIP_FIELDS)
            link = {"successor": successor.clip_id} if successor else {}
            entries = list_entries(clip, reason=reason, **link)
            audit.record_all(actor=actor, action="clip.withdrawn", entries=entries)
    refresh_summaries(item.pk for item in locked.items)


@transaction.atomic
def restore_clip(*, actor: User, clip: Clip, reason: str) -> Clip:
    """Take the withdrawal of a clip back and return it; an item that was excluded is excluded again.

    Raises ValidationError without a reason, and while the clip's successor is not withdrawn.
    """
    require_role(actor, Role.LEAD)
    reason = clean_reason(reason)
    locked = lock_all([clip])
    (current,) = locked.clips
    if not current.is_withdrawn:
        return current
    if current.successor is not None and not current.successor.is_withdrawn:
        message = _("The clip %(clip)s has taken its place. Withdraw that one first.")
        raise ValidationError({"reason": message % {"clip": isolate(current.successor.clip_id)}})
    before = current.withdrawal_reason
    current.withdrawn_at, current.withdrawn_by, current.withdrawal_reason, current.successor = None, None, "", None
    current.save(update_fields=CLIP_FIELDS)
    for item in locked.items:
        item.availability = Availability.EXCLUDED if item.exclusion_reason else choose_availability(current)
    Item.objects.bulk_update(locked.items, ["availability"])
    entries = list_entries(current, before=before, reason=reason)
    audit.record_all(actor=actor, action="clip.restored", entries=entries)
    refresh_summaries(item.pk for item in locked.items)
    return current
