"""The SQL of the queue: read a rater's status, lease the next rating slot, record the offer, look up a lease.

It holds no rule: `queue` decides what is tried in which order. It runs on PostgreSQL and SQLite. Through the ORM these
were twenty queries, and building them took two thirds of the time of a request (docs/adr/0007).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.utils import timezone

from accounts.models import User
from annotation.models import Arm, Campaign, Item, Offer, Slot

_RATER_STATUS = """
    SELECT campaign.state, COALESCE(offer.number, 0), clip.prompt_group_id,
        EXISTS (SELECT 1 FROM annotation_slot
            WHERE campaign_id = campaign.id AND rater_id = %(rater)s AND state = 'leased'),
        EXISTS (SELECT 1 FROM annotation_savedwork work JOIN annotation_item typed ON typed.id = work.item_id
            WHERE work.rater_id = %(rater)s AND typed.campaign_id = campaign.id)
    FROM annotation_campaign campaign
    LEFT JOIN annotation_offer offer ON offer.campaign_id = campaign.id AND offer.rater_id = %(rater)s
        AND offer.number = (SELECT MAX(number) FROM annotation_offer
            WHERE campaign_id = campaign.id AND rater_id = %(rater)s)
    LEFT JOIN annotation_item item ON item.id = offer.item_id
    LEFT JOIN annotation_clip clip ON clip.id = item.clip_id
    WHERE campaign.id = %(campaign)s
"""
_HELD_SLOT = """
    SELECT slot.*, shown.draft_id AS draft_shown, shown.exposure AS exposure,
        campaign.state AS campaign_state, campaign.active_critic <> '' AS critic_active,
        clip.prompt AS prompt, clip.duration AS duration, clip.version AS clip_version, (
        SELECT guideline.id FROM annotation_guideline guideline JOIN annotation_offer offer
        ON offer.item_id = slot.item_id AND offer.rater_id = slot.rater_id
        WHERE guideline.campaign_id = slot.campaign_id AND guideline.created_at <= offer.offered_at
        ORDER BY guideline.number DESC LIMIT 1) AS guideline_seen
    FROM annotation_slot slot JOIN annotation_campaign campaign ON campaign.id = slot.campaign_id
    JOIN annotation_item item ON item.id = slot.item_id JOIN annotation_clip clip ON clip.id = item.clip_id
    LEFT JOIN annotation_offer shown ON shown.item_id = slot.item_id AND shown.rater_id = slot.rater_id
    WHERE slot.rater_id = %(rater)s AND slot.state = 'leased' AND slot.lease = %(lease)s {lock}
"""
# In the assisted arm the rater gets the item with the draft of the active critic. A rater who gets an item again sees
# the same draft as before, also if its critic was replaced. A rater who has typed without a draft gets none here: the
# page offers it as a late draft. The statement reads the availability again: a lead may have excluded the item while
# the slot was chosen.
_OFFER = """
    INSERT INTO annotation_offer (
        campaign_id, item_id, rater_id, arm, number, offered_at, handed_back_at, draft_id, exposure)
    SELECT %(campaign)s, item.id, %(rater)s, %(arm)s, %(number)s, %(now)s, NULL, {draft},
        CASE WHEN {draft} IS NULL THEN 'none' ELSE 'from_start' END
    FROM annotation_item item WHERE item.id = %(item)s AND item.availability = 'available'
    ON CONFLICT (item_id, rater_id) DO UPDATE
    SET number = excluded.number, offered_at = excluded.offered_at, handed_back_at = NULL,
        draft_id = CASE WHEN {has_work} THEN annotation_offer.draft_id
            ELSE COALESCE(annotation_offer.draft_id, excluded.draft_id) END,
        exposure = CASE WHEN {has_work} THEN annotation_offer.exposure
            WHEN annotation_offer.draft_id IS NOT NULL THEN 'from_start' ELSE excluded.exposure END
"""
_ACTIVE_DRAFT = """
    (SELECT id FROM annotation_draft
        WHERE item_id = %(item)s AND critic = (SELECT active_critic FROM annotation_campaign WHERE id = %(campaign)s)
            AND clip_version = (SELECT version FROM annotation_clip WHERE id = item.clip_id) AND proposal <> '{}')
"""
_HAS_WORK = """
    EXISTS (SELECT 1 FROM annotation_savedwork work
        WHERE work.item_id = annotation_offer.item_id AND work.rater_id = annotation_offer.rater_id)
"""
_OPEN_SLOTS = """
    campaign_id = %(campaign)s AND kind = 'seat' AND state IN ('free', 'leased')
    AND (state = 'free' OR lease_expires_at <= %(now)s) AND item_id NOT IN (SELECT item_id FROM not_wanted)
"""
_ITEMS_OF_GROUP = """
    SELECT item.id FROM annotation_item item JOIN annotation_clip clip ON clip.id = item.clip_id
    WHERE item.campaign_id = %(campaign)s AND clip.prompt_group_id = %(group)s
"""
_ONLY_GOLDS = """
    AND item_id IN (
        SELECT id FROM annotation_item
        WHERE campaign_id = %(campaign)s AND gold IS NOT NULL AND NOT is_qualification)
