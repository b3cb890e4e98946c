"""The settings of a campaign: their bounds, and which of them may change when.

Most settings may change at any time and apply from then on. Slots may be added at any time and removed only while they
are free. The seed and the assisted share are fixed once the campaign has opened: the arms of its slots are drawn from
them, and an arm must not change after a rater could have seen it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import FloatField, Max
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.locks import lock_campaign
from annotation.campaigns.slots import align_slots
from annotation.models import Campaign, Slot
from annotation.shared.number_fields import LARGEST_INTEGER, describe_range
from annotation.shared.permissions import require_role

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
        "names_raters_in_review",
    }
)
FIXED_ONCE_OPENED = frozenset({"seed", "assisted_share"})
COPIED_TO_SLOTS = FIXED_ONCE_OPENED | {"overlap", "order"}
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
    "seed": (0, LARGEST_INTEGER),
    "min_reason_length": (0, 1000),
    "edit_hours": (0, 87_600),
}


def check_policy(campaign: Campaign) -> None:
    """Raise ValidationError, by field, if a setting is invalid or two settings contradict each other."""
    campaign.full_clean(validate_constraints=False)  # the checks below name the field, constraints would not
    problems = {field: problem for field in BOUNDS if (problem := _check_bounds(campaign, field))}
    cap = campaign.overlap_cap
    if cap is not None and cap < campaign.overlap and "overlap_cap" not in problems:
        problems["overlap_cap"] = _("This cannot be less than the ratings that every clip gets.")
    if problems:
        raise ValidationError(problems)


def _check_bounds(campaign: Campaign, field: str) -> str:
    value, (low, high) = getattr(campaign, field), BOUNDS[field]
    if value is None or low <= value <= high:
        return ""
    return str(describe_range(low, high, is_whole=is_whole(field)))


def is_whole(field: str) -> bool:
    """Return whether a setting is a whole number."""
    return not isinstance(Campaign._meta.get_field(field), FloatField)


def has_opened(campaign: Campaign) -> bool:
    """Return whether raters can have seen its slots: an opened campaign never becomes a draft again."""
    return campaign.state != Campaign.State.DRAFT


@transaction.atomic
def update_policy(*, actor: User, campaign: Campaign, **changes: Any) -> Campaign:
    """Change settings (POLICY_FIELDS and the title) and update existing slots to match, and `campaign` itself.

    In a large campaign a job updates the slots (`annotation.campaigns.slots`). Raises ValidationError by field and then
    changes nothing.
    """
    require_role(actor, Role.LEAD)
    unknown = changes.keys() - POLICY_FIELDS - {"title"}
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, _("A campaign has no such setting.")))
    current = lock_campaign(campaign.pk)
    before = {field: getattr(current, field) for field in changes}
    for field, value in changes.items():
        setattr(current, field, value)
    check_policy(current)
    after = {field: getattr(current, field) for field in changes if getattr(current, field) != before[field]}
    if after:
        _refuse_fixed(current, after)
        current.save(update_fields=list(after))
        _update_slots(actor, current, before, after)
        changed = {field: before[field] for field in after}
        audit.record(actor=actor, action="campaign.policy", target=current, before=changed, after=after)
    for field in changes:
        setattr(campaign, field, getattr(current, field))
    return campaign


def _refuse_fixed(campaign: Campaign, after: Iterable[str]) -> None:
    fixed = FIXED_ONCE_OPENED.intersection(after) if has_opened(campaign) else frozenset()
    if fixed:
        message = _("This has been fixed since the campaign opened: the arms of its slots are drawn from it.")
        raise ValidationError(dict.fromkeys(fixed, message))


def _update_slots(actor: User, campaign: Campaign, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    is_lower = "overlap" in after and campaign.overlap < before["overlap"]
    if is_lower:
        _refuse_to_remove_taken(campaign)
    if COPIED_TO_SLOTS.intersection(after):
        align_slots(actor=actor, campaign=campaign, removes=is_lower)


def _refuse_to_remove_taken(campaign: Campaign) -> None:
    """Raise ValidationError if a slot beyond the overlap is taken. A slot taken after this check stays."""
    beyond = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, number__gt=campaign.overlap)
    most = beyond.exclude(state=Slot.State.FREE).aggregate(most=Max("number"))["most"]
    if most is not None:
        message = _("Raters already have these slots, so each clip needs at least %(least)s ratings.")
        raise ValidationError({"overlap": message % {"least": most}})
