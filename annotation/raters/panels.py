"""Outside panels: guests who share one link, bring a number of their own, rate their part, and get a completion code.

When a guest begins, an account without a password is created for their number; the same number gets the same account
again. The panel knows the link's secret and the guest knows the number; a person who has both is accepted as that
guest, as usual for panels. The account can rate in the panel's campaign and do nothing else.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from accounts.services import AccountError, create_user, deactivate_guests
from accounts.tokens import hash_secret, new_secret
from annotation.models import Campaign, Panel, PanelParticipant, Slot
from annotation.shared.permissions import require_role
from qsave.words import isolate

EXTERNAL_ID = re.compile(r"[A-Za-z0-9_.@:+-]{1,120}")
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without letters that look alike


class PanelRefused(ValueError):
    """A guest cannot begin, or a lead cannot take the panel over; the message says why."""


def make_completion_code() -> str:
    """Return a random completion code to propose."""
    return "".join(secrets.choice(CODE_LETTERS) for _letter in range(8))


@transaction.atomic
def make_panel(*, actor: User, campaign: Campaign, **values: Any) -> tuple[Panel, str]:
    """Create a panel from name, quota, completion_code and return_url; return it and the secret of its link.

    The secret is not stored. Raises ValidationError by field.
    """
    require_role(actor, Role.LEAD)
    secret = new_secret()
    panel = Panel(campaign=campaign, created_by=actor, token_hash=hash_secret(secret), **values)
    panel.full_clean()
    if Panel.objects.filter(campaign=campaign, name__iexact=panel.name).exists():
        raise ValidationError({"name": _("This campaign already has a panel with this name. Choose another name.")})
    if panel.return_url and not panel.return_url.startswith("https://"):
        raise ValidationError({"return_url": _("Enter an address that begins with https://.")})
    panel.save()
    audit.record(actor=actor, action="panel.made", target=panel, campaign=campaign.name, quota=panel.quota)
    return panel, secret


@transaction.atomic
def renew_link(*, actor: User, panel: Panel) -> str:
    """Replace the secret of the panel's link; the earlier link stops working."""
    require_role(actor, Role.LEAD)
    secret = new_secret()
    Panel.objects.filter(pk=panel.pk).update(token_hash=hash_secret(secret))
    audit.record(actor=actor, action="panel.new_link", target=panel)
    return secret


@transaction.atomic
def close_panel(*, actor: User, panel: Panel) -> None:
    """Close a panel: nobody can begin any more, and its guests are signed out for good. Ratings stay."""
    require_role(actor, Role.LEAD)
    if Panel.objects.filter(pk=panel.pk, closed_at=None).update(closed_at=timezone.now()):
        deactivate_guests(User.objects.filter(panel_participant__panel=panel))
        audit.record(actor=actor, action="panel.closed", target=panel)


@transaction.atomic
def take_over(*, actor: User, panel: Panel) -> None:
    """Make the actor the lead of a panel whose own lead cannot look after it any more. Raises PanelRefused."""
    require_role(actor, Role.LEAD)
    if panel.created_by.may_give(Role.ANNOTATOR):
        raise PanelRefused(_("%(lead)s still looks after this panel.") % {"lead": isolate(panel.created_by)})
    Panel.objects.filter(pk=panel.pk).update(created_by=actor)
    audit.record(actor=actor, action="panel.taken_over", target=panel, before=panel.created_by.username)


def find_panels_without_lead() -> QuerySet[Panel]:
    """Return open panels whose lead is deactivated or no longer a lead: another lead should take them over."""
    without_lead = Panel.objects.exclude(created_by__in=User.objects.with_role(Role.LEAD))
    return without_lead.filter(closed_at=None).select_related("campaign", "created_by").order_by("pk")


def find_open_panel(secret: str) -> Panel | None:
    """Return the panel of a link if guests can begin: the panel and its campaign are open."""
    panels = Panel.objects.select_related("campaign").filter(token_hash=hash_secret(secret), closed_at=None)
    return panels.filter(campaign__state=Campaign.State.OPEN).first()


def begin_participation(*, panel: Panel, external_id: str) -> PanelParticipant:
    """Return the participant with this number, created if new. Two requests at once create one account."""
    if not EXTERNAL_ID.fullmatch(external_id):
        raise PanelRefused(
            _("A participant's number can have letters, digits and . _ @ : + -, at most 120 characters.")
        )
    participant = _find_participant(panel, external_id)
    if participant is not None:
        return participant
    try:
        with transaction.atomic():
            user = create_user(actor=None, username=_derive_username(panel, external_id), password=None, is_guest=True)
            return PanelParticipant.objects.create(panel=panel, external_id=external_id, user=user)
    except (IntegrityError, AccountError):  # another request began with this number meanwhile
        participant = _find_participant(panel, external_id)
        if participant is None:
            raise
        return participant


def complete_if_due(user: User) -> None:
    """Mark a participant's part as done if the quota is reached. Called in the transaction of each of their ratings."""
    participant = PanelParticipant.objects.select_related("panel").filter(user=user, completed_at=None).first()
    if participant is not None and count_rated(participant) >= participant.panel.quota:
        PanelParticipant.objects.filter(pk=participant.pk).update(completed_at=timezone.now())


def complete_if_no_clips_left(user: User) -> None:
    """Mark a part as done if no clip is left for a participant who has rated some, so that they get their code.

    The lead sees how many they rated.
    """
    still_open = PanelParticipant.objects.filter(completed_at=None, panel__closed_at=None)
    participant = still_open.select_related("panel").filter(user=user).first()
    if participant is not None and count_rated(participant):
        PanelParticipant.objects.filter(pk=participant.pk).update(completed_at=timezone.now())


def count_rated(participant: PanelParticipant) -> int:
    """Count a participant's ratings, without those of qualification clips."""
    return count_rated_by_user(participant.panel, [participant.user_id]).get(participant.user_id, 0)


def count_rated_by_user(panel: Panel, users: Iterable[int]) -> dict[int, int]:
    """Count the ratings of several participants by user key, without those of qualification clips. One query."""
    done = Slot.objects.filter(rater__in=users, campaign=panel.campaign_id, state=Slot.State.DONE)
    counts = done.exclude(kind=Slot.Kind.QUALIFICATION).values_list("rater").annotate(rated=Count("pk")).order_by()
    return {rater: rated for rater, rated in counts if rater is not None}


def _find_participant(panel: Panel, external_id: str) -> PanelParticipant | None:
    return PanelParticipant.objects.select_related("user").filter(panel=panel, external_id=external_id).first()


def _derive_username(panel: Panel, external_id: str) -> str:
    """Return a user name that is the same for the same number but does not reveal it."""
    digest = hmac.new(panel.campaign.salt.encode(), external_id.encode(), hashlib.sha256).hexdigest()
    return f"panel-{panel.pk}-{digest[:10]}"
