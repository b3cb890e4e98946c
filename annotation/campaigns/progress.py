"""Count how much of a campaign is rated."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from accounts.models import User
from annotation.models import Campaign, Item, Slot


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


def read_progress_by_campaign(campaigns: Iterable[Campaign]) -> dict[int, Progress]:
    """Return progress by campaign key, in one query."""
    keys = [campaign.pk for campaign in campaigns]
    counts: dict[int, dict[str, int]] = {key: {} for key in keys}
    slots = Slot.objects.filter(campaign__in=keys, kind=Slot.Kind.SEAT)
    slots = slots.exclude(item__availability=Item.Availability.EXCLUDED)
    rows = slots.values_list("campaign_id", "state").annotate(n=Count("pk")).order_by()
    for key, state, n in rows:
        counts[key][state] = n
    return {
        key: Progress(sum(states.values()), states.get(Slot.State.DONE, 0), states.get(Slot.State.LEASED, 0))
        for key, states in counts.items()
    }


def read_progress(campaign: Campaign) -> Progress:
    return read_progress_by_campaign([campaign])[campaign.pk]


def count_rated_by_campaign(rater: User, campaigns: Iterable[Campaign]) -> dict[int, int]:
    """Return how many clips a rater has rated, by campaign key; campaigns without any are left out. One query."""
    done = Slot.objects.filter(rater=rater, state=Slot.State.DONE, campaign__in=list(campaigns))
    return dict(done.values_list("campaign").annotate(n=Count("pk")).order_by())
