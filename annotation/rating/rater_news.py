"""Read what a rater still has before them in a campaign, and what has happened there since they last rated.

A count that stands still at a repeat, or that grows at a gold, would reveal the check. With hidden checks, only the
minutes are told, as they are rounded.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Avg, Max, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from annotation.campaigns.reports import REPORTS
from annotation.models import Campaign, CampaignInvitation, Guideline, Item, ItemSummary, Offer, Rating, SavedWork, Skip

MOST_COUNTED = 200
"""More clips than this are told as "more than"."""
LAST_RATINGS = 20
USUAL_SECONDS = 60.0
"""The time for a clip of a rater who has rated none."""
TOLD_FOR = timedelta(days=7)
OPEN_STATES = (ItemSummary.State.UNRATED, ItemSummary.State.STARTED)


@dataclass(frozen=True, slots=True)
class Remainder:
    """Clips that are left for a rater (at most MOST_COUNTED + 1), and the minutes that these take."""

    left: int
    minutes: int
    has_checks: bool


def read_remainder(rater: User, campaign: Campaign, seconds: float) -> Remainder:
    """Return what is left for the rater in a campaign; `seconds` is their time for a clip. One query."""
    offered = Offer.objects.filter(rater=rater, campaign=campaign).values("item")
    items = ItemSummary.objects.filter(campaign=campaign, state__in=OPEN_STATES).exclude(item__in=offered)
    left = items[: MOST_COUNTED + 1].count()
    checks = campaign.gold_share + campaign.repeat_share
    return Remainder(left, math.ceil(left * (1 + checks) * seconds / 60), checks > 0)


def read_usual_seconds(rater: User) -> float:
    """Return the mean seconds of the rater's last ratings. One query."""
    last = Rating.objects.filter(rater=rater).order_by("-pk").annotate(seconds=Sum("revisions__seconds_spent"))
    mean = last[:LAST_RATINGS].aggregate(mean=Avg("seconds"))["mean"]
    return float(mean) if mean else USUAL_SECONDS


def list_invited(rater: User) -> set[int]:
    """Return the campaigns whose member the rater became by their invitation."""
    return set(CampaignInvitation.objects.filter(invitation__accepted_by=rater).values_list("campaign", flat=True))


def list_new_guidelines(rater: User, campaigns: Iterable[Campaign]) -> set[int]:
    """Return the campaigns whose guidelines have changed since the rater last got a clip there. Two queries."""
    keys = [campaign.pk for campaign in campaigns]
    offers = Offer.objects.filter(rater=rater, campaign__in=keys).order_by()
    last = dict(offers.values_list("campaign").annotate(last=Max("offered_at")))
    guidelines = Guideline.objects.filter(campaign__in=last).order_by()
    newest = dict(guidelines.values_list("campaign").annotate(newest=Max("created_at")))
    return {key for key, moment in newest.items() if moment > last[key]}


def list_settled_reports(rater: User) -> QuerySet[Skip]:
    """Return the reports of the rater that a lead has settled lately, the newest first. One query."""
    since = timezone.now() - TOLD_FOR
    settled = Skip.objects.filter(rater=rater, kind__in=REPORTS, settled_at__gte=since)
    return settled.select_related("item__clip", "item__campaign").order_by("-settled_at")[:3]


def list_excluded_work(rater: User) -> QuerySet[SavedWork]:
    """Return what the rater had typed lately about clips that were then excluded. One query."""
    work = SavedWork.objects.filter(rater=rater, saved_at__gte=timezone.now() - TOLD_FOR)
    work = work.filter(item__availability=Item.Availability.EXCLUDED)
    return work.select_related("item__clip", "item__campaign").order_by("-saved_at")[:3]
