"""A guess at the clip that a rater gets next, so that the page can fetch it while they watch this one.

This only reads and takes no lock: `annotation.rating.queue` decides at the next claim, and a wrong guess costs one
download. It never guesses an item that the rater handed back or lost.
"""

from django.db.models import QuerySet

from accounts.models import User
from annotation.models import Campaign, Clip, Item, Offer, Slot
from annotation.rating import checks, qualification
from annotation.rating.queue import list_open_slots
from annotation.shared.draws import draw_position


def guess_next_clip(*, rater: User, campaign: Campaign) -> Clip | None:
    """Return the clip that a claim would try first if no other rater claims before. Return None if no clip is left."""
    last = Offer.objects.filter(rater=rater, campaign=campaign).order_by("-number").first()
    if last is None or campaign.state != Campaign.State.OPEN:
        return None
    if qualification.has_to_qualify(rater, campaign):
        chosen = qualification.choose_qualification(rater, campaign)
        item = chosen.item_id if chosen else None
    else:
        item = _guess_check(rater, campaign, last) or _guess_new(rater, campaign, last)
    return Clip.objects.filter(items=item).first() if item else None


def _guess_check(rater: User, campaign: Campaign, last: Offer) -> int | None:
    number = last.number + 1
    kind = checks.draw_check_kind(campaign, rater, number)
    chosen = None
    if kind == Slot.Kind.REPEAT:
        chosen = checks.choose_repeat(rater, campaign, number)
    elif kind == Slot.Kind.GOLD:
        golds = checks.list_new_golds(rater, campaign).values("pk")
        start = checks.draw_gold_start(campaign, rater, last.number)
        slot = _find_first(_list_new_slots(rater, campaign).filter(item__in=golds), start)
        if slot is not None:
            return slot.item_id
        chosen = checks.choose_gold(rater, campaign, number)
    return chosen.item_id if chosen else None


def _guess_new(rater: User, campaign: Campaign, last: Offer) -> int | None:
    siblings = Item.objects.filter(campaign=campaign, clip__prompt_group__clips__items=last.item_id).values("pk")
    slots = _list_new_slots(rater, campaign)
    start = draw_position(campaign.seed, rater.pk, last.number, "start")
    slot = _find_first(slots.exclude(item__in=siblings), start) or _find_first(slots, start)
    return slot.item_id if slot else None


def _list_new_slots(rater: User, campaign: Campaign) -> QuerySet[Slot]:
    return list_open_slots(campaign).exclude(item__in=checks.list_offered(rater, campaign))


def _find_first(slots: QuerySet[Slot], start: int) -> Slot | None:
    """Return the first slot of the highest rank and lowest number from the position `start` on, then from 0 on."""
    in_order = slots.order_by("-rank", "number", "place", "pk")
    best = in_order.first()
    if best is None:
        return None
    return in_order.filter(rank=best.rank, number=best.number, place__gte=start).first() or best
