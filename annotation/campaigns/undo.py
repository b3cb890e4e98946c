"""Take back an act on many clips. Its audit entries say what it changed, clip by clip.

A clip that somebody has changed since then is left as it is, with the reason.
"""

from collections import Counter
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEntry, Role, User
from annotation.campaigns.availability import choose_availability
from annotation.campaigns.item_acts import Outcome
from annotation.campaigns.locks import lock_campaign, lock_items, lock_slots
from annotation.campaigns.ranks import apply_order
from annotation.campaigns.reports import list_open_reports, refuse_withdrawn, save_availability
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Item, Skip, Slot
from annotation.shared.permissions import require_role

EXCLUSION_ACTIONS = ("item.excluded", "item.given_out_again", "item.exclusion_undone")


def find_entries(campaign: Campaign, action: str, keys: Sequence[int]) -> dict[int, AuditEntry]:
    """Return the entries of an act on clips of the campaign, by the key of the clip."""
    label = Item._meta.label_lower
    entries = AuditEntry.objects.filter(pk__in=keys, action=action, campaign=campaign.name, target_type=label)
    return {int(entry.target_id): entry for entry in entries}


@transaction.atomic
def restore_priorities(*, actor: User, items: Sequence[Item], entries: dict[int, AuditEntry]) -> Outcome:
    """Give each item the priority that it had before its entry of `item.priority`."""
    require_role(actor, Role.LEAD)
    campaign = lock_campaign(items[0].campaign_id)
    lock_slots(items)
    changed, left = [], {}
    for item in lock_items(items):
        before, after = (entries[item.pk].data[name] for name in ("before", "after"))
        if item.priority == after:
            item.priority = before
            changed.append(item)
        elif item.priority != before:
            left[item.pk] = ValidationError(_("The priority of this clip has been changed again since then."))
    Item.objects.bulk_update(changed, ["priority"])
    apply_order(campaign, Item.objects.filter(pk__in=[item.pk for item in changed]))
    refresh_summaries(item.pk for item in changed)
    undone = [
        (item, {"before": entries[item.pk].data["after"], "after": item.priority, "undoes": entries[item.pk].pk})
        for item in changed
    ]
    audit.record_all(actor=actor, action="item.priority", entries=undone)
    return Outcome(changed, left)


@transaction.atomic
def withdraw_ratings(*, actor: User, items: Sequence[Item], entries: dict[int, AuditEntry]) -> Outcome:
    """Delete the free slots that each item got by its entry of `item.more_ratings`.

    A slot that a rater holds or has rated stays, and so does one that the campaign's overlap gives by now.
    """
    require_role(actor, Role.LEAD)
    slots = [slot for slot in lock_slots(items) if slot.kind == Slot.Kind.SEAT]
    changed, left, deleted, undone = [], {}, [], []
    for item in lock_items(items):
        of_item = [slot for slot in slots if slot.item_id == item.pk]
        added = [slot for slot in of_item if slot.pk in entries[item.pk].data.get("slots", ())]
        free = [slot for slot in added if slot.state == Slot.State.FREE and slot.number > item.campaign.overlap]
        if free:
            changed.append(item)
            deleted += free
            counts = {"before": len(of_item), "after": len(of_item) - len(free)}
            undone.append((item, counts | {"undoes": entries[item.pk].pk}))
        elif added:
            left[item.pk] = _refuse(added)
    Slot.objects.filter(pk__in=[slot.pk for slot in deleted]).delete()
    refresh_summaries(item.pk for item in changed)
    audit.record_all(actor=actor, action="item.ratings_withdrawn", entries=undone)
    return Outcome(changed, left)


@transaction.atomic
def undo_exclusions(*, actor: User, items: Sequence[Item], entries: dict[int, AuditEntry]) -> Outcome:
    """Give each item the availability that it had before its entry of `item.excluded`, and reopen the reports settled.

    A rater who lost a slot by the exclusion does not get it back: they may be rating another clip by now.
    """
    require_role(actor, Role.LEAD)
    current = lock_items(items)
    newest = _find_newest(current)
    changed, left = [], {}
    for item in current:
        if item.availability == Item.Availability.WITHDRAWN:
            left[item.pk] = refuse_withdrawn()
        elif newest.get(item.pk) == entries[item.pk].pk:
            changed.append(item)
        elif item.availability == Item.Availability.EXCLUDED:
            left[item.pk] = ValidationError(_("This clip has been excluded again since then."))
    reopened = _reopen_reports(changed, entries)
    reported = set(list_open_reports(changed).values_list("item", flat=True))
    save_availability(changed, lambda item: _choose_earlier(item, entries[item.pk], is_reported=item.pk in reported))
    undone = [
        (item, {"after": item.availability, "reports": reopened[item.pk], "undoes": entries[item.pk].pk})
        for item in changed
    ]
    audit.record_all(actor=actor, action="item.exclusion_undone", entries=undone)
    return Outcome(changed, left)


def find_exclusion(item: Item) -> AuditEntry | None:
    """Return the entry by which `undo_exclusions` takes back the exclusion of a clip; None if it cannot."""
    newest = _find_newest([item]).get(item.pk, 0)
    return AuditEntry.objects.filter(pk=newest, action="item.excluded").first()


def _find_newest(items: Sequence[Item]) -> dict[int, int]:
    """Return the newest entry about the exclusion of each item that has one."""
    keys = [str(item.pk) for item in items]
    entries = AuditEntry.objects.filter(
        target_type=Item._meta.label_lower, target_id__in=keys, action__in=EXCLUSION_ACTIONS
    )
    return {int(key): entry for key, entry in entries.order_by().values_list("target_id").annotate(newest=Max("pk"))}


def _reopen_reports(items: Sequence[Item], entries: dict[int, AuditEntry]) -> Counter[int]:
    """Reopen the reports that the entries settled; return their number by item."""
    settled = [key for item in items for key in entries[item.pk].data.get("settled", ())]
    reports = Skip.objects.filter(pk__in=settled, item__in=items, settled_at__isnull=False)
    counts = Counter(reports.select_for_update(no_key=True).values_list("item", flat=True))
    reports.update(settled_at=None, settled_by=None)
    return counts


def _choose_earlier(item: Item, entry: AuditEntry, *, is_reported: bool) -> tuple[Item.Availability, str]:
    """Return the availability before the entry, with its reason. A clip may have become ready since then."""
    before = entry.data.get("before", {})  # entries of earlier versions do not have it
    if before.get("availability") == Item.Availability.EXCLUDED:
        return Item.Availability.EXCLUDED, before["reason"]
    availability = choose_availability(item.clip)
    if is_reported and availability == Item.Availability.AVAILABLE:
        availability = Item.Availability.REPORTED
    return availability, ""


def _refuse(added: Sequence[Slot]) -> ValidationError:
    """Return why no slot can be deleted."""
    if any(slot.state == Slot.State.FREE for slot in added):
        return ValidationError(_("The settings of the campaign now ask for as many ratings of each clip."))
    return ValidationError(_("Raters have taken the added slots of this clip."))
