"""Bring the rating slots of a campaign in line with its settings: their number, arms and ranks.

A large campaign is updated in batches by a job. Each batch reads the current settings, so running an interrupted job
again, or any later one, completes it.
"""

from collections.abc import Iterator

from django.db.models import Max, QuerySet

from accounts.models import User
from annotation.campaigns.locks import lock_campaign, lock_items, lock_slots
from annotation.campaigns.overlap import build_rating_slots, draw_arm
from annotation.campaigns.ranks import apply_order
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Item, Slot
from annotation.shared.batches import is_large, process_in_batches
from annotation.shared.draws import draw_position
from operations.jobs import enqueue
from operations.models import Job, JobState

UPDATE_SLOTS = "update_slots"
EXTRA_NUMBERS = 1000
"""Slots that are no rating slots are numbered from here on, so that an item can still get another rating slot."""


def align_slots(*, actor: User, campaign: Campaign, removes: bool) -> None:
    """Bring all slots in line with the settings, by a job if the campaign is large.

    Call it in the transaction of the settings. `removes` deletes free slots beyond the overlap, except those that
    disagreement opens from now on.
    """
    unfinished = find_unfinished_update(campaign)
    newest = _find_newest_slot() if removes else unfinished.arguments["newest_slot"] if unfinished else 0
    if is_large(_list_items_with_slots(campaign)):
        enqueue(kind=UPDATE_SLOTS, arguments={"campaign": campaign.pk, "newest_slot": newest}, actor=actor)
        return
    for _done in update_slots(campaign, newest):
        pass


def free_slots(slots: QuerySet[Slot]) -> None:
    """Let other raters take these slots. The item stays unfinished for the raters who held them."""
    slots.update(state=Slot.State.FREE, rater=None, lease=None, leased_at=None, lease_expires_at=None)


def find_unfinished_update(campaign: Campaign) -> Job | None:
    """Return the newest job that updates a campaign's slots; None if it is done, which also completes earlier ones."""
    newest = Job.objects.filter(kind=UPDATE_SLOTS, arguments__campaign=campaign.pk).order_by("-created_at").first()
    return None if newest is None or newest.state == JobState.DONE else newest


def update_slots(campaign: Campaign, newest_slot: int) -> Iterator[tuple[int, int]]:
    """Update the slots of all items in batches; yields (done, total) after each (`annotation.shared.batches`).

    Adds missing slots, deletes free ones beyond the overlap up to the key `newest_slot`, writes the order into open
    ones and, while the campaign is a draft, draws their arms again.
    """
    return process_in_batches(
        _list_items_with_slots(campaign), lambda items: _update_batch(campaign.pk, items, newest_slot)
    )


def _update_batch(campaign_id: int, items: list[Item], newest_slot: int) -> None:
    campaign = lock_campaign(campaign_id)
    lock_slots(items)
    slots = Slot.objects.filter(item__in=items, kind=Slot.Kind.SEAT)
    items = [item for item in lock_items(items) if not item.is_qualification]
    slots.filter(state=Slot.State.FREE, number__gt=campaign.overlap, pk__lte=newest_slot).delete()
    _add_missing(campaign, items, slots)
    if campaign.state == Campaign.State.DRAFT:
        _redraw_arms(campaign, items, slots)
    apply_order(campaign, Item.objects.filter(pk__in=[item.pk for item in items]))
    refresh_summaries(item.pk for item in items)


def _add_missing(campaign: Campaign, items: list[Item], slots: QuerySet[Slot]) -> None:
    present = set(slots.values_list("item_id", "number"))
    wanted = (
        slot
        for item in items
        for slot in build_rating_slots(campaign, item, clip_id=item.clip.clip_id, split=item.clip.prompt_group.split)
    )
    Slot.objects.bulk_create(slot for slot in wanted if (slot.item_id, slot.number) not in present)


def _redraw_arms(campaign: Campaign, items: list[Item], slots: QuerySet[Slot]) -> None:
    clips = {item.pk: item.clip for item in items}
    changed = []
    for slot in slots.filter(item__in=clips):
        clip = clips[slot.item_id]
        arm = draw_arm(campaign, clip.clip_id, slot.number, clip.prompt_group.split)
        position = draw_position(campaign.seed, clip.clip_id, "place")
        if (slot.arm, slot.place) != (arm, position):
            slot.arm, slot.place = arm, position
            changed.append(slot)
    Slot.objects.bulk_update(changed, ["arm", "place"])


def _find_newest_slot() -> int:
    newest: int | None = Slot.objects.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def _list_items_with_slots(campaign: Campaign) -> QuerySet[Item]:
    return Item.objects.filter(campaign=campaign, is_qualification=False)
