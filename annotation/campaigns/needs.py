"""Read what campaigns wait for: reports to settle, disputed clips, raters who went quiet, or any rater at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from annotation.campaigns.progress import Progress
from annotation.models import Campaign, ItemSummary, Review, Slot

QUIET_AFTER = timedelta(days=2)
"""A rater is quiet, and a campaign stands still, after this long without a rating."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Clips that are held back, fully rated clips whose raters disagree and that nobody has reviewed, raters who left a
    clip on their desk, and whether an open campaign has got no rating for a while."""

    reported: int = 0
    disputed: int = 0
    quiet: int = 0
    is_stalled: bool = False


def read_needs(progress: Sequence[tuple[Campaign, Progress]]) -> dict[int, Needs]:
    """Return what each campaign waits for, by its key. Four queries, whatever their size."""
    campaigns = [campaign for campaign, _progress in progress]
    if not campaigns:
        return {}
    summaries = ItemSummary.objects.filter(campaign__in=campaigns)
    reported = _count(summaries.filter(state=ItemSummary.State.REPORTED))
    beyond = reduce(or_, (Q(campaign=one, spread__gt=one.disagreement_bound) for one in campaigns))
    undecided = summaries.filter(beyond, ~Exists(Review.objects.filter(item=OuterRef("pk"))))
    disputed = _count(undecided.filter(state=ItemSummary.State.RATED))
    since = timezone.now() - QUIET_AFTER
    left = Slot.objects.filter(state=Slot.State.LEASED, lease_expires_at__lt=since, campaign__in=campaigns)
    quiet = _count(left)
    active = _list_active(campaigns, since)
    return {
        one.pk: Needs(
            reported.get(one.pk, 0),
            disputed.get(one.pk, 0),
            quiet.get(one.pk, 0),
            _should_have_ratings(one, its_progress, since) and one.pk not in active,
        )
        for one, its_progress in progress
    }


def _count(rows: QuerySet[Any]) -> dict[int, int]:
    """Count rows by campaign. A rater holds at most one slot of a campaign, so slots are raters here."""
    return dict(rows.order_by().values_list("campaign").annotate(n=Count("pk")))


def _should_have_ratings(campaign: Campaign, progress: Progress, since: datetime) -> bool:
    """Return whether the campaign is open, was created before `since`, and has slots that are not done."""
    is_open = campaign.state == Campaign.State.OPEN and progress.done < progress.slots
    return is_open and campaign.created_at < since


def _list_active(campaigns: Sequence[Campaign], since: datetime) -> set[int]:
    """Return the campaigns that got a rating since then."""
    done = Slot.objects.filter(campaign__in=campaigns, kind=Slot.Kind.SEAT, done_at__gte=since)
    return set(done.order_by().values_list("campaign", flat=True).distinct())
