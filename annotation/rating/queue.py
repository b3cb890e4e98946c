"""The queue: which clip a rater gets next, and for how long. Its SQL is in `queue_sql`.

The rules, in the order in which `claim` tries them:

1. A rater holds at most one slot of a campaign. A rater who comes back gets that slot again, with a full lease time,
   unless the lease has expired and another rater has taken the slot.
2. A rater who may not rate here (`annotation.raters.admission`) gets nothing. A rater who still has to qualify gets
   only qualification clips.
3. An item on which the rater saved work before they lost the lease, if it still has an open rating slot.
4. A repeat or a gold, when one is due (`annotation.rating.checks`).
5. An item that is new to the rater. The campaign's order decides first. Among items of equal rank, every item gets its
   first rating before any item gets its second. Remaining ties are broken by a random start position, which is drawn
   for each rater and claim. An item of the same prompt group as the last one comes only if no other group has one left.
6. An item that the rater handed back or whose lease they lost, if a rating slot in the same arm is open. The arm stays
   the same because a rater who saw an item with its draft must not rate it blind.

An item that a rater has reported is held back from everybody, in every kind of slot, until a lead gives it out again
or excludes it (`annotation.campaigns.reports`). The rater who holds it when it is reported may finish. The rater who
holds it when it is excluded or withdrawn loses the slot and is told why. What they typed stays saved, and rule 3
applies if the item returns. So does the rater who holds it when its file is replaced (`annotation.corrections`).

No timer frees a slot. Once its lease has expired, another rater can take it. Until one does, the slot keeps the first
rater's lease, and a late submit by that rater counts. A paused campaign hands out nothing new, but raters can finish
the slots that they hold.
"""

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.campaigns.locks import lock_items
from annotation.campaigns.reports import REPORTS, hold_back
from annotation.campaigns.slots import free_slots
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import LEFT_OUT, Campaign, ClipVersion, Item, Offer, SavedWork, Skip, Slot
from annotation.raters.admission import explain_refusal
from annotation.rating import checks, qualification
from annotation.rating.queue_sql import (
    RaterStatus,
    SlotSearch,
    lease_new_slot,
    lock_held_slot,
    read_rater_status,
    record_offer,
)
from annotation.shared.draws import draw_position
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text

UNFINISHED_LIMIT = 200
"""Largest number of unfinished items that one claim looks at (rules 3 and 6)."""
ATTEMPTS = 8
"""How many times one claim is tried while other pages of the same rater claim or submit."""
LEASE_FIELDS = ["arm", "state", "rater", "lease", "leased_at", "lease_expires_at"]
REASON_LIMIT = 1000
TAKES_RATINGS = frozenset({Campaign.State.OPEN, Campaign.State.PAUSED})
"""The states of a campaign in which raters can finish and edit."""


class LeaseLost(ValueError):
    """The rater no longer holds the slot. What they typed is saved."""


def claim(*, rater: User, campaign: Campaign) -> Slot | None:
    """Return the slot that the rater holds, or lease one by the rules above; None if there is no clip for them.

    Two claims of one rater at the same time return the same slot: the database refuses the second lease, and the next
    attempt of that claim finds the first.
    """
    require_role(rater, Role.ANNOTATOR)
    for _attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                slot = _claim(rater, campaign)
        except (IntegrityError, Slot.DoesNotExist, Item.DoesNotExist):
            continue  # meanwhile another page of the rater claimed or submitted, or the item left the queue
        if slot is not None:
            slot.campaign = campaign
        return slot
    raise LeaseLost(_("Other pages of yours are getting a clip at the same moment. Close them and try again."))


def explain_exclusion(item: Item) -> str:
    """Return what to tell a rater who is rating an item that is excluded or withdrawn; empty if it is neither."""
    if item.availability not in LEFT_OUT:
        return ""
    return _(
        "A lead has taken this clip out of the campaign, so it needs no rating. What you typed is kept: if the clip "
        "returns, you can finish it."
    )


def find_excluded_work(rater: User, campaign: Campaign) -> Item | None:
    """Return the excluded or withdrawn item on which the rater saved work most recently, if there is one."""
    excluded = Q(item__campaign=campaign, item__availability__in=LEFT_OUT)
    work = SavedWork.objects.filter(excluded, rater=rater).select_related("item__clip").order_by("-saved_at").first()
    return work.item if work else None


def make_lease_lost(rater: User, item_id: int, otherwise: str) -> LeaseLost:
    """Return the error for a rater who has lost an item's slot: what a lead did with it, or the text `otherwise`."""
    offer = Offer.objects.filter(item=item_id, rater=rater).select_related("item").first()
    if offer is None:
        return LeaseLost(otherwise)
    return LeaseLost(explain_exclusion(offer.item) or _explain_replacement(offer) or otherwise)


