"""Where a rater stands, and taking a seat: two statements written in SQL, because every rater waits for them.

One UPDATE finds the seat, locks it past those that others are taking, and leases it. Through the ORM they were eight
queries, whose making took most of the time of a claim (docs/adr/0006). They run on PostgreSQL and SQLite.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Field

from accounts.models import User
from annotation.models import Campaign, Slot

_STANDING = """
    SELECT campaign.state, COALESCE(offer.number, 0), clip.prompt_group_id,
        EXISTS (SELECT 1 FROM annotation_slot
            WHERE campaign_id = campaign.id AND rater_id = %(rater)s AND state = 'leased'),
        EXISTS (SELECT 1 FROM annotation_savedwork work JOIN annotation_item kept ON kept.id = work.item_id
            WHERE work.rater_id = %(rater)s AND kept.campaign_id = campaign.id)
    FROM annotation_campaign campaign
    LEFT JOIN annotation_offer offer ON offer.campaign_id = campaign.id AND offer.rater_id = %(rater)s
        AND offer.number = (SELECT MAX(number) FROM annotation_offer
            WHERE campaign_id = campaign.id AND rater_id = %(rater)s)
    LEFT JOIN annotation_item item ON item.id = offer.item_id
    LEFT JOIN annotation_clip clip ON clip.id = item.clip_id
    WHERE campaign.id = %(campaign)s
"""
_OPEN = """
    campaign_id = %(campaign)s AND kind = 'seat' AND state IN ('free', 'leased')
    AND (state = 'free' OR lease_expires_at <= %(now)s)
    AND item_id NOT IN (SELECT item_id FROM annotation_offer WHERE campaign_id = %(campaign)s AND rater_id = %(rater)s)
"""
_NO_SIBLING = """
    AND item_id NOT IN (
        SELECT item.id FROM annotation_item item JOIN annotation_clip clip ON clip.id = item.clip_id
        WHERE item.campaign_id = %(campaign)s AND clip.prompt_group_id = %(group)s)
"""
_GOLD = """
    AND item_id IN (
        SELECT id FROM annotation_item
        WHERE campaign_id = %(campaign)s AND gold IS NOT NULL AND NOT is_qualification)
"""
# `first` tells the best rank and lowest number that are open: two look-ups in the index. Among those seats the rater's
# own place in the seeded order is met first, then the order begins again; the last resort are seats of a later number,
# when others are taking all of the first at this moment.
_TAKE = """
    WITH first AS (SELECT rank, number FROM annotation_slot WHERE {seats} ORDER BY rank DESC, number LIMIT 1)
    UPDATE annotation_slot
    SET state = 'leased', rater_id = %(rater)s, lease = %(lease)s, leased_at = %(now)s, lease_expires_at = %(expires)s
    WHERE id = COALESCE(
        (SELECT id FROM annotation_slot WHERE {seats} AND {best} AND place >= %(start)s ORDER BY place LIMIT 1 {lock}),
        (SELECT id FROM annotation_slot WHERE {seats} AND {best} AND place < %(start)s ORDER BY place LIMIT 1 {lock}),
        (SELECT id FROM annotation_slot WHERE {seats} ORDER BY rank DESC, number, place LIMIT 1 {lock}))
    RETURNING *
"""
_BEST = "rank = (SELECT rank FROM first) AND number = (SELECT number FROM first)"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rater stands in a campaign: its state at this moment, the running number (0: none yet) and the prompt
    group of what they were offered last, whether they hold a place, and whether any work of theirs lies saved."""

    state: str
    number: int
    group: int | None
    holds_seat: bool
    kept_work: bool


def standing(rater: User, campaign: Campaign) -> Standing:
    """Raises Campaign.DoesNotExist when the campaign is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"rater": rater.pk, "campaign": campaign.pk})
        row = cursor.fetchone()
    if row is None:
        raise Campaign.DoesNotExist
    return Standing(row[0], row[1], row[2], bool(row[3]), bool(row[4]))


def take_new(
    *,
    rater: User,
    campaign: Campaign,
    start: int,
    now: datetime,
    expires: datetime,
    apart_from: int | None = None,
    only_golds: bool = False,
) -> Slot | None:
    """Leases the first open seat, from the place `start` on, of an item that is new to the rater; None if none is left.

    `apart_from` is the prompt group that it must not belong to. To be called in a transaction.
    """
    seats = _OPEN + (_NO_SIBLING if apart_from is not None else "") + (_GOLD if only_golds else "")
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    values = {
        "campaign": campaign.pk,
        "rater": rater.pk,
        "start": start,
        "group": apart_from,
        "lease": _prepared("lease", uuid.uuid4()),
        "now": _prepared("leased_at", now),
        "expires": _prepared("lease_expires_at", expires),
    }
    taken = list(Slot.objects.raw(_TAKE.format(seats=seats, best=_BEST, lock=lock), values))
    return taken[0] if taken else None


def _prepared(field: str, value: object) -> Any:
    """A value as this database keeps it in a column of the slot's."""
    column = Slot._meta.get_field(field)
    assert isinstance(column, Field)
    return column.get_db_prep_value(value, connection)
