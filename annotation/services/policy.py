"""What a campaign asks for, and what of it may change when.

Most settings may change at any time and hold from then on. Seats may be added at any time and taken away only while
nobody has taken them. The seed and the assisted share are fixed once the campaign has opened: the arms of its seats
are drawn by them, and an arm must not change after somebody could have seen it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.models import Campaign, Item, Slot
from annotation.services.overlap import seats
from annotation.services.permissions import require
from annotation.services.pieces import in_pieces, is_large
from annotation.services.ranks import apply_order
from operations import audit
from operations.jobs import enqueue

POLICY_FIELDS = frozenset(
    {
        "overlap",
        "overlap_cap",
        "disagreement_bound",
        "lease_minutes",
        "assisted_share",
        "shows_draft_scores",
        "gold_share",
        "repeat_share",
        "qualification_mark",
        "requires_watched",
        "min_viewport_width",
        "min_viewport_height",
        "open_to",
        "order",
        "seed",
        "min_reason_length",
        "waives_reason_when_excellent",
        "edit_hours",
    }
)
FIXED_ONCE_OPENED = frozenset({"seed", "assisted_share"})
BOUNDS: Mapping[str, tuple[float, float]] = {
    "overlap": (1, 50),
    "overlap_cap": (1, 50),
    "disagreement_bound": (0, 4),
    "lease_minutes": (1, 1440),
    "assisted_share": (0, 1),
    "gold_share": (0, 0.5),
    "repeat_share": (0, 0.5),
    "qualification_mark": (0, 1),
    "min_viewport_width": (0, 10_000),
    "min_viewport_height": (0, 10_000),
    "min_reason_length": (0, 1000),
    "edit_hours": (0, 87_600),
}
CHUNK = 500
ADD_SEATS = "add_seats"


def check_policy(campaign: Campaign) -> None:
    """Raises ValidationError, by field, when a setting is none or two do not go together."""
    campaign.full_clean(validate_constraints=False)  # what constraints refuse is named by field here
    problems = {
        field: words for field, words in ((field, _out_of_bounds(campaign, field)) for field in BOUNDS) if words
    }
    cap = campaign.overlap_cap
    if cap is not None and cap < campaign.overlap and "overlap_cap" not in problems:
        problems["overlap_cap"] = _("An item cannot end with fewer ratings than every item gets.")
    if problems:
        raise ValidationError(problems)


def _out_of_bounds(campaign: Campaign, field: str) -> str:
    value, (low, high) = getattr(campaign, field), BOUNDS[field]
    if value is None or low <= value <= high:
        return ""
    return _("This lies between %(low)s and %(high)s.") % {"low": f"{low:g}", "high": f"{high:g}"}


def has_opened(campaign: Campaign) -> bool:
    """Whether anybody can have met a seat of it: no campaign goes back to being a draft."""
    return campaign.state != Campaign.State.DRAFT


@transaction.atomic
def update_policy(*, actor: User, campaign: Campaign, **changes: Any) -> Campaign:
    """Changes settings (those of POLICY_FIELDS, and the title) and what follows from them for seats that are there.

    In a large campaign, a job adds the seats that a higher overlap asks for.
    Raises ValidationError by field, and then nothing has changed. `campaign` itself is brought up to date.
    """
    require(actor, Role.LEAD)
    unknown = changes.keys() - POLICY_FIELDS - {"title"}
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, _("A campaign has no such setting.")))
    # A lock that lets claims through: one that has its seat points at the campaign as it ends, and must not wait for us
    # while we wait for its seat.
    current = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    before = {field: getattr(current, field) for field in changes}
    for field, value in changes.items():
        setattr(current, field, value)
    check_policy(current)
    after = {field: getattr(current, field) for field in changes if getattr(current, field) != before[field]}
    if after:
        _refuse_fixed(current, after)
        current.save(update_fields=list(after))
        _follow(actor, current, before, after)
        was = {field: before[field] for field in after}
        audit.record(actor=actor, action="campaign.policy", target=current, before=was, after=after)
    for field in changes:
        setattr(campaign, field, getattr(current, field))
    return campaign


def _refuse_fixed(campaign: Campaign, after: Iterable[str]) -> None:
    fixed = FIXED_ONCE_OPENED.intersection(after) if has_opened(campaign) else frozenset()
    if fixed:
        words = _("This is fixed since the campaign opened: the arms of its seats are drawn by it.")
        raise ValidationError(dict.fromkeys(fixed, words))


def _follow(actor: User, campaign: Campaign, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Brings the seats that are there in line with what has changed."""
    if "overlap" in after and campaign.overlap < before["overlap"]:
        _remove_seats(campaign)
    elif "overlap" in after and is_large(_with_seats(campaign)):
        enqueue(kind=ADD_SEATS, arguments={"campaign": campaign.pk}, actor=actor)
    elif "overlap" in after:
        for _done in add_seats(campaign):
            pass
    if FIXED_ONCE_OPENED.intersection(after):
        _draw_again(campaign)
    if "order" in after:
        apply_order(campaign)


