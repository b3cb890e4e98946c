"""Settle the reports of raters on a clip (it does not play, the lead should see it).

A report holds the clip back from all raters. A lead then gives it out again or excludes it with a reason. An excluded
clip is not given out and is left out of figures and releases, until a lead gives it out again, also with a reason.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.availability import choose_availability
from annotation.campaigns.item_acts import Outcome
from annotation.campaigns.locks import lock_items, lock_slots
from annotation.campaigns.slots import free_slots
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Item, Offer, Skip, Slot
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text

REPORTS = (Skip.Kind.BROKEN, Skip.Kind.FLAGGED)
MAX_REASON_LENGTH = 1000
AVAILABILITY_FIELDS = ("availability", "exclusion_reason")
Availability = Item.Availability
HELD_BACK = (Availability.REPORTED, Availability.EXCLUDED)
"""What a lead gives out again."""


def hold_back(item: Item) -> None:
    """Hold a reported item back until a lead settles it; an excluded one stays excluded."""
    Item.objects.filter(pk=item.pk, availability=Availability.AVAILABLE).update(availability=Availability.REPORTED)


def give_out_again(*, actor: User, item: Item, reason: str = "") -> None:
    """Let the queue give the item out again, as `give_out_items`; raises ValidationError if it needs a reason."""
    give_out_items(actor=actor, items=[item], reason=reason).apply_to(item, AVAILABILITY_FIELDS)


@transaction.atomic
def give_out_items(*, actor: User, items: Sequence[Item], reason: str = "") -> Outcome:
    """Let the queue give the items out again and settle their reports. Raters who reported one do not get it again.

    An excluded item is left as it is if there is no reason, and a withdrawn one in any case.
    """
    require_role(actor, Role.LEAD)
    reason = clean_text(reason)[:MAX_REASON_LENGTH]
    current = lock_items(items)
    left = {item.pk: refusal for item in current if (refusal := _refuse_return(item, reason)) is not None}
    current = [item for item in current if item.pk not in left]
    settled = settle_reports(actor, current)
    changed = [item for item in current if item.availability in HELD_BACK or item.pk in settled]
    entries = [
        (item, {"before": _describe(item), "reason": reason, "reports": len(settled[item.pk])}) for item in changed
    ]
    save_availability(changed, lambda item: (choose_availability(item.clip), ""))
    audit.record_all(actor=actor, action="item.given_out_again", entries=entries)
    return Outcome(changed, left)


def exclude(*, actor: User, item: Item, reason: str) -> None:
    """Exclude the item from the campaign, as `exclude_items`."""
    exclude_items(actor=actor, items=[item], reason=reason).apply_to(item, AVAILABILITY_FIELDS)


@transaction.atomic
def exclude_items(*, actor: User, items: Sequence[Item], reason: str) -> Outcome:
    """Exclude the items from the campaign, free their slots and settle their reports. Withdrawn ones stay withdrawn.

    A rater who is rating one loses the slot; what they typed stays saved work (`annotation.rating.queue`). The audit
    entries say what `annotation.campaigns.undo.undo_exclusions` restores. Raises ValidationError without a reason.
    """
    require_role(actor, Role.LEAD)
    reason = clean_text(reason)[:MAX_REASON_LENGTH]
    if not reason:
        raise ValidationError({"reason": _("Write why you exclude this clip. The reason is saved with it.")})
    slots = lock_slots(items)
    current = lock_items(items)
    left = {item.pk: refuse_withdrawn() for item in current if item.availability == Availability.WITHDRAWN}
    current = [item for item in current if item.pk not in left]
    settled = settle_reports(actor, current)
    excluded = (Availability.EXCLUDED, reason)
    changed = [item for item in current if (item.availability, item.exclusion_reason) != excluded or item.pk in settled]
    take_from_raters(changed, slots)
    before = {item.pk: _describe(item) for item in changed}
    save_availability(changed, lambda _item: excluded)
    entries = [
        (
            item,
            {
                "before": before[item.pk],
                "reason": reason,
                "reports": len(settled[item.pk]),
                "settled": settled[item.pk],
            },
        )
        for item in changed
    ]
    recorded = audit.record_all(actor=actor, action="item.excluded", entries=entries)
    return Outcome(changed, left, [entry.pk for entry in recorded])


def _refuse_return(item: Item, reason: str) -> ValidationError | None:
    if item.availability == Availability.WITHDRAWN:
        return refuse_withdrawn()
    if item.availability == Availability.EXCLUDED and not reason:
        return ValidationError({"reason": _("Write why you return this clip. The reason is saved in the audit trail.")})
    return None


def refuse_withdrawn() -> ValidationError:
    return ValidationError({"reason": _("This clip is withdrawn. Restore it first.")})


def _describe(item: Item) -> dict[str, str]:
    return {"availability": item.availability, "reason": item.exclusion_reason}


def take_from_raters(items: Sequence[Item], slots: Iterable[Slot]) -> None:
    """Free the leased ones of `slots`, which are all slots of the items.

    A repeat counts as handed back, so that what was typed for it is kept.
    """
    repeats = [slot for slot in slots if slot.kind == Slot.Kind.REPEAT and slot.state == Slot.State.LEASED]
    if repeats:
        theirs = reduce(or_, (Q(item=slot.item_id, rater=slot.rater_id) for slot in repeats))
        Offer.objects.filter(theirs).update(handed_back_at=timezone.now())
    free_slots(Slot.objects.filter(item__in=items, state=Slot.State.LEASED))


def settle_reports(actor: User, items: Sequence[Item]) -> Mapping[int, list[int]]:
    """Settle the open reports of the items; return their keys by item, an empty list for an item without one."""
    settled: dict[int, list[int]] = defaultdict(list)
    for item, key in list_open_reports(items).select_for_update(no_key=True).order_by("pk").values_list("item", "pk"):
        settled[item].append(key)
    if settled:
        list_open_reports(items).update(settled_at=timezone.now(), settled_by=actor)
    return settled


def list_open_reports(items: Sequence[Item]) -> QuerySet[Skip]:
    """Return the reports of the items that no lead has settled."""
    return Skip.objects.filter(item__in=items, kind__in=REPORTS, settled_at=None)


def save_availability(items: Sequence[Item], choose: Callable[[Item], tuple[Availability, str]]) -> None:
    """Store the availability and the exclusion reason that `choose` returns for each item."""
    for item in items:
        item.availability, item.exclusion_reason = choose(item)
    Item.objects.bulk_update(items, AVAILABILITY_FIELDS)
    refresh_summaries(item.pk for item in items)
