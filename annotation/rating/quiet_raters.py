"""Find the raters of a campaign who have stopped, while clips wait for them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import User
from annotation.models import Campaign, Offer
from annotation.raters.screening import read_screened_raters
from annotation.rating.outlook import list_remaining_raters

QUIET_AFTER = timedelta(days=3)
FORGOTTEN_AFTER = timedelta(days=30)
"""Somebody who has been away for longer is not expected back."""

# A rater gets a clip again that they neither rated nor skipped, but only in the arm in which they saw it.
_WITH_CLIPS = """
    SELECT rater.id FROM accounts_user rater
    WHERE rater.id IN ({raters}) AND EXISTS (
        SELECT 1 FROM annotation_slot slot JOIN annotation_item item ON item.id = slot.item_id
        WHERE slot.campaign_id = %s AND slot.kind = 'seat' AND slot.state IN ('free', 'leased')
            AND item.availability = 'available'
            AND NOT EXISTS (SELECT 1 FROM annotation_offer offer
                WHERE offer.item_id = slot.item_id AND offer.rater_id = rater.id AND (
                    offer.arm <> slot.arm
                    OR EXISTS (SELECT 1 FROM annotation_slot own WHERE own.item_id = offer.item_id
                        AND own.rater_id = offer.rater_id AND own.state = 'done')
                    OR EXISTS (SELECT 1 FROM annotation_skip skip
                        WHERE skip.item_id = offer.item_id AND skip.rater_id = offer.rater_id))))
"""


def find_quiet_raters(campaign: Campaign, open_clips: int, now: datetime) -> list[User]:
    """Return the raters who have stopped, by name: their last clip of the campaign is between QUIET_AFTER and
    FORGOTTEN_AFTER ago, they may still rate, are not screened out, and can take one of its `open_clips` clips with an
    open rating slot.

    Simulated raters do not go quiet. One query; one more if somebody is quiet, and one if they have been given as many
    clips as are open.
    """
    away = list(_list_away(campaign, now))
    if not away:
        return []
    screened = read_screened_raters(campaign)
    away = [person for person in away if person.pk not in screened]
    # Whoever was offered fewer clips than are open has one left.
    unsure = [person.pk for person in away if person.last_number >= open_clips]
    without = set(unsure) - _find_with_clips(campaign, unsure)
    return [person for person in away if person.pk not in without]


def _list_away(campaign: Campaign, now: datetime) -> QuerySet[Any]:
    offers = Offer.objects.filter(campaign=campaign, rater=OuterRef("pk")).order_by("-number")
    people = (
        list_remaining_raters(campaign)
        .filter(is_simulated=False)
        .annotate(
            last_number=Subquery(offers.values("number")[:1]), last_given_at=Subquery(offers.values("offered_at")[:1])
        )
    )
    times = {"last_given_at__lt": now - QUIET_AFTER, "last_given_at__gt": now - FORGOTTEN_AFTER}
    return people.filter(**times).order_by("username")


def _find_with_clips(campaign: Campaign, raters: list[int]) -> set[int]:
    """Return which of these raters can still take an open rating slot. One query, or none without raters."""
    if not raters:
        return set()
    marks = ", ".join(["%s"] * len(raters))
    with connection.cursor() as cursor:
        cursor.execute(_WITH_CLIPS.format(raters=marks), [*raters, campaign.pk])
        return {rater for (rater,) in cursor.fetchall()}
