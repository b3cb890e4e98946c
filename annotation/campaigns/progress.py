"""Count how much of a campaign is rated, from the summaries of its clips."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Sum

from annotation.campaigns.disputes import select_waiting
from annotation.models import LEFT_OUT, Campaign, ItemSummary, Slot

State = ItemSummary.State


@dataclass(frozen=True, slots=True)
class Progress:
    """Rating slots of a campaign by state, without those of excluded and withdrawn clips.

    `share` is None if there are no slots.
    """

    slots: int
    done: int
    leased: int

    @property
    def share(self) -> float | None:
        return self.done / self.slots if self.slots else None


@dataclass(frozen=True, slots=True)
class StateSums:
    """Number of clips of a campaign in one state, of their rating slots, and of the slots that are done."""

    clips: int = 0
    slots: int = 0
    done: int = 0


SumsByState = Mapping[str, StateSums]


@dataclass(frozen=True, slots=True)
class ClipCounts:
    """Numbers of clips of a campaign: all that are not withdrawn, by state, golds, and those that wait for a review."""

    every: int
    by_state: Mapping[str, int]
    gold: int
    disputed: int


def read_sums_by_campaign(campaigns: Iterable[Campaign]) -> Mapping[int, SumsByState]:
    """Return the sums of every state by campaign key. One query, answered by an index."""
    sums = {campaign.pk: dict.fromkeys(State.values, StateSums()) for campaign in campaigns}
    summaries = ItemSummary.objects.filter(campaign__in=list(sums)).order_by()
    rows = summaries.values_list("campaign", "state").annotate(
        clips=Count("*"), slots=Sum("slot_count"), done=Sum("rating_count")
    )
    for campaign, state, clips, slots, done in rows:
        sums[campaign][state] = StateSums(clips, slots, done)
    return sums


def read_progress_by_campaign(campaigns: Iterable[Campaign]) -> dict[int, Progress]:
    """Return progress by campaign key, in two queries."""
    sums = read_sums_by_campaign(campaigns)
    leased = _count_leased(sums)
    return {key: _make_progress(by_state, leased.get(key, 0)) for key, by_state in sums.items()}


def read_progress(campaign: Campaign) -> Progress:
    return read_progress_by_campaign([campaign])[campaign.pk]


def read_progress_and_counts(campaign: Campaign) -> tuple[Progress, ClipCounts]:
    """Return the progress of a campaign and the numbers of its clips. Four queries, each answered by an index."""
    sums = read_sums_by_campaign([campaign])[campaign.pk]
    progress = _make_progress(sums, _count_leased([campaign.pk]).get(campaign.pk, 0))
    items = ItemSummary.objects.filter(campaign=campaign)
    counts = ClipCounts(
        every=sum(one.clips for state, one in sums.items() if state != State.WITHDRAWN),
        by_state={state: one.clips for state, one in sums.items()},
        gold=items.filter(is_gold=True).count(),
        disputed=items.filter(select_waiting(campaign.disagreement_bound)).count(),
    )
    return progress, counts


def list_counted(sums: SumsByState) -> list[StateSums]:
    """Return the sums of the states whose rating slots count: those of clips that are not left out of the campaign."""
    return [one for state, one in sums.items() if state not in LEFT_OUT]


def _make_progress(sums: SumsByState, leased: int) -> Progress:
    counted = list_counted(sums)
    return Progress(sum(one.slots for one in counted), sum(one.done for one in counted), leased)


def _count_leased(campaigns: Iterable[int]) -> dict[int, int]:
    """Return the number of leased rating slots by campaign key. One query."""
    held = Slot.objects.filter(state=Slot.State.LEASED, campaign__in=list(campaigns), kind=Slot.Kind.SEAT).order_by()
    return dict(held.values_list("campaign").annotate(n=Count("*")))
