"""Outside panels: people who come by one link with a number of their own, rate their part, and leave with a code.

An account is made for each number when its person begins, without a password; the same number finds the same account
again. The link's secret is known to the panel, a number to its person: who knows both is taken for that person, as
panels do. The account can rate in the panel's campaign and nothing else.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from accounts.services import AccountError, create_user, shut_out_guests
from accounts.tokens import hash_secret, new_secret
from annotation.models import Campaign, Panel, PanelParticipant, Slot
from annotation.shared.permissions import require
from qsave.words import isolate

EXTERNAL_ID = re.compile(r"[A-Za-z0-9_.@:+-]{1,120}")
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that are taken for one another


class PanelRefused(ValueError):
    """Somebody cannot begin; the text says why."""


def new_code() -> str:
    """A completion code to propose."""
    return "".join(secrets.choice(CODE_LETTERS) for _letter in range(8))


@transaction.atomic
def make_panel(*, actor: User, campaign: Campaign, **values: Any) -> tuple[Panel, str]:
    """A panel (name, quota, completion_code, return_url) and the secret of its link, which cannot be had again.

    Raises ValidationError by field.
    """
    require(actor, Role.LEAD)
    secret = new_secret()
    panel = Panel(campaign=campaign, created_by=actor, token_hash=hash_secret(secret), **values)
    panel.full_clean()
    if Panel.objects.filter(campaign=campaign, name__iexact=panel.name).exists():
        raise ValidationError({"name": _("This campaign has a panel of that name. Choose another.")})
    if panel.return_url and not panel.return_url.startswith("https://"):
        raise ValidationError({"return_url": _("Give an address that begins with https://")})
    panel.save()
    audit.record(actor=actor, action="panel.made", target=panel, campaign=campaign.name, quota=panel.quota)
    return panel, secret


@transaction.atomic
def new_link(*, actor: User, panel: Panel) -> str:
    """Another secret for the panel's link; the earlier link stops working."""
    require(actor, Role.LEAD)
    secret = new_secret()
    Panel.objects.filter(pk=panel.pk).update(token_hash=hash_secret(secret))
    audit.record(actor=actor, action="panel.new_link", target=panel)
    return secret


@transaction.atomic
def close_panel(*, actor: User, panel: Panel) -> None:
    """End a panel: nobody begins any more, and its guests are signed out for good. What was rated is kept."""
    require(actor, Role.LEAD)
    if Panel.objects.filter(pk=panel.pk, closed_at=None).update(closed_at=timezone.now()):
        shut_out_guests(User.objects.filter(panel_participant__panel=panel))
        audit.record(actor=actor, action="panel.closed", target=panel)


@transaction.atomic
def take_over(*, actor: User, panel: Panel) -> None:
    """Make the actor the lead who looks after a panel whose own lead is gone."""
    require(actor, Role.LEAD)
    if panel.created_by.may_give(Role.ANNOTATOR):
        raise PanelRefused(_("%(lead)s looks after this panel.") % {"lead": isolate(panel.created_by)})
    Panel.objects.filter(pk=panel.pk).update(created_by=actor)
    audit.record(actor=actor, action="panel.taken_over", target=panel, before=panel.created_by.username)


def panels_without_lead() -> QuerySet[Panel]:
    """Open panels whose lead was deactivated, or is a lead no more. They go on; somebody should take them over."""
    gone = ~Q(created_by__is_active=True, created_by__role__in=[Role.LEAD, Role.ENGINEER])
    return Panel.objects.filter(gone, closed_at=None).select_related("campaign", "created_by").order_by("pk")


def open_panel(secret: str) -> Panel | None:
    """The panel behind a link, while people can begin."""
    found = Panel.objects.select_related("campaign").filter(token_hash=hash_secret(secret), closed_at=None)
    return found.filter(campaign__state=Campaign.State.OPEN).first()


def begin(*, panel: Panel, external_id: str) -> PanelParticipant:
    """The participant with this number, made now if they are new. Two at once end with one account."""
    if not EXTERNAL_ID.fullmatch(external_id):
        raise PanelRefused(_("A participant's number has letters, digits and . _ @ : + - in it, at most 120 of them."))
    known = _participant(panel, external_id)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            user = create_user(actor=None, username=_username(panel, external_id), password=None, is_guest=True)
            return PanelParticipant.objects.create(panel=panel, external_id=external_id, user=user)
    except (IntegrityError, AccountError):  # somebody began with this number at the same moment
        known = _participant(panel, external_id)
        if known is None:
            raise
        return known


def complete_if_due(user: User) -> None:
    """Notes that a participant's part is done. Called in the transaction of each of their ratings."""
    participant = PanelParticipant.objects.select_related("panel").filter(user=user, completed_at=None).first()
    if participant is not None and rated_for(participant) >= participant.panel.quota:
        PanelParticipant.objects.filter(pk=participant.pk).update(completed_at=timezone.now())


def complete_for_want_of_clips(user: User) -> None:
    """Notes a part as done that cannot be: nothing is left to rate, though something was. Whoever came for pay does not
    leave without the code for that; the lead sees how many they rated."""
    still_open = PanelParticipant.objects.filter(completed_at=None, panel__closed_at=None)
    participant = still_open.select_related("panel").filter(user=user).first()
    if participant is not None and rated_for(participant):
        PanelParticipant.objects.filter(pk=participant.pk).update(completed_at=timezone.now())


def rated_for(participant: PanelParticipant) -> int:
    """How many ratings count as a participant's work: all but the qualification's."""
    return rated_by(participant.panel, [participant.user_id]).get(participant.user_id, 0)


def rated_by(panel: Panel, users: Iterable[int]) -> dict[int, int]:
    """The same for many users at once. One query."""
    done = Slot.objects.filter(rater__in=users, campaign=panel.campaign_id, state=Slot.State.DONE)
    counts = done.exclude(kind=Slot.Kind.QUALIFICATION).values_list("rater").annotate(rated=Count("pk")).order_by()
    return {rater: rated for rater, rated in counts if rater is not None}


def _participant(panel: Panel, external_id: str) -> PanelParticipant | None:
    return PanelParticipant.objects.select_related("user").filter(panel=panel, external_id=external_id).first()


def _username(panel: Panel, external_id: str) -> str:
    """A name that is the same for the same number and does not tell it."""
    digest = hmac.new(panel.campaign.salt.encode(), external_id.encode(), hashlib.sha256).hexdigest()
    return f"panel-{panel.pk}-{digest[:10]}"
