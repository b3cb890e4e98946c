"""Read the items of a campaign for its lead, by kind, a page at a time."""

from django.db.models import Count, Exists, Max, Min, OuterRef, Prefetch, Q, QuerySet

from annotation.campaigns.reports import REPORTS
from annotation.models import AxisAnswer, Campaign, Item, Skip, Slot

PAGE_SIZE = 50
KINDS = ("all", "unrated", "rated", "disagreed", "gold", "qualification", "reported", "excluded")


def filter_by_kind(campaign: Campaign, kind: str) -> QuerySet[Item]:
    """Return the items of one of KINDS, unordered."""
    items = Item.objects.filter(campaign=campaign)
    slots = Slot.objects.filter(item=OuterRef("pk"), kind=Slot.Kind.SEAT)
    done = slots.filter(state=Slot.State.DONE)
    if kind == "unrated":
        return items.filter(Exists(slots) & ~Exists(done))
    if kind == "rated":
        return items.filter(Exists(slots) & ~Exists(slots.exclude(state=Slot.State.DONE)))
    if kind == "disagreed":
        return items.filter(pk__in=_list_disagreed_items(campaign))
    if kind == "gold":
        return items.filter(gold__isnull=False, is_qualification=False)
    if kind == "qualification":
        return items.filter(is_qualification=True)
    if kind == "reported":
        return items.filter(Exists(Skip.objects.filter(item=OuterRef("pk"), kind__in=REPORTS, settled_at=None)))
    if kind == "excluded":
        return items.filter(availability=Item.Availability.EXCLUDED)
    return items


def _list_disagreed_items(campaign: Campaign) -> QuerySet[AxisAnswer, int]:
    """Return the keys of items whose scores on an axis differ by more than the campaign's bound. One query."""
    answers = AxisAnswer.objects.filter(
        revision__is_current=True,
        revision__rating__slot__campaign=campaign,
        revision__rating__slot__kind=Slot.Kind.SEAT,
    )
    by_axis = answers.order_by().values("revision__rating__item", "axis")
    disagreed = by_axis.annotate(gap=Max("score") - Min("score")).filter(gap__gt=campaign.disagreement_bound)
    return disagreed.values_list("revision__rating__item", flat=True)


def count_by_kind(campaign: Campaign) -> dict[str, int]:
    """Return the number of items of each kind. One query for each kind."""
    return {kind: filter_by_kind(campaign, kind).count() for kind in KINDS}


def read_page(
    campaign: Campaign, *, kind: str = "all", query: str = "", after: int = 0
) -> tuple[list[Item], int | None]:
    """Return a page of items by key, and the key after which the next page begins; None on the last page.

    Each item has `slot_count`, `done_count` (rating slots) and its open `reports`.
    """
    items = filter_by_kind(campaign, kind).filter(pk__gt=after)
    if query:
        items = items.filter(Q(clip__clip_id__icontains=query) | Q(clip__prompt__icontains=query))
    keys = list(items.order_by("pk").values_list("pk", flat=True)[: PAGE_SIZE + 1])
    is_rating_slot = Q(slots__kind=Slot.Kind.SEAT)
    rows = (
        Item.objects.filter(pk__in=keys[:PAGE_SIZE])
        .select_related("clip__prompt_group")
        .prefetch_related(_prefetch_open_reports())
        .annotate(
            slot_count=Count("slots", filter=is_rating_slot),
            done_count=Count("slots", filter=is_rating_slot & Q(slots__state=Slot.State.DONE)),
        )
        .order_by("pk")
    )
    return list(rows), keys[PAGE_SIZE - 1] if len(keys) > PAGE_SIZE else None


def _prefetch_open_reports() -> Prefetch[str, QuerySet[Skip], str]:
    reports = (
        Skip.objects.filter(kind__in=REPORTS, settled_at=None).select_related("rater", "settled_by").order_by("pk")
    )
    return Prefetch("skips", reports, to_attr="reports")
