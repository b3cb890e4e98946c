"""Drafts of critics: store them, find the one for a slot, and record that a rater was shown one.

A draft is a proposal of any subset of the axes. One without any axis records that the critic saw the clip and has
nothing to say of it: the critic is not asked again, and nobody is shown it.

They are stored here so that the rating page needs no model. Clips of val and test are never drafted, so that no critic
is evaluated on ratings that it influenced.
"""

import uuid

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.models import Arm, Campaign, Draft, Exposure, Item, Offer, Slot, Split
from annotation.rating.queue_sql import lock_held_slot
from annotation.shared.text import clean_text
from qsave.axes import Axis
from qsave.proposal import AxisProposal, Proposal, proposal_from_json, proposal_to_json
from qsave.scratch import strip_proposal

TEXT_LIMIT = 20_000


class DraftRefused(ValueError):
    """A draft that must not be stored: of a val or test item, or without a reason for people."""


def record_draft(
    *, item_id: int, critic: str, proposal: Proposal, text: str, latency_ms: int, clip_version: int | None = None
) -> Draft:
    """Store a critic's draft of an item, without its scratch text; an existing one stays as it is and is returned.

    `clip_version` is the version of the clip that the critic saw, by default the current one.

    Raises DraftRefused for val and test items and for a proposal whose reasons are scratch text alone, and
    Item.DoesNotExist for an unknown item.
    """
    item = Item.objects.select_related("clip__prompt_group").get(pk=item_id)
    split = item.clip.prompt_group.split
    if split != Split.TRAIN:
        raise DraftRefused(
            _("Item %(item_id)s is in the %(split)s split, which is never drafted.")
            % {"item_id": item_id, "split": split}
        )
    stripped = strip_proposal(proposal)
    if stripped != proposal and not any(one.reason for one in stripped.axes.values()):
        raise DraftRefused(_("The critic only described what it saw and gave no reason for its scores."))
    values = {
        "proposal": proposal_to_json(stripped),
        "text": clean_text(text)[:TEXT_LIMIT],
        "latency_ms": max(0, latency_ms),
    }
    with transaction.atomic():
        version = item.clip.version if clip_version is None else clip_version
        return Draft.objects.get_or_create(item=item, critic=critic, clip_version=version, defaults=values)[0]


def select_items_without_draft(*, campaign: Campaign, critic: str) -> QuerySet[Item]:
    """Select train items with an open assisted rating slot and no draft by this critic, in the order of the queue."""
    open_states = [Slot.State.FREE, Slot.State.LEASED]
    slots = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state__in=open_states, arm=Arm.ASSISTED)
    next_slot = slots.filter(item=OuterRef("pk")).order_by("number")
    return (
        Item.objects.filter(campaign=campaign, clip__prompt_group__split=Split.TRAIN)
        .filter(availability=Item.Availability.AVAILABLE)
        .filter(Exists(slots.filter(item=OuterRef("pk"))))
        .exclude(Exists(select_current_drafts().filter(item=OuterRef("pk"), critic=critic)))
        .annotate(rank=next_slot.values("rank")[:1], slot_number=next_slot.values("number")[:1])
        .select_related("clip")
        .order_by("-rank", "slot_number", "pk")
    )


def set_active_critic(campaign: Campaign, critic: str) -> None:
    """Store the critic whose drafts raters are shown from now on. An empty name means no critic.

    Each new rating stores whether a critic was active. The caller records the act.
    """
    Campaign.objects.filter(pk=campaign.pk).update(active_critic=critic)
    campaign.active_critic = critic


def list_items_without_draft(*, campaign: Campaign, critic: str, limit: int) -> list[Item]:
    """List the first items of `select_items_without_draft`."""
    return list(select_items_without_draft(campaign=campaign, critic=critic)[:limit])


def find_draft(slot: Slot) -> Draft | None:
    """Return the draft of the slot's item by the campaign's active critic, but None in the blind arm.

    Drafts of former critics stay stored. Raters who were shown one see it again, and nobody else does. It serves late
    drafts and tries. With a new slot, `queue_sql.record_offer` stores the draft that the rater gets, and
    `rating_sql.read_desk_record` reads it for the desk.
    """
    if slot.arm != Arm.ASSISTED:
        return None
    own = select_current_drafts().filter(item=slot.item_id, critic=F("item__campaign__active_critic"))
    return own.exclude(proposal={}).first()


def select_current_drafts() -> QuerySet[Draft]:
    """Return the drafts of the present file of their clip; in SQL, `queue_sql`."""
    return Draft.objects.filter(clip_version=F("item__clip__version"))


def read_proposal(draft: Draft) -> Proposal:
    """Return what a draft proposes."""
    return proposal_from_json(draft.proposal)


def list_visible_axes(draft: Draft, campaign: Campaign) -> dict[Axis, AxisProposal]:
    """Return the axes of a draft that a rater sees. A score alone is seen only where the campaign shows scores."""
    axes = read_proposal(draft).axes
    return {axis: one for axis, one in axes.items() if campaign.shows_draft_scores or not one.is_score_only}


def make_visible_condition(campaign: Campaign, axis: Axis) -> Q:
    """Return the condition that raters see this axis of a draft; in Python, `list_visible_axes`."""
    path = f"proposal__{axis.value}"
    is_proposed = Q(proposal__has_key=axis.value)
    is_score_only = Q((f"{path}__evidence", None), (f"{path}__reason", ""))
    return is_proposed if campaign.shows_draft_scores else is_proposed & ~is_score_only


def find_shown_draft(rater: User, item_id: int) -> tuple[Draft | None, str]:
    """Return the draft of an item that the rater was shown, and the exposure to it."""
    offer = Offer.objects.filter(item=item_id, rater=rater).select_related("draft").first()
    return (offer.draft, offer.exposure) if offer else (None, Exposure.NONE)


def find_late_draft(slot: Slot) -> Draft | None:
    """Return a draft that came after the rater was given the item, if they were shown none."""
    draft = find_draft(slot)
    offers = Offer.objects.filter(item=slot.item_id, rater=slot.rater_id, draft=None)
    return draft if draft and list_visible_axes(draft, slot.campaign) and offers.exists() else None


@transaction.atomic
def show_late_draft(*, rater: User, lease: uuid.UUID) -> Draft | None:
    """Return a draft that came late and record that the rater was shown it. Return None if none came.

    A rater who was shown a draft already gets the same one.
    """
    held = lock_held_slot(rater, lease)
    if held is None:
        return None
    if held.draft is not None:
        return Draft.objects.get(pk=held.draft)
    draft = find_draft(held.slot)
    if draft is not None:
        offers = Offer.objects.filter(item=held.slot.item_id, rater=rater, draft=None)
        offers.update(draft=draft, exposure=Exposure.LATE)
    return draft
