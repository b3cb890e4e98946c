"""Check slots: repeats, golds and qualification clips (`qualification`), made for one rater when they are due.

A claim makes them in its own transaction. They do not count towards an item's k rating slots. They are blind, but a
repeat has the arm of the first rating. The campaign's salt, the rater and the running number of their next clip decide
whether a check is due: the order in which raters come does not matter. The salt is never shown, because raters may know
the seed and must not be able to predict a check.

The functions `choose_*` only read; `lock_check_slot` makes the slot.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Max, OuterRef, QuerySet

from accounts.models import User
from annotation.campaigns.slots import EXTRA_NUMBERS
from annotation.models import Arm, Campaign, Item, Offer, Skip, Slot
from annotation.shared.draws import POSITIONS, draw_position, draw_share

REPEAT_GAP = 10
"""A repeat comes after at least this many other clips: an earlier one would test the rater's memory."""
CLOSE = 1
"""An answer within this many levels of the known score counts as right."""


@dataclass(frozen=True, slots=True)
class ChosenItem:
    """An item that is chosen for a check slot, and the slot's kind and arm."""

    item_id: int
    kind: Slot.Kind
    arm: Arm = Arm.BLIND


def draw_check_kind(campaign: Campaign, rater: User, number: int) -> Slot.Kind | None:
    """Draw the kind of check that the rater's clip with this running number should be; None for no check."""
    if not (campaign.repeat_share or campaign.gold_share):
        return None
    drawn = draw_share(campaign.salt, rater.pk, number, "check")
    if drawn < campaign.repeat_share:
        return Slot.Kind.REPEAT
    return Slot.Kind.GOLD if drawn < campaign.repeat_share + campaign.gold_share else None


def is_check_due(rater: User, campaign: Campaign, number: int) -> bool:
    """Return whether the rater's clip with this running number is a check: it is drawn, and there is an item for it."""
    kind = draw_check_kind(campaign, rater, number)
    if kind == Slot.Kind.REPEAT:
        return choose_repeat(rater, campaign, number) is not None
    return kind == Slot.Kind.GOLD and list_new_golds(rater, campaign).exists()


def choose_repeat(rater: User, campaign: Campaign, number: int) -> ChosenItem | None:
    """Choose an item that the rater rated a while ago and has not repeated. Return None if no item fits.

    The repeat has the arm of the first rating, so that the rater sees the same page both times.
    """
    slots = Slot.objects.filter(rater=rater, campaign=campaign)
    long_ago = Offer.objects.filter(rater=rater, item=OuterRef("item"), number__lte=number - 1 - REPEAT_GAP)
    repeated = slots.filter(kind=Slot.Kind.REPEAT).values("item")
    rated = slots.filter(Exists(long_ago), kind=Slot.Kind.SEAT, state=Slot.State.DONE)
    fitting = rated.filter(item__availability=Item.Availability.AVAILABLE).exclude(item__in=repeated)
    fitting = fitting.exclude(item__in=list_skipped(rater, campaign)).order_by("place", "pk")
    start = draw_position(campaign.salt, rater.pk, number, "repeat") % POSITIONS
    first = fitting.filter(place__gte=start).first() or fitting.first()
    return ChosenItem(first.item_id, Slot.Kind.REPEAT, Arm(first.arm)) if first else None


def draw_gold_start(campaign: Campaign, rater: User, number: int) -> int:
    """Draw the position in the campaign's order from which the search for a rating slot on a gold starts."""
    return draw_position(campaign.salt, rater.pk, number, "gold seat")


def list_new_golds(rater: User, campaign: Campaign) -> QuerySet[Item]:
    """Return the available items with known scores that were never offered to the rater."""
    golds = Item.objects.filter(campaign=campaign, gold__isnull=False, is_qualification=False)
    return golds.filter(availability=Item.Availability.AVAILABLE).exclude(pk__in=list_offered(rater, campaign))


def choose_gold(rater: User, campaign: Campaign, number: int) -> ChosenItem | None:
    """Choose a gold that is new to the rater. Return None if no gold is left."""
    keys = list(list_new_golds(rater, campaign).order_by("pk").values_list("pk", flat=True)[:200])
    if not keys:
        return None
    return ChosenItem(keys[draw_position(campaign.salt, rater.pk, number, "gold") % len(keys)], Slot.Kind.GOLD)


def lock_check_slot(campaign: Campaign, chosen: ChosenItem) -> Slot:
    """Return a check slot on an item: a new, unsaved one, or a locked one that somebody handed back.

    The item is locked, so that two slots made at once do not get the same number.
    """
    Item.objects.select_for_update(no_key=True).only("pk").get(pk=chosen.item_id)
    free = Slot.objects.filter(item=chosen.item_id, kind=chosen.kind, state=Slot.State.FREE)
    slot = free.select_for_update(skip_locked=True).first()
    if slot is None:
        newest = Slot.objects.filter(item=chosen.item_id).aggregate(newest=Max("number"))["newest"] or 0
        number = max(newest, EXTRA_NUMBERS) + 1
        slot = Slot(item_id=chosen.item_id, campaign=campaign, number=number, kind=chosen.kind)
    slot.arm = chosen.arm
    return slot


def list_offered(rater: User, campaign: Campaign) -> QuerySet[Offer, Any]:
    """Return the keys of the items that the rater has ever been given, as rows for a condition."""
    return Offer.objects.filter(rater=rater, campaign=campaign).values("item")


def list_skipped(rater: User, campaign: Campaign) -> QuerySet[Skip, Any]:
    """Return the keys of the items that the rater has skipped, as rows for a condition."""
    return Skip.objects.filter(rater=rater, item__campaign=campaign).values("item")
