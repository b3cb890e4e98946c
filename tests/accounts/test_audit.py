"""Changes of accounts are in the audit trail, without their secrets; the trail survives its move between apps."""

import json

import pytest
from django.db import connection

from accounts import services
from accounts.models import AuditEntry, Role, User
from tests.accounts.passwords import PASSWORD
from tests.support.migrating import list_newest, migrate, use_empty_database

BEFORE = [("accounts", "0005_ends_of_access"), ("operations", "0001_initial")]
MOVED = [("accounts", "0006_audit_entry"), ("operations", "0002_audit_entry_to_accounts")]
FIELDS = ("pk", "actor_id", "action", "target_type", "target_id", "data", "at")


def test_an_invitation_and_its_acceptance_are_recorded_with_their_actors(lead: User) -> None:
    invitation, secret = services.invite(actor=lead, role=Role.ANNOTATOR, note="Ada")
    ada = services.accept_invitation(secret=secret, username="ada", password=PASSWORD)
    made, accepted = AuditEntry.objects.filter(target_id=str(invitation.pk)).order_by("pk")
    assert (made.actor, made.action) == (lead, "invitation.made")
    assert (accepted.actor, accepted.action) == (ada, "invitation.accepted")


def test_no_secret_is_in_the_trail(lead: User) -> None:
    ada = User.objects.create_user("ada", PASSWORD)
    secrets = [
        services.invite(actor=lead, role=Role.ANNOTATOR)[1],
        services.start_password_reset(actor=lead, user=ada),
        services.issue_token(actor=ada, name="export")[1],
    ]
    trail = json.dumps(list(AuditEntry.objects.values_list("action", "target_type", "target_id", "data")))
    assert AuditEntry.objects.count() == len(secrets)
    assert not [secret for secret in secrets if secret in trail]


def test_a_refused_change_leaves_no_entry(lead: User) -> None:
    with pytest.raises(services.AccountError):
        services.deactivate(actor=lead, user=lead)
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_move_from_operations_to_accounts_keeps_every_entry_and_constraint() -> None:
    with use_empty_database():
        apps = migrate(BEFORE)
        ada = apps.get_model("accounts", "User").objects.create(username="ada")
        older = apps.get_model("operations", "AuditEntry").objects
        older.create(actor=ada, action="user.renamed", target_type="accounts.user", target_id="1", data={"a": [1]})
        older.create(actor=None, action="job.failed", target_type="operations.job", target_id="2")
        rows, table = list(older.order_by("pk").values_list(*FIELDS)), describe_table()

        newer = migrate(MOVED).get_model("accounts", "AuditEntry").objects
        assert describe_table() == table
        assert list(newer.order_by("pk").values_list(*FIELDS)) == rows

        migrate(BEFORE)
        assert list(older.order_by("pk").values_list(*FIELDS)) == rows

        migrate(list_newest("accounts", "operations"))
        services.rename(actor=User.objects.get(), display_name="Ada")
        assert AuditEntry.objects.count() == len(rows) + 1


def describe_table() -> object:
    """The names and columns of the table's indexes and constraints."""
    with connection.cursor() as cursor:
        return connection.introspection.get_constraints(cursor, AuditEntry._meta.db_table)
