"""Places that one rater alone is given, when they are due: qualification clips, repeats and golds.

They are made at the claim, in the claim's transaction, and are blind. None of them is one of an item's k seats. When a
check is due is drawn from the campaign's salt, the rater and the running number of their next clip, so that no order
of arrival changes it. The salt is never shown; the seed may be known, and nobody must foresee a check from it.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from accounts.models import User
from annotation.models import Arm, AxisAnswer, Campaign, Item, Offer, Qualification, Skip, Slot
from annotation.shared.draws import POSITIONS, draw_position, draw_share

REPEAT_GAP = 10
"""A repeat comes after at least so many other clips, or it would test memory."""
EXTRA_NUMBERS = 1000
"""Places beyond the k seats are numbered from here on, so that an item can still get another seat."""
CLOSE = 1
"""An answer within so many levels of the known score counts as right."""


def due_kind(campaign: Campaign, rater: User, number: int) -> Slot.Kind | None:
    """What the rater's clip with this running number should be, if not just the next one."""
    if not (campaign.repeat_share or campaign.gold_share):
        return None
    lot = draw_share(campaign.salt, rater.pk, number, "check")
    if lot < campaign.repeat_share:
        return Slot.Kind.REPEAT
    return Slot.Kind.GOLD if lot < campaign.repeat_share + campaign.gold_share else None


def repeat_for(rater: User, campaign: Campaign, number: int) -> Slot | None:
    """A new, unsaved place for an item that the rater rated a while ago and has not met again; None if there is none.

    It is in the arm of the first time: what differs between the two answers should be the rater, not the page.
    """
    mine = Slot.objects.filter(rater=rater, campaign=campaign)
    long_ago = Offer.objects.filter(rater=rater, item=OuterRef("item"), number__lte=number - 1 - REPEAT_GAP)
    again = mine.filter(kind=Slot.Kind.REPEAT).values("item")
    once = mine.filter(Exists(long_ago), kind=Slot.Kind.SEAT, state=Slot.State.DONE)
    fitting = once.filter(item__availability=Item.Availability.AVAILABLE).exclude(item__in=again)
    fitting = fitting.exclude(item__in=_skipped(rater, campaign))
    first = _from_draw(fitting.order_by("place", "pk"), campaign, rater, number)
    return _place_for(campaign, first.item_id, Slot.Kind.REPEAT, Arm(first.arm)) if first else None


def gold_start(campaign: Campaign, rater: User, number: int) -> int:
    """The position in the campaign's order from which a seat on a gold is searched for."""
    return draw_position(campaign.salt, rater.pk, number, "gold seat")


def gold_items(rater: User, campaign: Campaign) -> QuerySet[Item]:
    """Available items with known scores that were never put before the rater."""
    met = Offer.objects.filter(rater=rater, campaign=campaign).values("item")
    golds = Item.objects.filter(campaign=campaign, gold__isnull=False, is_qualification=False)
    return golds.filter(availability=Item.Availability.AVAILABLE).exclude(pk__in=met)


def gold_for(rater: User, campaign: Campaign, number: int) -> Slot | None:
    """A new, unsaved place for a gold that is new to the rater; None if they have met all."""
    keys = list(gold_items(rater, campaign).order_by("pk").values_list("pk", flat=True)[:200])
    if not keys:
        return None
    chosen = keys[draw_position(campaign.salt, rater.pk, number, "gold") % len(keys)]
    return _place_for(campaign, chosen, Slot.Kind.GOLD)


# ---- qualification


def has_to_qualify(rater: User, campaign: Campaign) -> bool:
    """Whether the campaign asks for it and the rater has not been let in (nor turned away) yet."""
    return campaign.qualification_mark is not None and not _let_in(rater, campaign)


def turned_away(rater: User, campaign: Campaign) -> Qualification | None:
    """The failed qualification that keeps a rater out."""
    if campaign.qualification_mark is None:
        return None
    return Qualification.objects.filter(rater=rater, campaign=campaign, passed=False, let_in_by=None).first()


def qualification_for(rater: User, campaign: Campaign) -> Slot | None:
    """A new, unsaved place for the rater's next qualification clip; None when they have been through all of them."""
    item = _qualification_left(rater, campaign).order_by("pk").first()
    return _place_for(campaign, item.pk, Slot.Kind.QUALIFICATION) if item else None


