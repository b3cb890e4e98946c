"""Consent of a lead that the clips of a campaign leave the machine: for one host, until it is withdrawn.

An endpoint critic may not draft without it. `require_consent` is called for every batch of clips right before it is
sent, so a withdrawal counts from the next batch on.
"""

from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.models import Campaign
from annotation.shared.permissions import require_role
from modelassist.kinds.base import CriticUnavailable
from modelassist.models import Activation, Consent, Critic
from qsave.words import isolate

MAX_HOST_LENGTH = Consent._meta.get_field("host").max_length or 300


def find_host(critic: Critic) -> str:
    """Return the host, with its port if that is not the usual one, to which a critic sends clips; empty if to none."""
    if critic.kind != Critic.Kind.ENDPOINT:
        return ""
    address = urlsplit(critic.settings.get("base_url", ""))
    host = address.hostname or ""
    return f"{host}:{address.port}" if address.port else host


def has_consent(campaign: Campaign, host: str) -> bool:
    """Whether the clips of a campaign may be sent to a host now."""
    return Consent.objects.filter(campaign=campaign, host=host, withdrawn_at=None).exists()


def require_consent(critic: Critic, campaign: Campaign) -> None:
    """Raise CriticUnavailable, naming the host, unless a lead lets the campaign's clips be sent to it."""
    host = find_host(critic)
    if host and not has_consent(campaign, host):
        raise CriticUnavailable(
            _(
                "%(critic)s sends clips to %(host)s, and no lead has agreed to that for %(campaign)s. A lead can agree"
                " on the Drafting page of the campaign."
            )
            % {"critic": isolate(critic), "host": isolate(host), "campaign": isolate(campaign)}
        )


@transaction.atomic
def give_consent(*, actor: User, campaign: Campaign, host: str) -> Consent:
    """Let the clips of a campaign be sent to a host; a critic that waited for it tries again at once."""
    require_role(actor, Role.LEAD)
    consent, is_new = Consent.objects.get_or_create(
        campaign=campaign, host=host, withdrawn_at=None, defaults={"given_by": actor}
    )
    if is_new:
        audit.record(actor=actor, action="drafting.consent_given", target=campaign, host=host)
        Activation.objects.filter(campaign=campaign).exclude(retry_at=None).update(retry_at=timezone.now())
    return consent


@transaction.atomic
def withdraw_consent(*, actor: User, campaign: Campaign, host: str) -> bool:
    """Send no more clips of a campaign to a host; returns False if there was no consent."""
    require_role(actor, Role.LEAD)
    given = Consent.objects.filter(campaign=campaign, host=host, withdrawn_at=None)
    if not given.update(withdrawn_at=timezone.now(), withdrawn_by=actor):
        return False
    audit.record(actor=actor, action="drafting.consent_withdrawn", target=campaign, host=host)
    return True