def _explain_replacement(offer: Offer) -> str:
    """Return what to tell a rater who was given an item whose file was replaced since; empty if it was not."""
    newer = ClipVersion.objects.filter(clip__items=offer.item_id, replaced_at__gt=offer.offered_at)
    if not newer.exists():
        return ""
    return _(
        "A lead has replaced the video of this clip. What you typed is kept: reload the page to rate the new video."
    )


def renew(*, rater: User, lease: uuid.UUID, item_id: int = 0) -> datetime:
    """Extend a lease to its full time and return when it ends; raise LeaseLost if the rater no longer holds the slot.

    A lost lease no longer leads to its item. `item_id` names the item, so that the error can say why it was lost.
    """
    with transaction.atomic():
        slot = _lock_held(rater, lease)
        if slot is not None:
            return _start_lease(slot, slot.campaign)
    message = _("This clip went to another rater after a long pause. What you typed is kept.")
    raise make_lease_lost(rater, item_id, message)


def hand_back(*, rater: User, lease: uuid.UUID) -> None:
    """Free a slot; its item is offered to the rater again after everything else. A lost lease changes nothing."""
    with transaction.atomic():
        slot = _lock_held(rater, lease)
        if slot is not None:
            _free(slot)
            Offer.objects.filter(item=slot.item_id, rater=rater).update(handed_back_at=timezone.now())


def skip(*, rater: User, lease: uuid.UUID, item_id: int, kind: str, reason: str) -> Skip:
    """Skip an item for good, and free its slot for another rater.

    `item_id` names the item if the lease is lost. Raise LeaseLost if the rater never had the item or has rated it
    meanwhile: a rater who could skip a rated item could avoid every repeat.

    A report ("does not play", "for the lead") also holds the item back from everybody until a lead settles it.
    """
    if kind not in Skip.Kind.values:
        raise ValueError(f"A skip is one of {', '.join(Skip.Kind.values)}, not {kind!r}.")
    with transaction.atomic():
        slot = _lock_held(rater, lease)
        if slot is not None:
            _free(slot)
        item = slot.item if slot is not None else _find_unrated(rater, item_id)
        if item is not None:
            return _store_skip(rater, item, kind, clean_text(reason)[:REASON_LIMIT])
    raise LeaseLost(_("This clip is not on your desk."))


def _store_skip(rater: User, item: Item, kind: str, reason: str) -> Skip:
    """Store the rater's skip of an item. A second skip changes nothing, except that a report replaces a plain skip."""
    values = {"kind": kind, "reason": reason}
    if kind in REPORTS:
        lock_items([item])
    skips = Skip.objects.select_for_update(no_key=True)
    skip, is_new = skips.get_or_create(item=item, rater=rater, defaults=values)
    if kind in REPORTS and (is_new or skip.kind not in REPORTS):
        skip.kind, skip.reason = kind, reason
        skip.save(update_fields=["kind", "reason"])
        hold_back(item)
        refresh_summaries([item.pk])
    return skip


def _list_unfinished(rater: User, campaign: Campaign) -> QuerySet[Offer]:
    """Return the rater's offers of available items that they neither rated nor skipped, oldest first."""
    offers = Offer.objects.filter(rater=rater, campaign=campaign, item__availability=Item.Availability.AVAILABLE)
    done = Slot.objects.filter(rater=rater, campaign=campaign, state=Slot.State.DONE).values("item")
    return offers.exclude(item__in=done).exclude(item__in=checks.list_skipped(rater, campaign)).order_by("number")


def _find_unrated(rater: User, item_id: int) -> Item | None:
    """Return the item if the rater was given it and has not rated it."""
    rated = Slot.objects.filter(rater=rater, state=Slot.State.DONE, item=item_id)
    return Item.objects.filter(~Exists(rated), pk=item_id, offers__rater=rater).first()


def _lock_held(rater: User, lease: uuid.UUID) -> Slot | None:
    held = lock_held_slot(rater, lease)
    return held.slot if held else None


def _claim(rater: User, campaign: Campaign) -> Slot | None:
    status = read_rater_status(rater, campaign)
    if status.holds_slot and status.state in TAKES_RATINGS:
        return _renew_held(rater, campaign)
    if status.state != Campaign.State.OPEN or explain_refusal(user=rater, campaign=campaign):
        return None
    if qualification.has_to_qualify(rater, campaign):
        chosen = qualification.choose_qualification(rater, campaign)
        # A rater who skipped the last qualification clip has no verdict yet, so it is decided here.
        verdict = None if chosen else qualification.decide_qualification(rater, campaign)
        if chosen is None and verdict is None and qualification.is_qualification_held_back(campaign):
            return None
        if chosen or (verdict and not verdict.passed):
            return _lease_check(chosen, rater, campaign, status)
    return (
        (_lease_unfinished(rater, campaign, status, only_saved=True) if status.has_saved_work else None)
        or _lease_due_check(rater, campaign, status)
        or _lease_new(rater, campaign, status)
        or _lease_unfinished(rater, campaign, status)
    )