def decide(rater: User, campaign: Campaign) -> Qualification | None:
    """Writes the verdict once the rater has been through all qualification clips; a skipped one counts as missed."""
    if campaign.qualification_mark is None or _qualification_left(rater, campaign).exists():
        return None
    hits = list(_hits(rater, campaign))
    if not hits:
        return None  # a set without known scores decides nothing, and keeps nobody out
    share = sum(hits) / len(hits)
    verdict = {"share": share, "passed": share >= campaign.qualification_mark}
    return Qualification.objects.get_or_create(campaign=campaign, rater=rater, defaults=verdict)[0]


def _let_in(rater: User, campaign: Campaign) -> bool:
    known = Qualification.objects.filter(rater=rater, campaign=campaign)
    if known.filter(Q(passed=True) | Q(let_in_by__isnull=False)).exists():
        return True
    return not _qualification_set(campaign).exclude(availability=Item.Availability.EXCLUDED).exists()


def qualification_is_held_back(campaign: Campaign) -> bool:
    """Whether no qualification clip can be given out until a lead has settled what was reported."""
    return not _qualification_set(campaign).filter(availability=Item.Availability.AVAILABLE).exists()


def _qualification_set(campaign: Campaign) -> QuerySet[Item]:
    return Item.objects.filter(campaign=campaign, is_qualification=True, gold__isnull=False)


def _qualification_left(rater: User, campaign: Campaign) -> QuerySet[Item]:
    done = Slot.objects.filter(rater=rater, campaign=campaign, kind=Slot.Kind.QUALIFICATION).values("item")
    items = _qualification_set(campaign).filter(availability=Item.Availability.AVAILABLE)
    return items.exclude(pk__in=done).exclude(pk__in=_skipped(rater, campaign))


def _skipped(rater: User, campaign: Campaign) -> QuerySet[Skip, Any]:
    return Skip.objects.filter(rater=rater, item__campaign=campaign).values("item")


def _hits(rater: User, campaign: Campaign) -> Iterator[bool]:
    """For every known score of the set, whether the rater's answer came close. Excluded clips do not count, and those
    that are held back count for who has met them: to report a clip is no way around it."""
    answers = AxisAnswer.objects.filter(
        revision__number=1,  # what was said before the feedback
        revision__rating__rater=rater,
        revision__rating__slot__campaign=campaign,
        revision__rating__slot__kind=Slot.Kind.QUALIFICATION,
    )
    given = {
        (item, axis): score for item, axis, score in answers.values_list("revision__rating__item", "axis", "score")
    }
    met = {item for item, _axis in given} | set(_skipped(rater, campaign).values_list("item", flat=True))
    known = _qualification_set(campaign).exclude(availability=Item.Availability.EXCLUDED)
    counted = known.filter(Q(availability=Item.Availability.AVAILABLE) | Q(pk__in=met))
    for item, gold in counted.values_list("pk", "gold"):
        for axis, score in (gold or {}).items():
            yield (item, axis) in given and abs(given[item, axis] - score) <= CLOSE


def _from_draw(slots: QuerySet[Slot], campaign: Campaign, rater: User, number: int) -> Slot | None:
    start = draw_position(campaign.salt, rater.pk, number, "repeat") % POSITIONS
    return slots.filter(place__gte=start).first() or slots.first()


def _place_for(campaign: Campaign, item_id: int, kind: Slot.Kind, arm: Arm = Arm.BLIND) -> Slot:
    """An unsaved place, or one that somebody handed back. Of two made at once, one waits for the other's number."""
    Item.objects.select_for_update(no_key=True).only("pk").get(pk=item_id)  # a whole class may begin with this clip
    left = Slot.objects.filter(item=item_id, kind=kind, state=Slot.State.FREE)
    slot = left.select_for_update(skip_locked=True).first()
    if slot is None:
        newest = Slot.objects.filter(item=item_id).aggregate(newest=Max("number"))["newest"] or 0
        slot = Slot(item_id=item_id, campaign=campaign, number=max(newest, EXTRA_NUMBERS) + 1, kind=kind)
    slot.arm = arm
    return slot
