"""Replace the ratings of a rater who was screened out: open rating slots again, so that others rate these clips."""

from collections import Counter
from collections.abc import Mapping

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEntry, Role, User
from annotation.campaigns.locks import lock_items, lock_slots
from annotation.campaigns.overlap import build_missing_slots
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import LEFT_OUT, Campaign, Item, Slot
from annotation.raters.screening import read_screened_raters
from annotation.rating.answers import AnswersRefused
from annotation.shared.permissions import require_role
from qsave.words import isolate

REOPENED = "rater.slots_reopened"
_SEAT = Q(slots__kind=Slot.Kind.SEAT)


def count_replaceable(campaign: Campaign, screened: set[int]) -> Mapping[int, int]:
    """Return, for each screened rater, on how many clips slots can be opened again. Two queries, none without raters.

    Those are the clips that they rated and that have fewer slots which count than the campaign's overlap.
    """
    if not screened:
        return {}
    rated = Slot.objects.filter(
        campaign=campaign, kind=Slot.Kind.SEAT, state=Slot.State.DONE, rater__in=screened
    ).exclude(item__availability__in=LEFT_OUT)
    clips = list(rated.values_list("rater", "item"))
    of_others = (
        Slot.objects.filter(item__in=rated.values("item"), kind=Slot.Kind.SEAT)
        .exclude(state=Slot.State.DONE, rater__in=screened)
        .order_by()
    )
    counts = dict(of_others.values_list("item").annotate(n=Count("*")))
    return Counter(rater for rater, item in clips if counts.get(item, 0) < campaign.overlap)


@transaction.atomic
def reopen_slots(*, actor: User, campaign: Campaign, rater: User) -> int:
    """Give each clip that a screened rater rated free slots, until as many count as the campaign's overlap asks for.

    Return how many were opened; a second call opens no more. Raises AnswersRefused if the rater's ratings count.
    """
    require_role(actor, Role.LEAD)
    screened = read_screened_raters(campaign)
    if rater.pk not in screened:
        message = _("The ratings of %(rater)s count: there is nothing to replace.")
        raise AnswersRefused({"rater": [message % {"rater": isolate(rater)}]})
    rated = Q(slots__rater=rater, slots__state=Slot.State.DONE)
    items = Item.objects.filter(_SEAT & rated, campaign=campaign).exclude(availability__in=LEFT_OUT)
    by_item: dict[int, list[Slot]] = {}
    for slot in lock_slots(items):
        if slot.kind == Slot.Kind.SEAT:
            by_item.setdefault(slot.item_id, []).append(slot)
    missing: list[Slot] = []
    for item in lock_items(items):
        slots = by_item.get(item.pk, [])
        counted = [slot for slot in slots if slot.state != Slot.State.DONE or slot.rater_id not in screened]
        wanted = len(slots) + max(0, campaign.overlap - len(counted))
        missing += build_missing_slots(item.campaign, item, {slot.number for slot in slots}, wanted)
    opened = Slot.objects.bulk_create(missing)
    refresh_summaries({slot.item_id for slot in opened})
    if opened:
        keys = [slot.pk for slot in opened]
        audit.record(actor=actor, action=REOPENED, target=rater, campaign=campaign.name, number=len(keys), slots=keys)
    return len(opened)


def close_reopened_slots(campaign: Campaign, rater: User) -> list[int]:
    """Delete the slots that were opened in place of a rater's ratings and that nobody has taken; return their items.

    Call it in the transaction in which the rater counts again, and refresh the summaries of these items.
    """
    entries = AuditEntry.objects.filter(action=REOPENED, campaign=campaign.name, target_id=str(rater.pk))
    keys = [key for data in entries.values_list("data", flat=True) for key in data.get("slots", ())]
    free = list(
        Slot.objects.filter(pk__in=keys, campaign=campaign, state=Slot.State.FREE).order_by("pk").select_for_update()
    )
    Slot.objects.filter(pk__in=[slot.pk for slot in free]).delete()
    return [slot.item_id for slot in free]
