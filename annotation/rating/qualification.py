"""What a rater learns from a qualification clip: their scores beside the known ones, and why those are so."""

from dataclasses import dataclass

from accounts.models import User
from annotation.models import AxisAnswer, Campaign, Item, Rating, Slot
from annotation.rating.checks import CLOSE
from annotation.shared.levels import level_name
from qsave.axes import AXES


@dataclass(frozen=True, slots=True)
class AxisFeedback:
    """One axis: the level that was given and the one that is known, with their words, and whether they are close."""

    axis: str
    given: int
    given_word: str
    known: int
    known_word: str
    is_close: bool


@dataclass(frozen=True, slots=True)
class Feedback:
    """What is said after a qualification clip, and how many of the set are left."""

    axes: list[AxisFeedback]
    words: str
    left: int


def feedback_to(rating: Rating) -> Feedback | None:
    """The feedback to a rating; None if its place was no qualification clip."""
    if rating.slot.kind != Slot.Kind.QUALIFICATION:
        return None
    item = Item.objects.get(pk=rating.item_id)
    answers = AxisAnswer.objects.filter(revision__rating=rating, revision__number=1)
    given = dict(answers.values_list("axis", "score"))
    known = item.gold or {}
    axes = [_axis(axis.value, given[axis.value], round(known[axis.value])) for axis in AXES if axis.value in known]
    return Feedback(axes, item.feedback, qualification_left(rating.rater, rating.slot.campaign))


def qualification_left(rater: User, campaign: Campaign) -> int:
    """How many clips of the qualification set a rater has not rated yet."""
    items = Item.objects.filter(campaign=campaign, is_qualification=True, gold__isnull=False)
    done = Slot.objects.filter(rater=rater, campaign=campaign, kind=Slot.Kind.QUALIFICATION, state=Slot.State.DONE)
    return items.exclude(pk__in=done.values("item")).count()


def _axis(axis: str, given: int, known: int) -> AxisFeedback:
    return AxisFeedback(axis, given, level_name(given), known, level_name(known), abs(given - known) <= CLOSE)
