"""Write a campaign's order into its open slots, where the queue reads it."""

from django.db.models import F, FloatField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce

from annotation.campaigns.overlap import LAST_RANK
from annotation.models import Campaign, Item, Slot


def apply_order(campaign: Campaign, items: QuerySet[Item] | None = None) -> None:
    """Set the rank of every open slot of the campaign, or of some of its items, in one UPDATE.

    The rule is that of `overlap.compute_rank`, which ranks new slots.
    """
    slots = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state__in=[Slot.State.FREE, Slot.State.LEASED])
    if items is not None:
        slots = slots.filter(item__in=items.values("pk"))
    slots.update(rank=_make_rank_expression(campaign))


def _make_rank_expression(campaign: Campaign) -> Subquery | Value:
    item = Item.objects.filter(pk=OuterRef("item"))
    if campaign.order == Campaign.Order.PRIORITY:
        return Subquery(item.values_list(Cast(F("priority"), FloatField())))
    if campaign.order == Campaign.Order.SCORE:
        return Subquery(item.values_list(Coalesce(F("order_score"), Value(LAST_RANK))))
    return Value(0.0)
