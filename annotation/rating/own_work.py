"""Read what a rater's home shows: where they can rate and how much is left, and what they should know.

Counts must not reveal hidden checks. If one clip more is rated and as many are left as before, the last one was a
check. So in a campaign that gives checks, what is left is rounded to tens, and below ten it is 0.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.query_plans import plan_by_values
from annotation.campaigns.needs import GIVEN_OUT
from annotation.campaigns.reports import REPORTS
from annotation.models import (
    LEFT_OUT,
    Campaign,
    CampaignMember,
    Guideline,
    ItemSummary,
    Offer,
    Rating,
    RatingRevision,
    SavedWork,
    Skip,
    Slot,
)
from annotation.raters.admission import list_rateable_campaigns
from annotation.raters.hours import MAX_SECONDS
from annotation.rating.checks import is_check_due
from annotation.rating.qualification import find_failed_qualification, has_to_qualify, list_qualification_left

MAX_CAMPAIGNS = 12
LEAST_TIMES = 5
"""Fewer ratings than this give no median time."""
NEWEST_RATINGS = 200
NEWEST_SLOTS = 100
SETTLED_FOR = timedelta(days=7)
"""How long a rater sees that their report was settled."""
MAX_SETTLED = 5
ROUND_TO = 10


@dataclass(frozen=True, slots=True)
class OwnWork:
    """A rater's work in a campaign.

    `rated` counts their ratings there, `left` what they can still take; it is rounded to tens if `is_rounded`.
    `to_qualify` counts the clips by which they have to qualify first; None if they need not. `minutes` is how long
    `left` takes them; None if nobody knows. `guideline` is the number of the newest guidelines if these are newer than
    the last clip that the rater was given.
    """

    campaign: Campaign
    rated: int
    left: int
    is_rounded: bool
    to_qualify: int | None = None
    is_turned_away: bool = False
    minutes: int | None = None
    guideline: int | None = None


@dataclass(frozen=True, slots=True)
class SettledReport:
    """A rater's report that a lead has settled, and whether the clip is excluded or withdrawn since."""

    clip: str
    campaign: Campaign
    is_excluded: bool


def read_own_work(rater: User) -> list[OwnWork]:
    """Return the campaigns in which the rater can rate something now: first those that they are a member of, then those
    that they have begun, then the newest.

    Two queries, one more on PostgreSQL, and for each campaign one if the rater has few ratings there, one to three if
    it has a qualification, and up to two if only a hidden check can be left.
    """
    seconds = _read_own_seconds(rater)
    with plan_by_values():  # some raters have given a hundred times as many ratings as others
        campaigns = list(_list_campaigns(rater))
    work = (_make_own_work(rater, row, seconds[row.pk]) for row in campaigns)
    return [own for own in work if own is not None]


def read_settled_reports(rater: User, now: datetime) -> list[SettledReport]:
    """Return the rater's reports that were settled in the last SETTLED_FOR, newest first. One query."""
    reports = Skip.objects.filter(rater=rater, kind__in=REPORTS, settled_at__gt=now - SETTLED_FOR)
    rows = reports.select_related("item__clip", "item__campaign").order_by("-settled_at", "-pk")[:MAX_SETTLED]
    return [
        SettledReport(
            clip=skip.item.clip.clip_id,
            campaign=skip.item.campaign,
            is_excluded=skip.item.availability in LEFT_OUT,
        )
        for skip in rows
    ]


def list_excluded_work(rater: User, now: datetime) -> QuerySet[SavedWork]:
    """Return what the rater typed, in the last SETTLED_FOR, on clips that are excluded or withdrawn now.

    The newest comes first. One query.
    """
    work = SavedWork.objects.filter(rater=rater, saved_at__gt=now - SETTLED_FOR)
    work = work.filter(item__availability__in=LEFT_OUT)
    return work.select_related("item__clip", "item__campaign").order_by("-saved_at")[:MAX_SETTLED]


def estimate_minutes(seconds: Sequence[float], clips: int) -> int | None:
    """Return how long this many clips take at the median of these times; None with fewer than LEAST_TIMES of them."""
    if len(seconds) < LEAST_TIMES or not clips:
        return None
    return max(1, round(clips * median(seconds) / 60))


def read_own_minutes(rater: User, campaign: Campaign, clips: int) -> int | None:
    """Return how many minutes this many clips of a campaign take the rater; None if nobody knows.

    Their own times decide, or those of the campaign if they have too few. One query or two.
    """
    return _estimate_own_minutes(campaign, _read_own_seconds(rater)[campaign.pk], clips)


def is_guideline_new(row: Any) -> bool:
    """Return whether the guidelines have a version that is newer than the last clip that the rater was given."""
    return bool(row.guideline_at and row.last_given_at and row.guideline_at > row.last_given_at)