def _renew_held(rater: User, campaign: Campaign) -> Slot:
    slot = Slot.objects.select_for_update().get(campaign=campaign, rater=rater, state=Slot.State.LEASED)
    _start_lease(slot, campaign)
    return slot


def _lease_due_check(rater: User, campaign: Campaign, status: RaterStatus) -> Slot | None:
    number = status.number + 1
    kind = checks.draw_check_kind(campaign, rater, number)
    if kind == Slot.Kind.REPEAT:
        chosen = checks.choose_repeat(rater, campaign, number)
        if chosen is not None:
            _delete_work_of_first_time(rater, chosen.item_id)
        return _lease_check(chosen, rater, campaign, status)
    if kind == Slot.Kind.GOLD:
        start = checks.draw_gold_start(campaign, rater, status.number)
        slot = _search(rater, campaign, status, SlotSearch(start, only_golds=True))
        return slot or _lease_check(checks.choose_gold(rater, campaign, number), rater, campaign, status)
    return None


def _delete_work_of_first_time(rater: User, item_id: int) -> None:
    """Delete work that another page saved after the first rating: it would fill in the form of the repeat.

    Work on a repeat that the rater handed back stays.
    """
    work = SavedWork.objects.filter(rater=rater, item=item_id)
    work.filter(item__offers__rater=rater, item__offers__handed_back_at=None).delete()


def _lease_check(chosen: checks.ChosenItem | None, rater: User, campaign: Campaign, status: RaterStatus) -> Slot | None:
    return _lease(checks.lock_check_slot(campaign, chosen), rater, campaign, status) if chosen else None


def _lease_new(rater: User, campaign: Campaign, status: RaterStatus) -> Slot | None:
    start = draw_position(campaign.seed, rater.pk, status.number, "start")
    if status.group is None:
        return _search(rater, campaign, status, SlotSearch(start))
    slot = _search(rater, campaign, status, SlotSearch(start, outside_group=status.group))
    return slot or _search(rater, campaign, status, SlotSearch(start, within_group=status.group))


def _search(rater: User, campaign: Campaign, status: RaterStatus, search: SlotSearch) -> Slot | None:
    now = timezone.now()
    expires = now + timedelta(minutes=campaign.lease_minutes)
    slot = lease_new_slot(rater, campaign, search, now=now, expires=expires)
    if slot is not None:
        record_offer(slot, rater, status.number + 1)
    return slot


def list_open_slots(campaign: Campaign) -> QuerySet[Slot]:
    """Return rating slots of available items that can be taken now: free ones, and those whose lease has expired."""
    lapsed = Q(state=Slot.State.LEASED, lease_expires_at__lte=timezone.now())
    open_states = [Slot.State.FREE, Slot.State.LEASED]  # lets the database use the partial index `slot_open`
    slots = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state__in=open_states)
    slots = slots.filter(item__availability=Item.Availability.AVAILABLE)
    return slots.filter(Q(state=Slot.State.FREE) | lapsed)


def _lease_unfinished(rater: User, campaign: Campaign, status: RaterStatus, *, only_saved: bool = False) -> Slot | None:
    """Lease a slot of an unfinished item, in the arm in which the rater had it: rule 3 if `only_saved`, else rule 6."""
    offers = _list_unfinished(rater, campaign)
    if only_saved:
        saved = SavedWork.objects.filter(rater=rater, item=OuterRef("item"))
        offers = offers.filter(Exists(saved), handed_back_at=None)
    arms = dict(offers.values_list("item", "arm")[:UNFINISHED_LIMIT])
    if not arms:
        return None
    slots = list_open_slots(campaign).filter(item__in=arms).order_by("number").values_list("pk", "item", "arm")
    positions = {item: position for position, item in enumerate(arms)}  # the oldest offer first
    fitting = [(pk, item) for pk, item, arm in slots if arm == arms[item]]
    for pk, _item in sorted(fitting, key=lambda slot: positions[slot[1]]):
        slot = list_open_slots(campaign).filter(pk=pk).select_for_update(of=("self",), skip_locked=True).first()
        if slot is not None:
            return _lease(slot, rater, campaign, status)
    return None


def _lease(slot: Slot, rater: User, campaign: Campaign, status: RaterStatus) -> Slot:
    slot.state = Slot.State.LEASED
    slot.rater = rater
    slot.lease = uuid.uuid4()
    _start_lease(slot, campaign)
    record_offer(slot, rater, status.number + 1)
    return slot


def _start_lease(slot: Slot, campaign: Campaign) -> datetime:
    now = timezone.now()
    slot.leased_at = now
    slot.lease_expires_at = now + timedelta(minutes=campaign.lease_minutes)
    slot.save(update_fields=None if slot._state.adding else LEASE_FIELDS)
    return slot.lease_expires_at


def _free(slot: Slot) -> None:
    free_slots(Slot.objects.filter(pk=slot.pk))
