"""How far campaigns are."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from accounts.models import User
from annotation.models import Campaign, Item, Slot


@dataclass(frozen=True, slots=True)
class Progress:
    """Seats of a campaign by what has become of them, without those of excluded clips.

    `share` is None where there are no seats.
    """

    seats: int
    done: int
    leased: int

    @property
    def share(self) -> float | None:
        return self.done / self.seats if self.seats else None


def progress_of_many(campaigns: Iterable[Campaign]) -> dict[int, Progress]:
    """Progress by campaign key, in one query."""
    keys = [campaign.pk for campaign in campaigns]
    counts: dict[int, dict[str, int]] = {key: {} for key in keys}
    seats = Slot.objects.filter(campaign__in=keys, kind=Slot.Kind.SEAT)
    seats = seats.exclude(item__availability=Item.Availability.EXCLUDED)
    rows = seats.values_list("campaign_id", "state").annotate(n=Count("pk")).order_by()
    for key, state, n in rows:
        counts[key][state] = n
    return {
        key: Progress(sum(by.values()), by.get(Slot.State.DONE, 0), by.get(Slot.State.LEASED, 0))
        for key, by in counts.items()
    }


def progress_of(campaign: Campaign) -> Progress:
    """Progress of one campaign."""
    return progress_of_many([campaign])[campaign.pk]


def rated_by_campaign(rater: User, campaigns: Iterable[Campaign]) -> dict[int, int]:
    """How many clips a rater has rated, by campaign key; campaigns without any are left out. One query."""
    done = Slot.objects.filter(rater=rater, state=Slot.State.DONE, campaign__in=list(campaigns))
    return dict(done.values_list("campaign").annotate(n=Count("pk")).order_by())
