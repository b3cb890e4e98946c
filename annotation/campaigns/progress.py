"""Count how much of a campaign is rated."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Sum

from annotation.models import Campaign, ItemSummary, Slot

State = ItemSummary.State


@dataclass(frozen=True, slots=True)
class Progress:
    """Rating slots of a campaign by state, without those of excluded clips.

    `share` is None if there are no slots.
    """

    slots: int
    done: int
    leased: int

    @property
    def share(self) -> float | None:
        return self.done / self.slots if self.slots else None


@dataclass(frozen=True, slots=True)
class ClipCounts:
    """Numbers of clips of a campaign: all, by state, golds, and those whose raters disagree."""

    every: int
    by_state: Mapping[str, int]
    gold: int
    disagreed: int


def read_progress_by_campaign(campaigns: Iterable[Campaign]) -> dict[int, Progress]:
    """Return progress by campaign key, in two queries."""
    keys = [campaign.pk for campaign in campaigns]
    sums = dict.fromkeys(keys, (0, 0))
    items = ItemSummary.objects.filter(campaign__in=keys).exclude(state=State.EXCLUDED).order_by()
    for key, slots, done in items.values_list("campaign").annotate(Sum("slot_count"), Sum("rating_count")):
        sums[key] = (slots, done)
    held = Slot.objects.filter(state=Slot.State.LEASED, campaign__in=keys, kind=Slot.Kind.SEAT).order_by()
    leased = dict(held.values_list("campaign").annotate(n=Count("pk")))
    return {key: Progress(slots, done, leased.get(key, 0)) for key, (slots, done) in sums.items()}


def read_progress(campaign: Campaign) -> Progress:
    return read_progress_by_campaign([campaign])[campaign.pk]


def count_clips(campaign: Campaign) -> ClipCounts:
    """Count the clips of a campaign. Three queries, each answered by an index."""
    items = ItemSummary.objects.filter(campaign=campaign).order_by()
    by_state = dict.fromkeys(State.values, 0) | dict(items.values_list("state").annotate(n=Count("*")))
    disagreed = items.filter(spread__gt=campaign.disagreement_bound).count()
    return ClipCounts(sum(by_state.values()), by_state, items.filter(is_gold=True).count(), disagreed)