def _remove_seats(campaign: Campaign) -> None:
    beyond = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, number__gt=campaign.overlap)
    # Locked before they are looked at, so that nobody takes one of them meanwhile.
    locked = list(beyond.select_for_update().order_by("pk").values_list("pk", "number", "state"))
    taken = [number for _pk, number, state in locked if state != Slot.State.FREE]
    if taken:
        words = _("Seats are taken already: no fewer than %(least)s ratings a clip can be asked for now.")
        raise ValidationError({"overlap": words % {"least": max(taken)}})
    Slot.objects.filter(pk__in=[pk for pk, _number, _state in locked]).delete()


def add_seats(campaign: Campaign) -> Iterator[tuple[int, int]]:
    """Add the seats that items lack to the campaign's overlap, in pieces (`annotation.services.pieces`)."""
    return in_pieces(_with_seats(campaign), lambda items: _add_seats(campaign.pk, items))


def _add_seats(campaign_id: int, items: list[Item]) -> None:
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)  # its overlap at this moment
    locked = Item.objects.filter(pk__in=[item.pk for item in items]).select_related("clip__prompt_group").order_by("pk")
    items = list(locked.select_for_update(of=("self",), no_key=True))
    have = set(Slot.objects.filter(item__in=items, kind=Slot.Kind.SEAT).values_list("item_id", "number"))
    drawn = (seat for item in items if not item.is_qualification for seat in _drawn(campaign, item))
    Slot.objects.bulk_create(seat for seat in drawn if (seat.item_id, seat.number) not in have)


def _draw_again(campaign: Campaign) -> None:
    for items in _items(campaign):
        drawn = {(seat.item_id, seat.number): seat for item in items for seat in _drawn(campaign, item)}
        slots = list(Slot.objects.filter(item__in=items, kind=Slot.Kind.SEAT))
        for slot in slots:
            seat = drawn[slot.item_id, slot.number]
            slot.arm, slot.place = seat.arm, seat.place
        Slot.objects.bulk_update(slots, ["arm", "place"])


def _drawn(campaign: Campaign, item: Item) -> Iterable[Slot]:
    return seats(campaign, item, clip_id=item.clip.clip_id, split=item.clip.prompt_group.split)


def _with_seats(campaign: Campaign) -> QuerySet[Item]:
    return Item.objects.filter(campaign=campaign, is_qualification=False)


def _items(campaign: Campaign) -> Iterable[list[Item]]:
    """The items that have seats, by the chunk; locked, since a rating that opens another seat locks its item too."""
    found = _with_seats(campaign).select_related("clip__prompt_group")
    last = 0
    while chunk := list(found.filter(pk__gt=last).order_by("pk").select_for_update(of=("self",), no_key=True)[:CHUNK]):
        yield chunk
        last = chunk[-1].pk
