"""A guess at the clip that a rater gets next, so that the page can fetch it while they watch this one.

Nothing is taken: `annotation.services.queue` decides at the next claim, and a wrong guess costs one download.
"""

from accounts.models import User
from annotation.models import Campaign, Clip, Item, Offer, Slot
from annotation.services.draws import PLACES, place


def likely_next(*, rater: User, campaign: Campaign) -> Clip | None:
    """The clip of the seat that a claim would try first if nobody else came before it; None when there is none."""
    last = Offer.objects.filter(rater=rater, campaign=campaign).order_by("-number").first()
    if last is None or campaign.state != Campaign.State.OPEN:
        return None
    met = Offer.objects.filter(rater=rater, campaign=campaign).values("item")
    siblings = Item.objects.filter(campaign=campaign, clip__prompt_group__clips__items=last.item_id).values("pk")
    free = Slot.objects.filter(campaign=campaign, state=Slot.State.FREE).order_by("number", "place", "pk")
    fresh = free.exclude(item__in=met)
    start = place(campaign.seed, rater.pk, last.number, "start") % PLACES
    for seats in (fresh.exclude(item__in=siblings), fresh):
        first = seats.first()
        if first is not None:
            return (seats.filter(number=first.number, place__gte=start).first() or first).item.clip
    return None
