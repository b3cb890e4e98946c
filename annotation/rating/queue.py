"""The queue: which clip a rater gets next, and for how long.

The rules, in the order in which `claim` tries them:

1. A rater holds at most one place of a campaign. Who comes back gets that one again, and its lease runs anew; as long
   as nobody else took the seat, it makes no difference whether the lease had run out meanwhile.
2. Who may not rate here (`annotation.raters.admission`) gets nothing more. Who still has to qualify gets the
   qualification clips, and nothing else.
3. Work that was typed under a lease that somebody else took over comes next, if the item still has a seat for it.
4. A repeat or a gold, when one is due (`annotation.rating.checks`).
5. Then what is new to the rater: by the campaign's order; among equals the first seat of every item before the second
   of any; never an item right after its prompt's sibling while there is another; within that, by the rater's own draw.
6. Last, what the rater handed back or let go, if a seat in the same arm is left: whoever saw an item with its draft
   must not rate it blind.

An item that a rater has reported is held back from everybody, in every kind of place, until a lead gives it out again
or excludes it (`annotation.campaigns.reports`). Who holds it at that moment may finish.

A lease ends by time alone: a seat whose lease has run out is as good as free for the others, and no clock has to
tick for that. A seat belongs to the rater for as long as it carries their lease, so a late submit still counts unless
the seat was taken meanwhile. A paused campaign hands out nothing new, and lets what is held be finished.
"""

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.campaigns.reports import REPORTS, hold_back
from annotation.models import Campaign, Item, Offer, SavedWork, Skip, Slot
from annotation.raters.admission import why_not
from annotation.rating import checks
from annotation.rating.statements import Standing, held_seat, note_offer, standing, take_new
from annotation.shared.draws import draw_position
from annotation.shared.permissions import require
from annotation.shared.text import clean_text

PENDING = 200
ATTEMPTS = 8
HOLD = ["arm", "state", "rater", "lease", "leased_at", "lease_expires_at"]
REASON_LIMIT = 1000


class LeaseLost(ValueError):
    """The seat is no longer the rater's. What they typed has been kept."""


def claim(*, rater: User, campaign: Campaign) -> Slot | None:
    """The rater's seat: the one they hold, else the next by the rules above, else None when nothing is left for them.

    Two claims at once by one rater end with the same seat: the database refuses the second, which then finds the first.
    """
    require(rater, Role.ANNOTATOR)
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                slot = _claim(rater, campaign)
        except (IntegrityError, Slot.DoesNotExist):  # another page of theirs claimed or submitted at this moment
            continue
        if slot is not None:
            slot.campaign = campaign
        return slot
    raise LeaseLost(_("The queue is busy with your own other pages. Close them and try again."))


def renew(*, rater: User, lease: uuid.UUID) -> datetime:
    """Lets a lease run anew, and returns when it ends; raises LeaseLost when the seat has gone to another."""
    with transaction.atomic():
        slot = _held(rater, lease)
        if slot is not None:
            return _run_anew(slot, slot.campaign)
    raise LeaseLost(_("This clip went to somebody else after a long pause. What you typed is kept."))


def hand_back(*, rater: User, lease: uuid.UUID) -> None:
    """Frees a seat; it is offered to the rater again after everything else. A seat that is not held is left alone."""
    with transaction.atomic():
        slot = _held(rater, lease)
        if slot is not None:
            _free(slot)
            Offer.objects.filter(item=slot.item_id, rater=rater).update(handed_back_at=timezone.now())


def skip(*, rater: User, lease: uuid.UUID, item_id: int, kind: str, reason: str) -> Skip:
    """Passes an item by for good, and frees its seat for another. Raises LeaseLost when it was never the rater's.

    `item_id` names the item where the lease is lost. An item that the rater has rated meanwhile cannot be passed by:
    who could do so would never meet a repeat.

    A report ("does not play", "for the lead") also holds the item back from everybody until a lead settles it.
    """
    if kind not in Skip.Kind.values:
        raise ValueError(f"a skip is one of {', '.join(Skip.Kind.values)}, got {kind!r}")
    with transaction.atomic():
        slot = _held(rater, lease)
        if slot is not None:
            _free(slot)
        item = slot.item if slot is not None else _let_go_of(rater, item_id)
        if item is not None:
            words = clean_text(reason)[:REASON_LIMIT]
            defaults = {"kind": kind, "reason": words}
            passed, is_new = Skip.objects.get_or_create(item=item, rater=rater, defaults=defaults)
            if is_new and kind in REPORTS:
                hold_back(item)
            return passed
    raise LeaseLost(_("This clip is not on your desk."))


def _let_go_of(rater: User, item_id: int) -> Item | None:
    """The item, if the rater was given it and has not rated it."""
    rated = Slot.objects.filter(rater=rater, state=Slot.State.DONE, item=item_id)
    return Item.objects.filter(~Exists(rated), pk=item_id, offers__rater=rater).first()


def _held(rater: User, lease: uuid.UUID) -> Slot | None:
    seat = held_seat(rater, lease)
    return seat.slot if seat else None


def _claim(rater: User, campaign: Campaign) -> Slot | None:
    last = standing(rater, campaign)
    if last.holds_seat and last.state in (Campaign.State.OPEN, Campaign.State.PAUSED):
        return _held_already(rater, campaign)
    if last.state != Campaign.State.OPEN or why_not(user=rater, campaign=campaign):
        return None
    if checks.has_to_qualify(rater, campaign):
        clip = checks.qualification_for(rater, campaign)
        verdict = None if clip else checks.decide(rater, campaign)  # who skipped the last clip has none yet
        if clip is None and verdict is None and checks.qualification_is_held_back(campaign):
            return None
        if clip or (verdict and not verdict.passed):
            return _given(clip, rater, campaign, last)
    return (
        (_offered_before(rater, campaign, last, only_kept_work=True) if last.kept_work else None)
        or _check(rater, campaign, last)
        or _new_to(rater, campaign, last)
        or _offered_before(rater, campaign, last)
    )


