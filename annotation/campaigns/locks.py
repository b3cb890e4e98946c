"""Lock the rows of a campaign, always in one order: two writes at once then never wait for each other (a deadlock).

The order of locks in a transaction:

1. campaigns, by key,
2. clips, by key,
3. slots, by key,
4. the rating that is edited, and saved work,
5. items, by key,
6. skips,
7. offers,
8. summaries, by key (`annotation.campaigns.summaries.refresh_summaries`).

A write locks only what it needs, and never a row of an earlier step after one of a later step. An UPDATE and a DELETE
lock their rows too. New rows are free to come at any step, and so is a lock with SKIP LOCKED, which waits for nobody.

`annotation.intake.prompt_groups.lock_clips`, which keeps others from storing clips, comes before all of them.

`no_key` lets others refer to the row meanwhile: a claim locks a slot and then refers to its campaign and item.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from annotation.models import Campaign, Clip, Item, Slot


def lock_campaign(key: int) -> Campaign:
    """Return a campaign with its current settings, which nobody changes until the transaction ends."""
    return Campaign.objects.select_for_update(no_key=True).get(pk=key)


def lock_campaigns(keys: Iterable[int] | QuerySet[Any, Any]) -> list[Campaign]:
    """Lock several campaigns, by key, until the transaction ends."""
    return list(Campaign.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True))


def lock_clip_rows(keys: Iterable[int]) -> list[Clip]:
    """Lock the clips until the transaction ends and return them as they are now, with their prompt groups."""
    clips = Clip.objects.filter(pk__in=list(keys)).select_related("prompt_group").order_by("pk")
    clips = clips.defer("frame_times", "shown_times")
    return list(clips.select_for_update(of=("self",), no_key=True))


def lock_slots(items: Iterable[Item]) -> list[Slot]:
    """Lock all slots of the items until the transaction ends."""
    slots = Slot.objects.filter(item__in=[item.pk for item in items])
    return list(slots.select_for_update().order_by("pk"))


def lock_items(items: Iterable[Item], *, no_key: bool = True) -> list[Item]:
    """Lock the items until the transaction ends and return them as they are now, with campaign and prompt group.

    With `no_key=False`, nobody can create a slot or an offer of them meanwhile.
    """
    current = Item.objects.filter(pk__in=[item.pk for item in items]).order_by("pk")
    current = current.select_related("campaign", "clip__prompt_group")
    return list(current.select_for_update(of=("self",), no_key=no_key))
