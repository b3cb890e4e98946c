"""Qualification: which clips a rater still has to rate, the verdict, and the feedback after each clip."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts.models import User
from annotation.models import LEFT_OUT, AxisAnswer, Campaign, Item, Qualification, Rating, Slot
from annotation.rating.checks import CLOSE, ChosenItem, list_skipped
from annotation.shared.levels import get_level_name
from qsave.axes import AXES


def has_to_qualify(rater: User, campaign: Campaign) -> bool:
    """Return whether the campaign asks for a qualification that the rater has not passed and no lead has waived."""
    return campaign.qualification_mark is not None and not _is_let_in(rater, campaign)


def find_failed_qualification(rater: User, campaign: Campaign) -> Qualification | None:
    """Return the failed qualification that keeps a rater out, or None if nothing does."""
    if campaign.qualification_mark is None:
        return None
    return Qualification.objects.filter(rater=rater, campaign=campaign, passed=False, let_in_by=None).first()


def choose_qualification(rater: User, campaign: Campaign) -> ChosenItem | None:
    """Choose the rater's next qualification clip, or return None if no clip is left."""
    item = list_qualification_left(rater, campaign).order_by("pk").first()
    return ChosenItem(item.pk, Slot.Kind.QUALIFICATION) if item else None


def list_qualification_left(rater: User, campaign: Campaign) -> QuerySet[Item]:
    """Return the qualification clips that the rater has neither got nor skipped and that can be given out."""
    given = Slot.objects.filter(rater=rater, campaign=campaign, kind=Slot.Kind.QUALIFICATION).values("item")
    items = _list_qualification(campaign).filter(availability=Item.Availability.AVAILABLE)
    return items.exclude(pk__in=given).exclude(pk__in=list_skipped(rater, campaign))


def decide_qualification(rater: User, campaign: Campaign) -> Qualification | None:
    """Store the verdict when no qualification clip is left; a skipped clip counts as missed."""
    if campaign.qualification_mark is None or list_qualification_left(rater, campaign).exists():
        return None
    hits = list(_compare_with_known(rater, campaign))
    if not hits:
        return None  # without known scores there is no verdict, and everybody may rate
    share = sum(hits) / len(hits)
    verdict = {"share": share, "passed": share >= campaign.qualification_mark}
    return Qualification.objects.get_or_create(campaign=campaign, rater=rater, defaults=verdict)[0]


def is_qualification_held_back(campaign: Campaign) -> bool:
    """Return whether no qualification clip can be given out until a lead has settled reports."""
    return not _list_qualification(campaign).filter(availability=Item.Availability.AVAILABLE).exists()


@dataclass(frozen=True, slots=True)
class AxisFeedback:
    """One axis: the rater's level and the known one, with their words, and whether the two are close."""

    axis: str
    given: int
    given_word: str
    known: int
    known_word: str
    is_close: bool


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a rater is shown after a qualification clip, and how many of the set are left."""

    axes: list[AxisFeedback]
    words: str
    left: int


def make_feedback(rating: Rating) -> Feedback | None:
    """Return the feedback to a rating; None if its slot is not a qualification slot."""
    if rating.slot.kind != Slot.Kind.QUALIFICATION:
        return None
    item = Item.objects.get(pk=rating.item_id)
    answers = AxisAnswer.objects.filter(revision__rating=rating, revision__number=1)
    given = dict(answers.values_list("axis", "score"))
    known = item.gold or {}
    axes = [
        _make_axis_feedback(axis.value, given[axis.value], round(known[axis.value]))
        for axis in AXES
        if axis.value in known
    ]
    return Feedback(axes, item.feedback, list_qualification_left(rating.rater, rating.slot.campaign).count())


def _is_let_in(rater: User, campaign: Campaign) -> bool:
    """A verdict stays, also when a lead excludes or withdraws the clips that led to it."""
    verdict = Qualification.objects.filter(rater=rater, campaign=campaign).first()
    if verdict:
        return verdict.passed or verdict.let_in_by_id is not None
    return not _list_qualification(campaign).exclude(availability__in=LEFT_OUT).exists()


def _list_qualification(campaign: Campaign) -> QuerySet[Item]:
    return Item.objects.filter(campaign=campaign, is_qualification=True, gold__isnull=False)


def _compare_with_known(rater: User, campaign: Campaign) -> Iterator[bool]:
    """Yield for every known score whether the rater's answer came close.

    Excluded and withdrawn clips do not count. A clip that is held back counts if the rater rated or skipped it: nobody
    avoids a clip by reporting it.
    """
    answers = AxisAnswer.objects.filter(
        revision__number=1,  # the answer before the feedback
        revision__rating__rater=rater,
        revision__rating__slot__campaign=campaign,
        revision__rating__slot__kind=Slot.Kind.QUALIFICATION,
    )
    given = {
        (item, axis): score for item, axis, score in answers.values_list("revision__rating__item", "axis", "score")
    }
    met = {item for item, _axis in given} | set(list_skipped(rater, campaign).values_list("item", flat=True))
    known = _list_qualification(campaign).exclude(availability__in=LEFT_OUT)
    counted = known.filter(Q(availability=Item.Availability.AVAILABLE) | Q(pk__in=met))
    for item, gold in counted.values_list("pk", "gold"):
        for axis, score in (gold or {}).items():
            yield (item, axis) in given and abs(given[item, axis] - score) <= CLOSE


def _make_axis_feedback(axis: str, given: int, known: int) -> AxisFeedback:
    return AxisFeedback(axis, given, get_level_name(given), known, get_level_name(known), abs(given - known) <= CLOSE)
