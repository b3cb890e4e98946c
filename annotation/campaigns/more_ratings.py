"""Ask for more ratings of single items than their campaign's overlap gives them."""

from collections import defaultdict
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.item_acts import Outcome
from annotation.campaigns.locks import lock_items, lock_slots
from annotation.campaigns.overlap import build_missing_slots
from annotation.campaigns.policy import BOUNDS
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Item, Slot
from annotation.shared.permissions import require_role


@transaction.atomic
def request_ratings(*, actor: User, items: Sequence[Item], ratings: int, reason: str = "") -> Outcome:
    """Give each item free rating slots until it has `ratings` of them, rated ones included; none loses any.

    A lower overlap of the campaign deletes the free ones again. Qualification items and those that are
    excluded or withdrawn are left as they are.
    """
    require_role(actor, Role.LEAD)
    low, high = BOUNDS["overlap"]
    if not low <= ratings <= high:
        message = _("The number of ratings must be between %(low)s and %(high)s.")
        raise ValidationError({"ratings": message % {"low": f"{low:g}", "high": f"{high:g}"}})
    lock_slots(items)
    current = lock_items(items)
    left = {item.pk: refusal for item in current if (refusal := _refuse(item)) is not None}
    numbers: dict[int, set[int]] = defaultdict(set)
    slots = Slot.objects.filter(item__in=current, kind=Slot.Kind.SEAT)
    for item_id, number in slots.values_list("item", "number"):
        numbers[item_id].add(number)
    changed = [item for item in current if item.pk not in left and len(numbers[item.pk]) < ratings]
    added: dict[int, list[int]] = defaultdict(list)
    for slot in Slot.objects.bulk_create(
        slot for item in changed for slot in build_missing_slots(item.campaign, item, numbers[item.pk], ratings)
    ):
        added[slot.item_id].append(slot.pk)
    refresh_summaries(item.pk for item in changed)
    given = {"reason": reason} if reason else {}
    data = [
        (item, {"before": len(numbers[item.pk]), "after": ratings, "slots": added[item.pk]} | given) for item in changed
    ]
    entries = audit.record_all(actor=actor, action="item.more_ratings", entries=data)
    return Outcome(changed, left, [entry.pk for entry in entries])


def _refuse(item: Item) -> ValidationError | None:
    if item.is_qualification:
        return ValidationError(
            {"ratings": _("This is a qualification clip: each new rater rates it once. Take the mark away first.")}
        )
    if item.availability == Item.Availability.EXCLUDED:
        return ValidationError({"ratings": _("This clip is excluded. Return it to the queue first.")})
    if item.availability == Item.Availability.WITHDRAWN:
        return ValidationError({"ratings": _("This clip is withdrawn. Restore it first.")})
    return None
