"""What a campaign asks for, and what of it may change when.

Most settings may change at any time and hold from then on. Seats may be added at any time and taken away only while
nobody has taken them. The seed and the assisted share are fixed once the campaign has opened: the arms of its seats
are drawn by them, and an arm must not change after somebody could have seen it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.slots import bring_in_line
from annotation.models import Campaign, Slot
from annotation.shared.permissions import require

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
FOLLOWED_BY_SLOTS = FIXED_ONCE_OPENED | {"overlap", "order"}
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

    In a large campaign a job updates the slots (`annotation.campaigns.slots`).
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
    """Brings the slots that are there in line with what has changed."""
    is_lower = "overlap" in after and campaign.overlap < before["overlap"]
    if is_lower:
        _refuse_taken(campaign)
    if FOLLOWED_BY_SLOTS.intersection(after):
        bring_in_line(actor=actor, campaign=campaign, removes=is_lower)


def _refuse_taken(campaign: Campaign) -> None:
    """A slot that a rater takes after this look is left to them."""
    beyond = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, number__gt=campaign.overlap)
    most = beyond.exclude(state=Slot.State.FREE).aggregate(most=Max("number"))["most"]
    if most is not None:
        words = _("Seats are taken already: no fewer than %(least)s ratings a clip can be asked for now.")
        raise ValidationError({"overlap": words % {"least": most}})