"""
# `first` is the highest rank and the lowest number of an open slot: a look-up in the index. Of the slots with both, the
# search takes the first from the rater's own start position on, then from position 0 on. If other raters are taking all
# of these at this moment, it takes a slot of a later number.
_LEASE_SLOT = """
    WITH not_wanted AS (
        SELECT item_id FROM annotation_offer WHERE campaign_id = %(campaign)s AND rater_id = %(rater)s
        UNION ALL SELECT id FROM annotation_item
            WHERE campaign_id = %(campaign)s
                AND availability IN ('reported', 'excluded', 'preparing', 'withdrawn') {siblings}),
    first AS (SELECT rank, number FROM annotation_slot WHERE {slots} ORDER BY rank DESC, number LIMIT 1)
    UPDATE annotation_slot
    SET state = 'leased', rater_id = %(rater)s, lease = %(lease)s, leased_at = %(now)s, lease_expires_at = %(expires)s
    WHERE id = COALESCE(
        (SELECT id FROM annotation_slot WHERE {slots} AND {best} AND place >= %(start)s ORDER BY place LIMIT 1 {lock}),
        (SELECT id FROM annotation_slot WHERE {slots} AND {best} AND place < %(start)s ORDER BY place LIMIT 1 {lock}),
        (SELECT id FROM annotation_slot WHERE EXISTS (SELECT 1 FROM first) AND {slots}
            ORDER BY rank DESC, number, place LIMIT 1 {lock}))
    RETURNING *
"""
_BEST = "rank = (SELECT rank FROM first) AND number = (SELECT number FROM first)"


@dataclass(frozen=True, slots=True)
class RaterStatus:
    """What the queue needs to know about a rater in a campaign.

    `state` is the campaign's state at this moment. `number` is the running number of the rater's last offer (0: none
    yet), `group` the prompt group of its clip.
    """

    state: str
    number: int
    group: int | None
    holds_slot: bool
    has_saved_work: bool


def read_rater_status(rater: User, campaign: Campaign) -> RaterStatus:
    """Read a rater's status; raise Campaign.DoesNotExist if the campaign is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_RATER_STATUS, {"rater": rater.pk, "campaign": campaign.pk})
        row = cursor.fetchone()
    if row is None:
        raise Campaign.DoesNotExist
    return RaterStatus(row[0], row[1], row[2], bool(row[3]), bool(row[4]))


def record_offer(slot: Slot, rater: User, number: int) -> None:
    """Record that a rater is given an item, and with which draft.

    An item offered before keeps its arm and gets the new number. Raises Item.DoesNotExist if the item cannot be given
    out any more. Call it after the slot is locked, in the same transaction.
    """
    values = {
        "campaign": slot.campaign_id,
        "item": slot.item_id,
        "rater": rater.pk,
        "arm": slot.arm,
        "number": number,
        "now": prepare_value(Offer, "offered_at", timezone.now()),
    }
    draft = _ACTIVE_DRAFT if slot.arm == Arm.ASSISTED else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(_OFFER.format(draft=draft, has_work=_HAS_WORK), values)
        if cursor.rowcount == 0:
            raise Item.DoesNotExist


@dataclass(frozen=True, slots=True)
class SlotSearch:
    """Which rating slots to look at: from the position `start` of the campaign's seeded order on, and only those whose
    item is outside or within a prompt group, or is a gold."""

    start: int
    outside_group: int | None = None
    within_group: int | None = None
    only_golds: bool = False


def lease_new_slot(
    rater: User, campaign: Campaign, search: SlotSearch, *, now: datetime, expires: datetime
) -> Slot | None:
    """Lease the first open rating slot of an available item that is new to the rater. Return None if no slot is free.

    Call it in a transaction.
    """
    slots = _OPEN_SLOTS + (_ONLY_GOLDS if search.only_golds else "")
    slots += f"AND item_id IN ({_ITEMS_OF_GROUP})" if search.within_group is not None else ""
    siblings = f"UNION ALL {_ITEMS_OF_GROUP}" if search.outside_group is not None else ""
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    values = {
        "campaign": campaign.pk,
        "rater": rater.pk,
        "start": search.start,
        "group": search.within_group if search.outside_group is None else search.outside_group,
        "lease": prepare_value(Slot, "lease", uuid.uuid4()),
        "now": prepare_value(Slot, "leased_at", now),
        "expires": prepare_value(Slot, "lease_expires_at", expires),
    }
    rows = Slot.objects.raw(_LEASE_SLOT.format(slots=slots, siblings=siblings, best=_BEST, lock=lock), values)
    return next(iter(rows), None)


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """A slot under the rater's lease, locked, with what its answers are validated against.

    `guideline` is the version that was current when the item was offered, `draft` the draft that the rater was shown
    (both by key), and `critic_active` says whether a critic drafts for the campaign.
    """

    slot: Slot
    prompt: str
    duration: float
    guideline: int | None
    critic_active: bool
    draft: int | None
    exposure: str
    clip_version: int


def lock_held_slot(rater: User, lease: uuid.UUID, campaign: Campaign | None = None) -> HeldSlot | None:
    """Lock the slot that the rater holds under this lease until the transaction ends. Return None if no slot has it.

    If `campaign` is the slot's, its state is refreshed and the slot refers to it, so that it is not read again.
    """
    lock = "FOR UPDATE OF slot" if connection.features.has_select_for_update_of else ""
    values = {"rater": rater.pk, "lease": prepare_value(Slot, "lease", lease)}
    slot: Any = next(iter(Slot.objects.raw(_HELD_SLOT.format(lock=lock), values)), None)
    if slot is None:
        return None
    if campaign is not None and campaign.pk == slot.campaign_id:
        campaign.state = slot.campaign_state
        slot.campaign = campaign
    return HeldSlot(
        slot=slot,
        prompt=slot.prompt,
        duration=slot.duration,
        guideline=slot.guideline_seen,
        critic_active=bool(slot.critic_active),
        draft=slot.draft_shown,
        exposure=slot.exposure,
        clip_version=slot.clip_version,
    )


def prepare_value(model: type[Model], field: str, value: object) -> Any:
    """Return a value as this database stores it in a column."""
    column = model._meta.get_field(field)
    assert isinstance(column, Field)
    return column.get_db_prep_value(value, connection)
