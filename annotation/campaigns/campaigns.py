"""Create campaigns, change their state, and add clips with their rating slots."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.availability import choose_availability
from annotation.campaigns.creation import campaign_created
from annotation.campaigns.guidelines import set_guidelines
from annotation.campaigns.locks import lock_campaign, lock_clip_rows
from annotation.campaigns.overlap import build_rating_slots
from annotation.campaigns.policy import POLICY_FIELDS, check_policy
from annotation.campaigns.slots import find_unfinished_update
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Clip, Item, Slot
from annotation.shared.permissions import require_role

BATCH_SIZE = 500
NEXT_STATES: dict[str, frozenset[str]] = {
    Campaign.State.DRAFT: frozenset({Campaign.State.OPEN, Campaign.State.ARCHIVED}),
    Campaign.State.OPEN: frozenset({Campaign.State.PAUSED, Campaign.State.CLOSED}),
    Campaign.State.PAUSED: frozenset({Campaign.State.OPEN, Campaign.State.CLOSED}),
    Campaign.State.CLOSED: frozenset({Campaign.State.OPEN, Campaign.State.ARCHIVED}),
    Campaign.State.ARCHIVED: frozenset({Campaign.State.CLOSED}),
}


class StateRefused(ValueError):
    """A campaign cannot go from its state to the requested one; the message says which states it can go to."""


@transaction.atomic
def create_campaign(
    *,
    actor: User,
    name: str,
    title: str,
    guidelines: str = "",
    is_simulated: bool = False,
    **policy: Any,
) -> Campaign:
    """Create a campaign in the state "draft"; raises ValidationError by field."""
    require_role(actor, Role.LEAD)
    unknown = policy.keys() - POLICY_FIELDS - {"taxonomy"}
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, _("A campaign has no such setting.")))
    campaign = Campaign(
        name=name,
        title=title,
        is_simulated=is_simulated,
        created_by=actor,
        **policy,
    )
    check_policy(campaign)
    campaign.save()
    audit.record(actor=actor, action="campaign.created", target=campaign, name=name)
    if guidelines.strip():
        set_guidelines(actor=actor, campaign=campaign, text=guidelines)
    campaign_created.send(Campaign, actor=actor, campaign=campaign)
    return campaign


@transaction.atomic
def set_state(*, actor: User, campaign: Campaign, state: str) -> Campaign:
    """Open, pause, close or archive a campaign; raises StateRefused if the change is not allowed.

    Setting the current state again changes nothing.
    """
    require_role(actor, Role.LEAD)
    current = lock_campaign(campaign.pk)
    if state not in Campaign.State.values:
        raise StateRefused(
            _("There is no state %(state)r. The states are: %(values)s.")
            % {"state": state, "values": ", ".join(Campaign.State.values)}
        )
    if state != current.state:
        if state not in NEXT_STATES[current.state]:
            allowed = ", ".join(sorted(NEXT_STATES[current.state]))
            raise StateRefused(
                _("A campaign that is %(state)s can become %(allowed)s, but not %(requested)s.")
                % {"state": current.state, "allowed": allowed, "requested": state}
            )
        if current.state == Campaign.State.DRAFT and state == Campaign.State.OPEN and find_unfinished_update(current):
            raise StateRefused(_("The arms of this campaign are still being drawn. Open it when that is done."))
        audit.record(actor=actor, action="campaign.state", target=current, before=current.state, after=state)
        current.state = state
        current.save(update_fields=["state"])
    campaign.state = state
    return campaign


def add_clips(*, actor: User, campaign: Campaign, clips: Iterable[Clip]) -> int:
    """Create an item with its k slots for every clip that is not yet in the campaign; return how many were new.

    A slot's arm is drawn from the campaign's seed, the clip and the slot's number, so it depends neither on the order
    of arrival nor on other clips. Val and test items are always blind.
    """
    require_role(actor, Role.LEAD)
    added = sum(create_items(campaign=campaign, clips=batch) for batch in _split_into_batches(clips))
    if added:
        audit.record(actor=actor, action="campaign.clips_added", target=campaign, count=added)
    return added


@transaction.atomic
def create_items(*, campaign: Campaign, clips: list[Clip]) -> int:
    """Create the items of clips that are not yet in the campaign, as `add_clips` does, without an audit entry.

    The items of a clip whose files are being made are not given out yet, those of a withdrawn clip are withdrawn.
    """
    # Others who add clips wait for this lock, so a clip is counted once and no item is seen without its slots.
    # The query also reads the settings again: they may have changed.
    campaign = lock_campaign(campaign.pk)
    present = set(Item.objects.filter(campaign=campaign, clip__in=clips).values_list("clip_id", flat=True))
    new_clips = lock_clip_rows({clip.pk for clip in clips} - present)
    store_items(campaign, [Item(campaign=campaign, clip=clip) for clip in new_clips])
    return len(new_clips)


def store_items(campaign: Campaign, items: list[Item]) -> None:
    """Store new items of a locked campaign with their slots and summaries; their clips are locked too."""
    for item in items:
        item.availability = choose_availability(item.clip)
    items = Item.objects.bulk_create(items)
    Slot.objects.bulk_create(
        slot
        for item in items
        if not item.is_qualification
        for slot in build_rating_slots(campaign, item, clip_id=item.clip.clip_id, split=item.clip.prompt_group.split)
    )
    refresh_summaries(item.pk for item in items)


def _split_into_batches(clips: Iterable[Clip]) -> Iterator[list[Clip]]:
    source = iter(clips)
    while batch := list(islice(source, BATCH_SIZE)):
        yield batch
