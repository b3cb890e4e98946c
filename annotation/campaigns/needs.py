"""Say how the work in each campaign goes, and what in it needs a lead.

Each rule is one function. The counts come from the summaries of clips, and the times from the rating slots.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotation.campaigns.disputes import select_waiting
from annotation.campaigns.progress import SumsByState, list_counted, read_sums_by_campaign
from annotation.models import Campaign, ItemSummary, Slot

State = ItemSummary.State
GIVEN_OUT = (State.UNRATED, State.STARTED)
"""States of clips that the queue can give out: they have an open rating slot, and are not held back."""
MAX_CAMPAIGNS = 200
"""The home page looks at no more campaigns than this, the newest first."""
STALLED_AFTER = timedelta(days=3)
"""A weekend is shorter."""
WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CampaignWork:
    """How the work in a campaign goes.

    `slots` and `done` count rating slots, without those of clips that are left out. `open_slots` and `open_clips` are
    what the queue can still give out: no clip in them is held back. `pace` is ratings a day over the last WINDOW, None
    without any.
    """

    campaign: Campaign
    slots: int
    done: int
    open_slots: int
    open_clips: int
    reported: int
    disputed: int
    pace: float | None
    last_rated_at: datetime | None

    @property
    def share(self) -> float | None:
        return self.done / self.slots if self.slots else None


def read_work(now: datetime) -> list[CampaignWork]:
    """Return the work in the campaigns that are not archived, newest campaign first. Two queries."""
    campaigns = Campaign.objects.exclude(state=Campaign.State.ARCHIVED).order_by("-pk")
    rows = list(_annotate_campaigns(campaigns, now)[:MAX_CAMPAIGNS])
    sums = read_sums_by_campaign(rows)
    return [_make_work(campaign, now, sums[campaign.pk]) for campaign in rows]


def select_reported() -> Q:
    """Select the clips with a report that no lead has settled."""
    return Q(report_count__gt=0)


def is_finished(work: CampaignWork) -> bool:
    """Return whether an open campaign has clips and every rating slot of them is done."""
    return work.campaign.state == Campaign.State.OPEN and 0 < work.slots == work.done


def is_running(work: CampaignWork) -> bool:
    """Return whether the campaign is open and the queue has rating slots to give out."""
    return work.campaign.state == Campaign.State.OPEN and work.open_slots > 0


def is_stalled(work: CampaignWork, now: datetime) -> bool:
    """Return whether the campaign is running, but its newest rating is older than STALLED_AFTER.

    A campaign without ratings counts from its creation.
    """
    return is_running(work) and now - (work.last_rated_at or work.campaign.created_at) > STALLED_AFTER


def compute_pace(ratings: int, first: datetime | None, now: datetime) -> float | None:
    """Return ratings a day; the pace of the first day is its number of ratings."""
    if first is None:
        return None
    return ratings / max(1.0, (now - first) / timedelta(days=1))


def _annotate_campaigns(campaigns: QuerySet[Campaign], now: datetime) -> QuerySet[Any]:
    """Add the counts and times that look-ups in an index answer for each campaign."""
    rated = Slot.objects.filter(campaign=OuterRef("pk"), kind=Slot.Kind.SEAT, done_at__isnull=False)
    lately = rated.filter(done_at__gte=now - WINDOW)
    return campaigns.annotate(
        reported=_count_clips(select_reported()),
        disputed=_count_clips(select_waiting(OuterRef("disagreement_bound"))),
        rated_lately=_count(lately),
        first_lately=Subquery(lately.order_by("done_at").values("done_at")[:1]),
        last_rated_at=Subquery(rated.order_by("-done_at").values("done_at")[:1]),
    )


def _count_clips(condition: Q) -> Coalesce:
    return _count(ItemSummary.objects.filter(condition, campaign=OuterRef("pk")))


def _count(rows: QuerySet[Any]) -> Coalesce:
    """Count rows of the outer campaign."""
    return Coalesce(Subquery(rows.order_by().values("campaign").annotate(n=Count("*")).values("n")), 0)


def _make_work(campaign: Any, now: datetime, sums: SumsByState) -> CampaignWork:
    counted, open_states = list_counted(sums), [sums[state] for state in GIVEN_OUT]
    return CampaignWork(
        campaign=campaign,
        slots=sum(one.slots for one in counted),
        done=sum(one.done for one in counted),
        open_slots=sum(one.slots - one.done for one in open_states),
        open_clips=sum(one.clips for one in open_states),
        reported=campaign.reported,
        disputed=campaign.disputed,
        pace=compute_pace(campaign.rated_lately, campaign.first_lately, now),
        last_rated_at=campaign.last_rated_at,
    )
