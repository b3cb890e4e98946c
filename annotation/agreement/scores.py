"""Read the ratings of a campaign for the statistics, in a fixed number of queries."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import QuerySet

from annotation.models import (
    LEFT_OUT,
    AxisAnswer,
    Campaign,
    Item,
    Rating,
    Slot,
    make_blind_condition,
)
from annotation.rating.work import WATCHED
from qsave.axes import AXES, Axis
from qsave.statistics.table import RatingTable


class Score(NamedTuple):
    """The score of one rater for one item on one axis, and the draft that they were shown.

    `arm` is as drawn; `is_blind` is true if no critic can have influenced the score. `exposure` is that of the axis:
    Exposure.NONE if the draft did not propose it. `edit_distance` is None if no reason was drafted.
    """

    item: int
    rater: int
    axis: Axis
    score: int
    arm: str
    is_blind: bool
    draft: int | None
    exposure: str
    draft_use: str
    edit_distance: int | None


def select_counted_ratings(campaign: Campaign) -> QuerySet[Rating]:
    """Return the ratings on rating slots, by the rule of `select_counted_answers`."""
    ratings = Rating.objects.filter(slot__campaign=campaign, slot__kind=Slot.Kind.SEAT)
    ratings = ratings.exclude(item__availability__in=LEFT_OUT)
    return ratings if campaign.is_simulated else ratings.filter(is_simulated=False)


def select_counted_answers(campaign: Campaign) -> QuerySet[AxisAnswer]:
    """Return the current answers on rating slots, without check slots.

    Ratings of an earlier file of the clip are not on rating slots any more. Excluded and withdrawn clips are left out.
    Answers of programs are included only if the campaign is simulated.
    """
    answers = AxisAnswer.objects.filter(
        revision__is_current=True,
        revision__rating__slot__campaign=campaign,
        revision__rating__slot__kind=Slot.Kind.SEAT,
    ).exclude(revision__rating__item__availability__in=LEFT_OUT)
    return answers if campaign.is_simulated else answers.filter(revision__rating__is_simulated=False)


def read_scores(campaign: Campaign, item: Item | None = None) -> list[Score]:
    """Read the answers of `select_counted_answers`, of the whole campaign or of one item. One query."""
    answers = select_counted_answers(campaign)
    rows = (
        (answers if item is None else answers.filter(revision__rating__item=item))
        .annotate(is_blind=make_blind_condition("revision__rating__"))
        .values_list(
            "revision__rating__item",
            "revision__rating__rater",
            "axis",
            "score",
            "revision__rating__arm",
            "is_blind",
            "revision__rating__draft",
            "exposure",
            "draft_use",
            "draft_edit_distance",
        )
    )
    axes = {axis.value: axis for axis in AXES}
    return [Score(item, rater, axes[axis], *rest) for item, rater, axis, *rest in rows.iterator(chunk_size=5000)]


def read_checks(campaign: Campaign) -> list[tuple[str, int, int, Axis, int]]:
    """Read the first answers on golds and repeats: (kind of slot, item, rater, axis, score). One query."""
    kinds = [Slot.Kind.GOLD, Slot.Kind.REPEAT]
    answers = AxisAnswer.objects.filter(
        revision__number=1, revision__rating__slot__campaign=campaign, revision__rating__slot__kind__in=kinds
    ).exclude(revision__rating__item__availability__in=LEFT_OUT)
    rows = answers.values_list(
        "revision__rating__slot__kind", "revision__rating__item", "revision__rating__rater", "axis", "score"
    )
    return [(kind, item, rater, Axis(axis), score) for kind, item, rater, axis, score in rows.iterator()]


def read_watched_share(viewing: Any) -> float | None:
    """Return the watched share of a viewing record; None if the page did not know it."""
    share = viewing.get(WATCHED) if isinstance(viewing, dict) else None
    if isinstance(share, bool) or not isinstance(share, int | float):
        return None
    return min(1.0, max(0.0, float(share)))


def make_table(scores: Iterable[Score], axis: Axis) -> RatingTable:
    """Return one axis as a table of (item, rater, score)."""
    return RatingTable.from_triples(
        (score.item, score.rater, float(score.score)) for score in scores if score.axis == axis
    )
