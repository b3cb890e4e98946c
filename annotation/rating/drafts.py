"""What critics propose. Held here so that the rating page needs no model, and no critic judges what it influenced."""

import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.models import Arm, Campaign, Draft, Exposure, Item, Offer, Slot, Split
from annotation.rating.statements import held_seat
from annotation.shared.text import clean_text
from qsave.axes import AXES
from qsave.report_card import ReportCard, card_to_json
from qsave.scratch import strip_card

TEXT_LIMIT = 20_000


class DraftRefused(ValueError):
    """A draft that must not be: of a val or test item, or without a word for people."""


def record_draft(*, item_id: int, critic: str, card: ReportCard, text: str, latency_ms: int) -> Draft:
    """Store a critic's draft of an item, without its scratch text; one that exists stays as it is and is returned.

    Raises DraftRefused for val and test items and for a card whose reasons are scratch text alone, Item.DoesNotExist
    for no item.
    """
    item = Item.objects.select_related("clip__prompt_group").get(pk=item_id)
    split = item.clip.prompt_group.split
    if split != Split.TRAIN:
        raise DraftRefused(
            _("Item %(item_id)s is in the %(split)s split, which is never drafted.")
            % {"item_id": item_id, "split": split}
        )
    shown = strip_card(card)
    if shown != card and not any(shown.axis(axis).reason for axis in AXES):
        raise DraftRefused(_("The critic only described what it saw and gave no reason for its scores."))
    proposal = {
        "card": card_to_json(shown),
        "text": clean_text(text)[:TEXT_LIMIT],
        "latency_ms": max(0, latency_ms),
    }
    with transaction.atomic():
        return Draft.objects.get_or_create(item=item, critic=critic, defaults=proposal)[0]


def items_wanting_drafts(*, campaign: Campaign, critic: str, limit: int) -> list[Item]:
    """Train items with an assisted seat still open and no draft by this critic, in the order in which raters come."""
    open_states = [Slot.State.FREE, Slot.State.LEASED]
    seats = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, state__in=open_states, arm=Arm.ASSISTED)
    next_seat = seats.filter(item=OuterRef("pk")).order_by("number")
    items = (
        Item.objects.filter(campaign=campaign, clip__prompt_group__split=Split.TRAIN)
        .filter(availability=Item.Availability.AVAILABLE)
        .filter(Exists(seats.filter(item=OuterRef("pk"))))
        .exclude(Exists(Draft.objects.filter(item=OuterRef("pk"), critic=critic)))
        .annotate(rank=next_seat.values("rank")[:1], seat=next_seat.values("number")[:1])
        .select_related("clip")
        .order_by("-rank", "seat", "pk")
    )
    return list(items[:limit])


def draft_for(slot: Slot) -> Draft | None:
    """The newest draft of the slot's item; in the blind arm, none."""
    if slot.arm != Arm.ASSISTED:
        return None
    return Draft.objects.filter(item=slot.item_id).order_by("-created_at", "-pk").first()


def shown_to(rater: User, item_id: int) -> tuple[Draft | None, str]:
    """Return the draft of an item that the rater was shown, and the exposure to it."""
    offer = Offer.objects.filter(item=item_id, rater=rater).select_related("draft").first()
    return (offer.draft, offer.exposure) if offer else (None, Exposure.NONE)


def late_draft(slot: Slot) -> Draft | None:
    """Return a draft that came after the rater had been given the item, and that they have not been shown."""
    newest = draft_for(slot)
    offers = Offer.objects.filter(item=slot.item_id, rater=slot.rater_id, draft=None)
    return newest if newest and offers.exists() else None


@transaction.atomic
def show_late(*, rater: User, lease: uuid.UUID) -> Draft | None:
    """Show the rater a draft that came late, and record it; None if there is none.

    A rater who was shown a draft already gets the same one.
    """
    seat = held_seat(rater, lease)
    if seat is None:
        return None
    if seat.draft is not None:
        return Draft.objects.get(pk=seat.draft)
    draft = draft_for(seat.slot)
    if draft is not None:
        offers = Offer.objects.filter(item=seat.slot.item_id, rater=rater, draft=None)
        offers.update(draft=draft, exposure=Exposure.LATE)
    return draft
