"""Read what is known of one item of a campaign, for its lead: its clip, its reports and its ratings."""

from dataclasses import dataclass

from django.db.models import Prefetch

from annotation.campaigns.reports import REPORTS
from annotation.models import AxisAnswer, Campaign, Item, Rating, RatingRevision, Skip
from qsave.axes import AXES


@dataclass(frozen=True, slots=True)
class ItemRating:
    """One rater's current answers on an item, in the order of the axes; None where an axis is missing."""

    rating: Rating
    answers: list[AxisAnswer | None]


def read_item(campaign: Campaign, pk: int) -> Item | None:
    """Return an item with its clip and `reports`, or None."""
    reports = Skip.objects.filter(kind__in=REPORTS).select_related("rater", "settled_by").order_by("pk")
    return (
        Item.objects.filter(campaign=campaign, pk=pk)
        .select_related("campaign", "clip__prompt_group")
        .prefetch_related(Prefetch("skips", reports, to_attr="reports"))
        .first()
    )


def read_ratings(item: Item) -> list[ItemRating]:
    """Return the ratings of an item, oldest first, with their current answers. Three queries."""
    current = RatingRevision.objects.filter(is_current=True).prefetch_related("answers")
    ratings = Rating.objects.filter(item=item).select_related("rater", "slot").order_by("pk")
    return [_make_item_rating(rating) for rating in ratings.prefetch_related(Prefetch("revisions", current))]


def _make_item_rating(rating: Rating) -> ItemRating:
    by_axis = {answer.axis: answer for revision in rating.revisions.all() for answer in revision.answers.all()}
    return ItemRating(rating, [by_axis.get(axis.value) for axis in AXES])
