"""The statements that every rater waits for, written in SQL: where one stands, taking a seat, storing a rating.

They are here and nowhere else, run on PostgreSQL and SQLite, and hold no rule: what is tried in which order, and what
an answer must be, stand in `queue` and `ratings`. Through the ORM they were twenty queries, and making those queries
took two thirds of the time of a request (docs/adr/0007).
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.utils import timezone

from accounts.models import User
from annotation.models import Arm, AxisAnswer, Campaign, Clip, Draft, Offer, Rating, RatingRevision, SavedWork, Slot
from qsave.axes import Axis

LARGEST_KEY = 2**63 - 1

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
_HELD = """
    SELECT slot.*, shown.draft_id AS draft_shown, shown.exposure AS exposure,
        campaign.state AS campaign_state, campaign.critic_active AS critic_active,
        clip.prompt AS prompt, clip.duration AS duration, (
        SELECT guideline.id FROM annotation_guideline guideline JOIN annotation_offer offer
        ON offer.item_id = slot.item_id AND offer.rater_id = slot.rater_id
        WHERE guideline.campaign_id = slot.campaign_id AND guideline.created_at <= offer.offered_at
        ORDER BY guideline.number DESC LIMIT 1) AS guideline_seen
    FROM annotation_slot slot JOIN annotation_campaign campaign ON campaign.id = slot.campaign_id
    JOIN annotation_item item ON item.id = slot.item_id JOIN annotation_clip clip ON clip.id = item.clip_id
    LEFT JOIN annotation_offer shown ON shown.item_id = slot.item_id AND shown.rater_id = slot.rater_id
    WHERE slot.rater_id = %(rater)s AND slot.state = 'leased' AND slot.lease = %(lease)s {lock}
"""
_LAST_WORDS = """
    SELECT answer.axis, answer.reason FROM annotation_axisanswer answer
    JOIN annotation_ratingrevision revision ON revision.id = answer.revision_id AND revision.is_current
    WHERE revision.rating_id = (
        SELECT rating.id FROM annotation_rating rating JOIN annotation_slot slot ON slot.id = rating.slot_id
        WHERE rating.rater_id = %(rater)s AND slot.campaign_id = %(campaign)s AND rating.id < %(before)s
        ORDER BY rating.id DESC LIMIT 1)
"""
# In the assisted arm the newest draft comes with the item. A rater who meets an item again sees the draft that they saw
# before, and none where they have typed without one: such a draft is offered to them late.
_OFFER = """
    INSERT INTO annotation_offer (
        campaign_id, item_id, rater_id, arm, number, offered_at, handed_back_at, draft_id, exposure)
    VALUES (%(campaign)s, %(item)s, %(rater)s, %(arm)s, %(number)s, %(now)s, NULL, {draft},
        CASE WHEN {draft} IS NULL THEN 'none' ELSE 'from_start' END)
    ON CONFLICT (item_id, rater_id) DO UPDATE
    SET number = excluded.number, offered_at = excluded.offered_at, handed_back_at = NULL,
        draft_id = CASE WHEN {has_work} THEN annotation_offer.draft_id
            ELSE COALESCE(annotation_offer.draft_id, excluded.draft_id) END,
        exposure = CASE WHEN {has_work} THEN annotation_offer.exposure
            WHEN annotation_offer.draft_id IS NOT NULL THEN 'from_start' ELSE excluded.exposure END
"""
_NEWEST_DRAFT = "(SELECT id FROM annotation_draft WHERE item_id = %(item)s ORDER BY created_at DESC, id DESC LIMIT 1)"
_HAS_WORK = """
    EXISTS (SELECT 1 FROM annotation_savedwork work
        WHERE work.item_id = annotation_offer.item_id AND work.rater_id = annotation_offer.rater_id)
"""
_RATED = """
    SELECT COUNT(*) FROM annotation_slot WHERE campaign_id = %(campaign)s AND rater_id = %(rater)s AND state = 'done'
"""
_ON_DESK = """
    SELECT clip.id, clip.clip_id, clip.prompt, clip.content_warning, clip.width, clip.height, clip.fps_numerator,
        clip.fps_denominator, clip.duration, clip.has_audio, clip.rendition, clip.shown_times,
        EXISTS (SELECT 1 FROM annotation_savedwork WHERE item_id = item.id AND rater_id = %(rater)s) AS has_work,
        (SELECT draft_id FROM annotation_offer WHERE item_id = item.id AND rater_id = %(rater)s) AS draft_shown,
        ({rated}) AS rated
    FROM annotation_clip clip JOIN annotation_item item ON item.clip_id = clip.id WHERE item.id = %(item)s
"""
_SAVED = "SELECT * FROM annotation_savedwork WHERE item_id = %s AND rater_id = %s"
_RATING = """
    INSERT INTO annotation_rating
        (slot_id, item_id, rater_id, arm, exposure, draft_id, guideline_id, is_simulated, created_at, critic_active)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING *
"""
_REVISION = """
    INSERT INTO annotation_ratingrevision (rating_id, number, is_current, key, viewing, seconds_spent, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_ANSWER = "(%s, %s, %s, %s, %s, %s, %s, %s)"
_ANSWERS = """
    INSERT INTO annotation_axisanswer
        (revision_id, axis, score, evidence, reason, draft_use, draft_edit_distance, confirm_ms)
    VALUES """
_DONE = "UPDATE annotation_slot SET state = 'done', lease = NULL, lease_expires_at = NULL WHERE id = %s"
_NO_SAVED_WORK = "DELETE FROM annotation_savedwork WHERE item_id = %s AND rater_id = %s"
_OPEN = """
    campaign_id = %(campaign)s AND kind = 'seat' AND state IN ('free', 'leased')
    AND (state = 'free' OR lease_expires_at <= %(now)s) AND item_id NOT IN (SELECT item_id FROM passed_by)
"""
_OF_GROUP = """
    SELECT item.id FROM annotation_item item JOIN annotation_clip clip ON clip.id = item.clip_id
    WHERE item.campaign_id = %(campaign)s AND clip.prompt_group_id = %(group)s
"""
_GOLD = """
    AND item_id IN (
        SELECT id FROM annotation_item
        WHERE campaign_id = %(campaign)s AND gold IS NOT NULL AND NOT is_qualification)
"""
# `first` tells the best rank and lowest number that are open: a look-up in the index. Among those seats the rater's
# own place in the seeded order is met first, then the order begins again; the last resort are seats of a later number,
# when others are taking all of the first at this moment.
_TAKE = """
    WITH passed_by AS (
        SELECT item_id FROM annotation_offer WHERE campaign_id = %(campaign)s AND rater_id = %(rater)s
        UNION ALL SELECT id FROM annotation_item
            WHERE campaign_id = %(campaign)s AND availability IN ('reported', 'excluded') {siblings}),
    first AS (SELECT rank, number FROM annotation_slot WHERE {seats} ORDER BY rank DESC, number LIMIT 1)
    UPDATE annotation_slot
    SET state = 'leased', rater_id = %(rater)s, lease = %(lease)s, leased_at = %(now)s, lease_expires_at = %(expires)s
    WHERE id = COALESCE(
        (SELECT id FROM annotation_slot WHERE {seats} AND {best} AND place >= %(start)s ORDER BY place LIMIT 1 {lock}),
        (SELECT id FROM annotation_slot WHERE {seats} AND {best} AND place < %(start)s ORDER BY place LIMIT 1 {lock}),
        (SELECT id FROM annotation_slot WHERE EXISTS (SELECT 1 FROM first) AND {seats}
            ORDER BY rank DESC, number, place LIMIT 1 {lock}))
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


def note_offer(slot: Slot, rater: User, number: int) -> None:
    """Record that a rater is given an item, and with which draft. A known item keeps its arm and gets a new number."""
    values = {
        "campaign": slot.campaign_id,
        "item": slot.item_id,
        "rater": rater.pk,
        "arm": slot.arm,
        "number": number,
        "now": _prepared(Offer, "offered_at", timezone.now()),
    }
    draft = _NEWEST_DRAFT if slot.arm == Arm.ASSISTED else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(_OFFER.format(draft=draft, has_work=_HAS_WORK), values)


@dataclass(frozen=True, slots=True)
class OnDesk:
    """What the desk shows of a place: the clip (its other columns are read when they are asked for), what the rater
    has typed for it and not submitted, the draft that came with it, and how many clips of the campaign they have
    rated."""

    clip: Clip
    saved: SavedWork | None
    draft: Draft | None
    rated: int


def on_desk(rater: User, slot: Slot) -> OnDesk:
    """What the desk shows of a place that the rater holds."""
    values = {"item": slot.item_id, "campaign": slot.campaign_id, "rater": rater.pk}
    clip: Any = Clip.objects.raw(_ON_DESK.format(rated=_RATED), values)[0]
    work = SavedWork.objects.raw(_SAVED, [slot.item_id, rater.pk]) if clip.has_work else ()
    draft = Draft.objects.get(pk=clip.draft_shown) if clip.draft_shown else None
    return OnDesk(clip, next(iter(work), None), draft, clip.rated)


def rated_count(campaign: Campaign, rater: User) -> int:
    """How many clips of the campaign the rater has rated."""
    with connection.cursor() as cursor:
        cursor.execute(_RATED, {"campaign": campaign.pk, "rater": rater.pk})
        return int(cursor.fetchone()[0])


def take_new(
    *,
    rater: User,
    campaign: Campaign,
    start: int,
    now: datetime,
    expires: datetime,
    apart_from: int | None = None,
    within: int | None = None,
    only_golds: bool = False,
) -> Slot | None:
    """Leases the first open seat, from the place `start` on, of an available item that is new to the rater; None if
    none is left.

    `apart_from` is the prompt group that it must not belong to, `within` the one that it must. To be called in a
    transaction.
    """
    seats = _OPEN + (_GOLD if only_golds else "") + (f"AND item_id IN ({_OF_GROUP})" if within is not None else "")
    siblings = f"UNION ALL {_OF_GROUP}" if apart_from is not None else ""
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    values = {
        "campaign": campaign.pk,
        "rater": rater.pk,
        "start": start,
        "group": within if apart_from is None else apart_from,
        "lease": _prepared(Slot, "lease", uuid.uuid4()),
        "now": _prepared(Slot, "leased_at", now),
        "expires": _prepared(Slot, "lease_expires_at", expires),
    }
    taken = list(Slot.objects.raw(_TAKE.format(seats=seats, siblings=siblings, best=_BEST, lock=lock), values))
    return taken[0] if taken else None


@dataclass(frozen=True, slots=True)
class HeldSeat:
    """A place that carries the rater's lease, locked, with what its answers are held against: the clip's prompt and
    duration, the version of the guidelines that stood when the item was put before the rater, whether a critic drafts
    for the campaign, and the key of the draft that the rater was shown, with the exposure to it."""

    slot: Slot
    prompt: str
    duration: float
    guideline: int | None
    critic_active: bool
    draft: int | None
    exposure: str


def held_seat(rater: User, lease: uuid.UUID, campaign: Campaign | None = None) -> HeldSeat | None:
    """The place that carries this lease of the rater's, locked until the transaction ends; None if none does.

    Its campaign is the one given, if it is that, with the state of this moment; else it is read when it is asked for.
    """
    lock = "FOR UPDATE OF slot" if connection.features.has_select_for_update_of else ""
    values = {"rater": rater.pk, "lease": _prepared(Slot, "lease", lease)}
    found = list(Slot.objects.raw(_HELD.format(lock=lock), values))
    if not found:
        return None
    slot: Any = found[0]
    if campaign is not None and campaign.pk == slot.campaign_id:
        campaign.state = slot.campaign_state
        slot.campaign = campaign
    return HeldSeat(
        slot, slot.prompt, slot.duration, slot.guideline_seen, bool(slot.critic_active), slot.draft_shown, slot.exposure
    )


def last_words(rater: User, campaign_id: int, *, before: int = LARGEST_KEY) -> dict[Axis, str]:
    """The reasons of the rater's newest rating in a campaign, or of the newest before the rating with that key."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_WORDS, {"rater": rater.pk, "campaign": campaign_id, "before": before})
        return {Axis(axis): reason for axis, reason in cursor.fetchall()}


def store_rating(seat: HeldSeat, rater: User, *, exposure: str, draft: Draft | None) -> Rating:
    """A rating on a place, which is then done. Its revision is stored by `store_revision`.

    A draft that was shown counts as an active critic, even if the critic was deactivated since.
    """
    slot = seat.slot
    critic_active = seat.critic_active or draft is not None
    who = [slot.pk, slot.item_id, rater.pk, slot.arm, exposure, draft.pk if draft else None, seat.guideline]
    values = [*who, rater.is_simulated, _prepared(Rating, "created_at", timezone.now()), critic_active]
    (rating,) = list(Rating.objects.raw(_RATING, values))
    with connection.cursor() as cursor:
        cursor.execute(_DONE, [slot.pk])
    rating.slot, rating.draft, rating.rater = slot, draft, rater
    return rating


def store_revision(
    rating: Rating,
    number: int,
    answers: Sequence[AxisAnswer],
    *,
    key: uuid.UUID,
    viewing: Mapping[str, Any],
    seconds_spent: float,
) -> None:
    """A revision with the answers of its axes; what the rater had saved for the item goes, having become this."""
    moment = _prepared(RatingRevision, "created_at", timezone.now())
    identity = _prepared(RatingRevision, "key", key)
    with connection.cursor() as cursor:
        cursor.execute(_REVISION, [rating.pk, number, True, identity, json.dumps(viewing), seconds_spent, moment])
        (revision,) = cursor.fetchone()
        rows = [value for answer in answers for value in _answer_row(revision, answer)]
        cursor.execute(_ANSWERS + ", ".join([_ANSWER] * len(answers)), rows)
        cursor.execute(_NO_SAVED_WORK, [rating.item_id, rating.rater_id])


def _answer_row(revision: int, answer: AxisAnswer) -> list[Any]:
    said = [answer.axis, answer.score, json.dumps(answer.evidence), answer.reason]
    return [revision, *said, answer.draft_use, answer.draft_edit_distance, answer.confirm_ms]


def _prepared(model: type[Model], field: str, value: object) -> Any:
    """A value as this database keeps it in a column."""
    column = model._meta.get_field(field)
    assert isinstance(column, Field)
    return column.get_db_prep_value(value, connection)