def _held_already(rater: User, campaign: Campaign) -> Slot:
    slot = Slot.objects.select_for_update().get(campaign=campaign, rater=rater, state=Slot.State.LEASED)
    _run_anew(slot, campaign)
    return slot


def _check(rater: User, campaign: Campaign, last: Standing) -> Slot | None:
    number = last.number + 1
    kind = checks.due_kind(campaign, rater, number)
    if kind == Slot.Kind.REPEAT:
        slot = checks.repeat_for(rater, campaign, number)
        if slot is not None:
            _forget_first_time(rater, slot.item_id)
        return _given(slot, rater, campaign, last)
    if kind == Slot.Kind.GOLD:
        seat = _seat(rater, campaign, last, only_golds=True)
        return seat or _given(checks.gold_for(rater, campaign, number), rater, campaign, last)
    return None


def _forget_first_time(rater: User, item_id: int) -> None:
    """Delete what another page saved after the first rating: it would fill in the form of the repeat. What was typed
    for a repeat that the rater handed back stays."""
    work = SavedWork.objects.filter(rater=rater, item=item_id)
    work.filter(item__offers__rater=rater, item__offers__handed_back_at=None).delete()


def _given(slot: Slot | None, rater: User, campaign: Campaign, last: Standing) -> Slot | None:
    return _take(slot, rater, campaign, last) if slot else None


def _new_to(rater: User, campaign: Campaign, last: Standing) -> Slot | None:
    if last.group is None:
        return _seat(rater, campaign, last)
    apart = _seat(rater, campaign, last, apart_from=last.group)
    return apart or _seat(rater, campaign, last, within=last.group)


def _seat(
    rater: User,
    campaign: Campaign,
    last: Standing,
    *,
    apart_from: int | None = None,
    within: int | None = None,
    only_golds: bool = False,
) -> Slot | None:
    now = timezone.now()
    number = last.number
    start = (
        checks.gold_start(campaign, rater, number)
        if only_golds
        else draw_position(campaign.seed, rater.pk, number, "start")
    )
    slot = take_new(
        rater=rater,
        campaign=campaign,
        start=start,
        now=now,
        expires=now + timedelta(minutes=campaign.lease_minutes),
        apart_from=apart_from,
        within=within,
        only_golds=only_golds,
    )
    if slot is not None:
        note_offer(slot, rater, last.number + 1)
    return slot


def _open_slots(campaign: Campaign) -> QuerySet[Slot]:
    """Seats of available items that can be taken now: free ones, and those whose lease has run out."""
    lapsed = Q(state=Slot.State.LEASED, lease_expires_at__lte=timezone.now())
    open_states = [Slot.State.FREE, Slot.State.LEASED]  # named so that the partial index `slot_open` serves
    seats = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state__in=open_states)
    seats = seats.filter(item__availability=Item.Availability.AVAILABLE)
    return seats.filter(Q(state=Slot.State.FREE) | lapsed)


def _offered_before(rater: User, campaign: Campaign, last: Standing, *, only_kept_work: bool = False) -> Slot | None:
    """A seat in the same arm on an item that the rater had before and neither rated nor skipped."""
    arms = dict(_let_go(rater, campaign, only_kept_work=only_kept_work).values_list("item", "arm")[:PENDING])
    if not arms:
        return None
    seats = _open_slots(campaign).filter(item__in=arms).order_by("number").values_list("pk", "item", "arm")
    longest_ago_first = {item: place for place, item in enumerate(arms)}
    fitting = [(pk, item) for pk, item, arm in seats if arm == arms[item]]
    for slot_id, _item in sorted(fitting, key=lambda seat: longest_ago_first[seat[1]]):
        slot = _open_slots(campaign).filter(pk=slot_id).select_for_update(of=("self",), skip_locked=True).first()
        if slot is not None:
            return _take(slot, rater, campaign, last)
    return None


def _let_go(rater: User, campaign: Campaign, *, only_kept_work: bool) -> QuerySet[Offer]:
    offers = Offer.objects.filter(rater=rater, campaign=campaign, item__availability=Item.Availability.AVAILABLE)
    if only_kept_work:
        kept = SavedWork.objects.filter(rater=rater, item=OuterRef("item"))
        offers = offers.filter(Exists(kept), handed_back_at=None)
    done = Slot.objects.filter(rater=rater, campaign=campaign, state=Slot.State.DONE).values("item")
    skipped = Skip.objects.filter(rater=rater, item__campaign=campaign).values("item")
    return offers.exclude(item__in=done).exclude(item__in=skipped).order_by("number")


def _take(slot: Slot, rater: User, campaign: Campaign, last: Standing) -> Slot:
    slot.state = Slot.State.LEASED
    slot.rater = rater
    slot.lease = uuid.uuid4()
    _run_anew(slot, campaign)
    note_offer(slot, rater, last.number + 1)
    return slot


def _run_anew(slot: Slot, campaign: Campaign) -> datetime:
    now = timezone.now()
    slot.leased_at = now
    slot.lease_expires_at = now + timedelta(minutes=campaign.lease_minutes)
    slot.save(update_fields=None if slot._state.adding else HOLD)
    return slot.lease_expires_at


def _free(slot: Slot) -> None:
    slot.state = Slot.State.FREE
    slot.rater = slot.lease = slot.leased_at = slot.lease_expires_at = None
    slot.save(update_fields=HOLD)