def _make_own_work(rater: User, row: Any, seconds: Sequence[float]) -> OwnWork | None:
    """Return the rater's work in a campaign of `_list_campaigns`; None if nothing is left for them."""
    guideline = row.guideline_number if is_guideline_new(row) else None
    if has_to_qualify(rater, row):
        turned_away = find_failed_qualification(rater, row) is not None
        to_qualify = 0 if turned_away else list_qualification_left(rater, row).count()
        return OwnWork(row, row.rated, 0, False, to_qualify, turned_away, guideline=guideline)
    gives_checks = bool(row.gold_share or row.repeat_share)
    left = max(0, row.open_clips - row.not_mine)
    if not (left or row.holds_slot or is_check_due(rater, row, (row.last_number or 0) + 1)):
        return None
    if gives_checks:
        left = round(left / ROUND_TO) * ROUND_TO if left >= ROUND_TO else 0
    return OwnWork(
        campaign=row,
        rated=row.rated,
        left=left,
        is_rounded=gives_checks,
        minutes=_estimate_own_minutes(row, seconds, left) if left else None,
        guideline=guideline,
    )


def _list_campaigns(rater: User) -> QuerySet[Any]:
    """List the campaigns that the rater may rate in, with what is left there. One query.

    `open_clips` have an open rating slot. `not_mine` counts those of them that the rater was given and cannot take
    again (`annotation.rating.queue`): they rated or skipped it, or its open slots are in the other arm.
    """
    slots_of_rater = Slot.objects.filter(rater=rater)
    slots = slots_of_rater.filter(campaign=OuterRef("pk"))
    offers = Offer.objects.filter(campaign=OuterRef("pk"), rater=rater)
    newest = Guideline.objects.filter(campaign=OuterRef("pk")).order_by("-number")
    rated, skipped = slots_of_rater.filter(state=Slot.State.DONE), Skip.objects.filter(rater=rater)
    unfinished = Slot.objects.exclude(state=Slot.State.DONE).filter(kind=Slot.Kind.SEAT)
    same_arm = unfinished.filter(item=OuterRef("item"), arm=OuterRef("arm"))
    # A database hashes each list of items once. An EXISTS for the open slots could scan all slots to hash them.
    not_mine = (
        offers.annotate(same_arm=Subquery(same_arm.values("pk")[:1]))
        .filter(Q(item__in=rated.values("item")) | Q(item__in=skipped.values("item")) | Q(same_arm=None))
        .filter(
            Exists(
                ItemSummary.objects.filter(item=OuterRef("item"), campaign=OuterRef("campaign"), state__in=GIVEN_OUT)
            )
        )
    )
    open_clips = ItemSummary.objects.filter(campaign=OuterRef("pk"), state__in=GIVEN_OUT)
    campaigns = list_rateable_campaigns(rater).annotate(
        is_member=Exists(CampaignMember.objects.filter(campaign=OuterRef("pk"), user=rater)),
        holds_slot=Exists(slots.filter(state=Slot.State.LEASED)),
        rated=_count(slots.filter(state=Slot.State.DONE)),
        open_clips=_count(open_clips),
        not_mine=_count(not_mine),
        last_number=Subquery(offers.order_by("-number").values("number")[:1]),
        last_given_at=Subquery(offers.order_by("-number").values("offered_at")[:1]),
        guideline_number=Subquery(newest.values("number")[:1]),
        guideline_at=Subquery(newest.values("created_at")[:1]),
    )
    return campaigns.order_by("-is_member", F("last_given_at").desc(nulls_last=True), "-pk")[:MAX_CAMPAIGNS]


def _count(rows: QuerySet[Any]) -> Coalesce:
    """Count rows of the outer campaign."""
    return Coalesce(Subquery(rows.order_by().values("campaign").annotate(n=Count("*")).values("n")), 0)


def _read_own_seconds(rater: User) -> dict[int, list[float]]:
    """Return how long the rater's newest ratings took, by campaign key. One query."""
    newest = Rating.objects.filter(rater=rater).order_by("-created_at").values("pk")[:NEWEST_RATINGS]
    rows = _list_times().filter(rating__in=newest).values_list("rating__slot__campaign", "seconds_spent")
    seconds: dict[int, list[float]] = defaultdict(list)
    for campaign, spent in rows:
        seconds[campaign].append(min(spent, MAX_SECONDS))
    return seconds


def _estimate_own_minutes(campaign: Campaign, own: Sequence[float], clips: int) -> int | None:
    return estimate_minutes(own if len(own) >= LEAST_TIMES else _read_campaign_seconds(campaign), clips)


def _read_campaign_seconds(campaign: Campaign) -> list[float]:
    """Return how long the newest ratings of people took. One query."""
    rated = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, done_at__isnull=False)
    newest = rated.order_by("-done_at").values("pk")[:NEWEST_SLOTS]
    rows = _list_times().filter(rating__slot__in=newest, rating__is_simulated=False)
    return [min(spent, MAX_SECONDS) for spent in rows.values_list("seconds_spent", flat=True)]


def _list_times() -> QuerySet[RatingRevision]:
    """List the first revisions whose time was counted: a page without scripts counts none."""
    return RatingRevision.objects.filter(number=1, seconds_spent__gt=0)
