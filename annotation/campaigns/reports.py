"""Settle the reports of raters on a clip (it does not play, the lead should see it).

A report holds the clip back from all raters. A lead then gives it out again or excludes it with a reason. An excluded
clip is not given out and is left out of figures and releases, until a lead gives it out again, also with a reason.
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.slots import free_slots, lock_slots
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Item, Offer, Skip, Slot
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text

REPORTS = (Skip.Kind.BROKEN, Skip.Kind.FLAGGED)
MAX_REASON_LENGTH = 1000
Availability = Item.Availability


def hold_back(item: Item) -> None:
    """Hold a reported item back until a lead settles it; an excluded one stays excluded."""
    Item.objects.filter(pk=item.pk, availability=Availability.AVAILABLE).update(availability=Availability.REPORTED)


@transaction.atomic
def give_out_again(*, actor: User, item: Item, reason: str = "") -> None:
    """Let the queue give the item out again and settle its reports. Raters who reported it do not get it again.

    Raises ValidationError if an excluded item comes back without a reason.
    """
    require_role(actor, Role.LEAD)
    reason = clean_text(reason)[:MAX_REASON_LENGTH]
    current = Item.objects.select_for_update(no_key=True).get(pk=item.pk)
    if current.availability == Availability.EXCLUDED and not reason:
        raise ValidationError({"reason": _("Write why you return this clip. The reason is saved in the audit trail.")})
    settled = _settle_reports(actor, item)
    if current.availability != Availability.AVAILABLE or settled:
        _save(item, Availability.AVAILABLE, "")
        before = {"availability": current.availability, "reason": current.exclusion_reason}
        data = {"before": before, "reason": reason, "reports": settled}
        audit.record(actor=actor, action="item.given_out_again", target=item, **data)


@transaction.atomic
def exclude(*, actor: User, item: Item, reason: str) -> None:
    """Exclude the item from the campaign, free its slots and settle its reports.

    A rater who is rating it loses the slot; what they typed stays saved work (`annotation.rating.queue`). Raises
    ValidationError without a reason.
    """
    require_role(actor, Role.LEAD)
    reason = clean_text(reason)[:MAX_REASON_LENGTH]
    if not reason:
        raise ValidationError({"reason": _("Write why you exclude this clip. The reason is saved with it.")})
    slots = lock_slots(item)
    current = Item.objects.select_for_update(no_key=True).get(pk=item.pk)
    settled = _settle_reports(actor, item)
    if (current.availability, current.exclusion_reason) != (Availability.EXCLUDED, reason) or settled:
        _save(item, Availability.EXCLUDED, reason)
        _take_from_raters(item, slots)
        audit.record(actor=actor, action="item.excluded", target=item, reason=reason, reports=settled)


def _take_from_raters(item: Item, slots: list[Slot]) -> None:
    """Free the leased slots of the item. A repeat counts as handed back, so that what was typed for it is kept."""
    repeating = [slot.rater_id for slot in slots if slot.kind == Slot.Kind.REPEAT and slot.state == Slot.State.LEASED]
    if repeating:
        Offer.objects.filter(item=item, rater__in=repeating).update(handed_back_at=timezone.now())
    free_slots(Slot.objects.filter(item=item, state=Slot.State.LEASED))


def _settle_reports(actor: User, item: Item) -> int:
    waiting = Skip.objects.filter(item=item, kind__in=REPORTS, settled_at=None)
    return waiting.update(settled_at=timezone.now(), settled_by=actor)


def _save(item: Item, availability: str, reason: str) -> None:
    item.availability, item.exclusion_reason = availability, reason
    item.save(update_fields=["availability", "exclusion_reason"])
    refresh_summaries([item.pk])
