"""Deeds on accounts are in the audit trail, without their secrets."""

import json

import pytest

from accounts import services
from accounts.models import Role, User
from operations.models import AuditEntry


@pytest.fixture
def lead(db: None) -> User:
    return User.objects.create_user("lena", None, role=Role.LEAD)


def test_an_invitation_and_its_acceptance_are_kept_with_who_did_them(lead: User) -> None:
    invitation, secret = services.invite(actor=lead, role=Role.ANNOTATOR, note="Ada")
    ada = services.accept_invitation(secret=secret, username="ada", password="seven grey herons")
    made, accepted = AuditEntry.objects.filter(target_id=str(invitation.pk)).order_by("pk")
    assert (made.actor, made.action) == (lead, "invitation.made")
    assert (accepted.actor, accepted.action) == (ada, "invitation.accepted")


def test_no_secret_is_in_the_trail(lead: User) -> None:
    ada = User.objects.create_user("ada", "seven grey herons")
    secrets = [
        services.invite(actor=lead, role=Role.ANNOTATOR)[1],
        services.start_password_reset(actor=lead, user=ada),
        services.issue_token(actor=ada, name="export")[1],
    ]
    trail = json.dumps(list(AuditEntry.objects.values_list("action", "target_type", "target_id", "data")))
    assert AuditEntry.objects.count() == len(secrets)
    assert not [secret for secret in secrets if secret in trail]


def test_a_refused_deed_leaves_no_entry(lead: User) -> None:
    with pytest.raises(services.AccountError):
        services.deactivate(actor=lead, user=lead)
    assert not AuditEntry.objects.exists()
