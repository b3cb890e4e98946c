"""A guess at the clip that a rater gets next, so that the page can fetch it while they watch this one.

Nothing is taken: `annotation.rating.queue` decides at the next claim, and a wrong guess costs one download. What the
rater let go earlier is not guessed at.
"""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from annotation.models import Campaign, Clip, Item, Offer, Slot
from annotation.rating import checks
from annotation.shared.draws import draw_position


def likely_next(*, rater: User, campaign: Campaign) -> Clip | None:
    """The clip of the place that a claim would try first if nobody else came before it; None when there is none."""
    last = Offer.objects.filter(rater=rater, campaign=campaign).order_by("-number").first()
    if last is None or campaign.state != Campaign.State.OPEN:
        return None
    with transaction.atomic():  # the checks look at rows under a lock
        if checks.has_to_qualify(rater, campaign):
            slot = checks.qualification_for(rater, campaign)
        else:
            slot = _check(rater, campaign, last) or _new_to(rater, campaign, last)
    return slot.item.clip if slot else None


def _check(rater: User, campaign: Campaign, last: Offer) -> Slot | None:
    number = last.number + 1
    kind = checks.due_kind(campaign, rater, number)
    if kind == Slot.Kind.REPEAT:
        return checks.repeat_for(rater, campaign, number)
    if kind == Slot.Kind.GOLD:
        golds = checks.gold_items(rater, campaign).values("pk")
        start = checks.gold_start(campaign, rater, last.number)
        seat = _first(_new_seats(rater, campaign).filter(item__in=golds), start)
        return seat or checks.gold_for(rater, campaign, number)
    return None


def _new_to(rater: User, campaign: Campaign, last: Offer) -> Slot | None:
    siblings = Item.objects.filter(campaign=campaign, clip__prompt_group__clips__items=last.item_id).values("pk")
    seats = _new_seats(rater, campaign)
    start = draw_position(campaign.seed, rater.pk, last.number, "start")
    return _first(seats.exclude(item__in=siblings), start) or _first(seats, start)


def _new_seats(rater: User, campaign: Campaign) -> QuerySet[Slot]:
    met = Offer.objects.filter(rater=rater, campaign=campaign).values("item")
    is_open = Q(state=Slot.State.FREE) | Q(state=Slot.State.LEASED, lease_expires_at__lte=timezone.now())
    seats = Slot.objects.filter(is_open, campaign=campaign, kind=Slot.Kind.SEAT).exclude(item__in=met)
    return seats.filter(item__availability=Item.Availability.AVAILABLE)


def _first(seats: QuerySet[Slot], start: int) -> Slot | None:
    """Of the highest rank and the lowest number, the first from the rater's own position in the order on, and round."""
    in_order = seats.order_by("-rank", "number", "place", "pk")
    best = in_order.first()
    if best is None:
        return None
    return in_order.filter(rank=best.rank, number=best.number, place__gte=start).first() or best
