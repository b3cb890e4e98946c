"""The items of a campaign for its lead: which are rated, disputed, marked or reported, a page at a time."""

from dataclasses import dataclass

from django.db.models import Count, Exists, Max, Min, OuterRef, Prefetch, Q, QuerySet

from annotation.campaigns.reports import REPORTS
from annotation.models import AxisAnswer, Campaign, Item, Rating, RatingRevision, Skip, Slot
from qsave.axes import AXES

PAGE = 50
KINDS = ("all", "unrated", "rated", "disagreed", "gold", "qualification", "reported", "excluded")


def of_kind(campaign: Campaign, kind: str) -> QuerySet[Item]:
    """The items of one of KINDS, unordered."""
    items = Item.objects.filter(campaign=campaign)
    seat = Slot.objects.filter(item=OuterRef("pk"), kind=Slot.Kind.SEAT)
    done = seat.filter(state=Slot.State.DONE)
    if kind == "unrated":
        return items.filter(Exists(seat) & ~Exists(done))
    if kind == "rated":
        return items.filter(Exists(seat) & ~Exists(seat.exclude(state=Slot.State.DONE)))
    if kind == "disagreed":
        return items.filter(pk__in=_disagreed(campaign))
    if kind == "gold":
        return items.filter(gold__isnull=False, is_qualification=False)
    if kind == "qualification":
        return items.filter(is_qualification=True)
    if kind == "reported":
        return items.filter(Exists(Skip.objects.filter(item=OuterRef("pk"), kind__in=REPORTS, settled_at=None)))
    if kind == "excluded":
        return items.filter(availability=Item.Availability.EXCLUDED)
    return items


def _disagreed(campaign: Campaign) -> QuerySet[AxisAnswer, int]:
    """Items whose raters lie further apart on an axis than the campaign's bound. One grouping over all answers."""
    answers = AxisAnswer.objects.filter(
        revision__is_current=True,
        revision__rating__slot__campaign=campaign,
        revision__rating__slot__kind=Slot.Kind.SEAT,
    )
    by_axis = answers.order_by().values("revision__rating__item", "axis")
    apart = by_axis.annotate(gap=Max("score") - Min("score")).filter(gap__gt=campaign.disagreement_bound)
    return apart.values_list("revision__rating__item", flat=True)


def counts(campaign: Campaign) -> dict[str, int]:
    """How many items there are of each kind: a query each."""
    return {kind: of_kind(campaign, kind).count() for kind in KINDS}


def items_page(
    campaign: Campaign, *, kind: str = "all", query: str = "", after: int = 0
) -> tuple[list[Item], int | None]:
    """A page of items by key: each with `seats`, `done` and open `reports`; and the key to go on from, if any."""
    found = of_kind(campaign, kind).filter(pk__gt=after)
    if query:
        found = found.filter(Q(clip__clip_id__icontains=query) | Q(clip__prompt__icontains=query))
    keys = list(found.order_by("pk").values_list("pk", flat=True)[: PAGE + 1])
    is_seat = Q(slots__kind=Slot.Kind.SEAT)
    rows = (
        Item.objects.filter(pk__in=keys[:PAGE])
        .select_related("clip__prompt_group")
        .prefetch_related(_reports(settled_at=None))
        .annotate(seats=Count("slots", filter=is_seat), done=Count("slots", filter=is_seat & Q(slots__state="done")))
        .order_by("pk")
    )
    return list(rows), keys[PAGE - 1] if len(keys) > PAGE else None


def _reports(**only: None) -> Prefetch[str, QuerySet[Skip], str]:
    reports = Skip.objects.filter(kind__in=REPORTS, **only).select_related("rater", "settled_by").order_by("pk")
    return Prefetch("skips", reports, to_attr="reports")


@dataclass(frozen=True, slots=True)
class Said:
    """What one rater said of an item, in the order of the axes; None where an axis is missing."""

    rating: Rating
    answers: list[AxisAnswer | None]


def one_item(campaign: Campaign, pk: int) -> Item | None:
    """An item with its clip and `reports`."""
    return (
        Item.objects.filter(campaign=campaign, pk=pk)
        .select_related("campaign", "clip__prompt_group")
        .prefetch_related(_reports())
        .first()
    )


def said_of(item: Item) -> list[Said]:
    """All ratings of an item as they stand, oldest first. Three queries."""
    current = RatingRevision.objects.filter(is_current=True).prefetch_related("answers")
    ratings = Rating.objects.filter(item=item).select_related("rater", "slot").order_by("pk")
    return [_said(rating) for rating in ratings.prefetch_related(Prefetch("revisions", current))]


def _said(rating: Rating) -> Said:
    by_axis = {answer.axis: answer for revision in rating.revisions.all() for answer in revision.answers.all()}
    return Said(rating, [by_axis.get(axis.value) for axis in AXES])
