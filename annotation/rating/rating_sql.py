"""The SQL of rating a clip: read what the desk shows, read the rater's last reasons, store a rating.

It holds no rule: `ratings` says what is stored, `validation` what an answer must be. It runs on PostgreSQL and SQLite;
docs/adr/0007 says why it is not written through the ORM.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import User
from annotation.models import AxisAnswer, Campaign, Clip, Draft, Rating, RatingRevision, SavedWork, Slot
from annotation.rating.answers import Submission
from annotation.rating.queue_sql import HeldSlot, prepare_value
from qsave.axes import Axis

LARGEST_KEY = 2**63 - 1

_RATED_COUNT = """
    SELECT COUNT(*) FROM annotation_slot WHERE campaign_id = %(campaign)s AND rater_id = %(rater)s AND state = 'done'
"""
_DESK_CLIP = """
    SELECT clip.id, clip.clip_id, clip.prompt, clip.content_warning, clip.width, clip.height, clip.fps_numerator,
        clip.fps_denominator, clip.duration, clip.has_audio, clip.rendition, clip.shown_times, clip.version,
        EXISTS (SELECT 1 FROM annotation_savedwork WHERE item_id = item.id AND rater_id = %(rater)s) AS has_work,
        (SELECT draft_id FROM annotation_offer WHERE item_id = item.id AND rater_id = %(rater)s) AS draft_shown,
        ({rated}) AS rated
    FROM annotation_clip clip JOIN annotation_item item ON item.clip_id = clip.id WHERE item.id = %(item)s
"""
_SAVED_WORK = "SELECT * FROM annotation_savedwork WHERE item_id = %s AND rater_id = %s"
_LAST_REASONS = """
    SELECT answer.axis, answer.reason FROM annotation_axisanswer answer
    JOIN annotation_ratingrevision revision ON revision.id = answer.revision_id AND revision.is_current
    WHERE revision.rating_id = (
        SELECT rating.id FROM annotation_rating rating JOIN annotation_slot slot ON slot.id = rating.slot_id
        WHERE rating.rater_id = %(rater)s AND slot.campaign_id = %(campaign)s AND rating.id < %(before)s
        ORDER BY rating.id DESC LIMIT 1)
"""
_INSERT_RATING = """
    INSERT INTO annotation_rating
        (slot_id, item_id, rater_id, arm, exposure, draft_id, guideline_id, is_simulated, created_at, critic_active,
        clip_version)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING *
"""
_INSERT_REVISION = """
    INSERT INTO annotation_ratingrevision (rating_id, number, is_current, key, viewing, seconds_spent, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_ANSWER_VALUES = "(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
_INSERT_ANSWERS = """
    INSERT INTO annotation_axisanswer
        (revision_id, axis, score, evidence, reason, exposure, draft_use, draft_edit_distance, confirm_ms)
    VALUES """
_MARK_SLOT_DONE = """
    UPDATE annotation_slot SET state = 'done', lease = NULL, lease_expires_at = NULL, done_at = %s WHERE id = %s
"""
_DELETE_SAVED_WORK = "DELETE FROM annotation_savedwork WHERE item_id = %s AND rater_id = %s"


@dataclass(frozen=True, slots=True)
class DeskRecord:
    """What the desk shows of a slot.

    Columns of `clip` that the desk does not need are read when they are used. `saved` is what the rater has typed and
    not submitted, `draft` the draft that they were shown, and `rated_count` how many clips of the campaign they have
    rated.
    """

    clip: Clip
    saved: SavedWork | None
    draft: Draft | None
    rated_count: int


def read_desk_record(rater: User, slot: Slot) -> DeskRecord:
    """Read what the desk shows of a slot that the rater holds."""
    values = {"item": slot.item_id, "campaign": slot.campaign_id, "rater": rater.pk}
    clip: Any = Clip.objects.raw(_DESK_CLIP.format(rated=_RATED_COUNT), values)[0]
    work = SavedWork.objects.raw(_SAVED_WORK, [slot.item_id, rater.pk]) if clip.has_work else ()
    draft = Draft.objects.get(pk=clip.draft_shown) if clip.draft_shown else None
    return DeskRecord(clip, next(iter(work), None), draft, clip.rated)


def count_rated(campaign: Campaign, rater: User) -> int:
    """Count the clips of the campaign that the rater has rated."""
    with connection.cursor() as cursor:
        cursor.execute(_RATED_COUNT, {"campaign": campaign.pk, "rater": rater.pk})
        return int(cursor.fetchone()[0])


def read_last_reasons(rater: User, campaign_id: int, *, before: int = LARGEST_KEY) -> dict[Axis, str]:
    """Read the reasons of the rater's newest rating in a campaign, or of the newest before the rating with that key."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_REASONS, {"rater": rater.pk, "campaign": campaign_id, "before": before})
        return {Axis(axis): reason for axis, reason in cursor.fetchall()}


def store_rating(held: HeldSlot, rater: User, draft: Draft | None) -> Rating:
    """Store a rating on a slot, which is then done; `store_revision` stores its answers.

    A draft that was shown counts as an active critic, even if the critic was deactivated since.
    """
    slot = held.slot
    critic_active = held.critic_active or draft is not None
    origin = [slot.pk, slot.item_id, rater.pk, slot.arm, held.exposure, draft.pk if draft else None, held.guideline]
    moment = prepare_value(Rating, "created_at", timezone.now())
    values = [*origin, rater.is_simulated, moment, critic_active, held.clip_version]
    (rating,) = list(Rating.objects.raw(_INSERT_RATING, values))
    with connection.cursor() as cursor:
        cursor.execute(_MARK_SLOT_DONE, [moment, slot.pk])
    rating.slot, rating.draft, rating.rater = slot, draft, rater
    return rating


def store_revision(rating: Rating, number: int, answers: Sequence[AxisAnswer], submission: Submission) -> None:
    """Store a revision with the answers of its axes, and delete what the rater had saved for the item."""
    moment = prepare_value(RatingRevision, "created_at", timezone.now())
    key = prepare_value(RatingRevision, "key", submission.key)
    viewing = json.dumps(submission.viewing)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_REVISION, [rating.pk, number, True, key, viewing, submission.seconds_spent, moment])
        (revision,) = cursor.fetchone()
        rows = [value for answer in answers for value in _list_answer_values(revision, answer)]
        cursor.execute(_INSERT_ANSWERS + ", ".join([_ANSWER_VALUES] * len(answers)), rows)
        cursor.execute(_DELETE_SAVED_WORK, [rating.item_id, rating.rater_id])


def _list_answer_values(revision: int, answer: AxisAnswer) -> list[Any]:
    content = [answer.axis, answer.score, json.dumps(answer.evidence), answer.reason]
    use = [answer.exposure, answer.draft_use, answer.draft_edit_distance, answer.confirm_ms]
    return [revision, *content, *use]
