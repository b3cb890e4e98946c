"""Writing a campaign's order into its open seats, where the queue looks for it."""

from django.db.models import F, FloatField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce

from annotation.campaigns.overlap import LAST
from annotation.models import Campaign, Item, Slot


def apply_order(campaign: Campaign, items: QuerySet[Item] | None = None) -> None:
    """Gives every open seat of the campaign (or of some items of it) the rank that its order asks for: one UPDATE.

    The same rule as `overlap.rank_of`, which ranks seats that are new.
    """
    seats = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state__in=[Slot.State.FREE, Slot.State.LEASED])
    if items is not None:
        seats = seats.filter(item__in=items.values("pk"))
    seats.update(rank=_rank(campaign))


def _rank(campaign: Campaign) -> Subquery | Value:
    item = Item.objects.filter(pk=OuterRef("item"))
    if campaign.order == Campaign.Order.PRIORITY:
        return Subquery(item.values_list(Cast(F("priority"), FloatField())))
    if campaign.order == Campaign.Order.SCORE:
        return Subquery(item.values_list(Coalesce(F("order_score"), Value(LAST))))
    return Value(0.0)
