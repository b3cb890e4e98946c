"""A link gives access only while its maker could still give it; what ends a person's access ends all of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import services
from accounts.models import PasswordReset, Role, User
from tests.accounts.passwords import NEW, NEW_PASSWORD, PASSWORD
from tests.accounts.test_people import joining


def make(name: str, role: Role) -> User:
    return User.objects.create_user(name, PASSWORD, role=role)


def change(user: User, **values: Any) -> None:
    User.objects.filter(pk=user.pk).update(**values)


# What happens to the maker (or to the person whose password is reset) after a link was made, and who may still use it.
FATES: list[tuple[Role, Role, dict[str, Any], bool]] = [
    (Role.ENGINEER, Role.ENGINEER, {}, True),
    (Role.ENGINEER, Role.ENGINEER, {"is_active": False}, False),
    (Role.ENGINEER, Role.ENGINEER, {"role": Role.LEAD}, False),
    (Role.ENGINEER, Role.LEAD, {"role": Role.LEAD}, True),
    (Role.ENGINEER, Role.ANNOTATOR, {"role": Role.ANNOTATOR}, False),
    (Role.LEAD, Role.ANNOTATOR, {"role": Role.ANNOTATOR}, False),
    (Role.LEAD, Role.ANNOTATOR, {"is_active": False}, False),
    (Role.LEAD, Role.LEAD, {"role": Role.ENGINEER}, True),
]


@pytest.mark.parametrize(("own", "given", "fate", "works"), FATES)
def test_an_invitation_holds_while_its_maker_may_give_the_role(
    db: None, own: Role, given: Role, fate: dict[str, Any], works: bool
) -> None:
    maker = make("maker", own)
    _, secret = services.invite(actor=maker, role=given)
    change(maker, **fate)
    assert Client().get(f"/join/{secret}").status_code == (200 if works else 410)
    assert Client().post(f"/join/{secret}", joining()).status_code == (302 if works else 410)
    assert User.objects.filter(username="grace").exists() is works
    if not works:
        with pytest.raises(services.AccountError, match="no longer valid"):
            services.accept_invitation(secret=secret, username="grace", password=PASSWORD)


@pytest.mark.parametrize(("own", "given", "fate", "works"), FATES)
def test_a_reset_link_holds_while_its_maker_may_give_the_role(
    db: None, own: Role, given: Role, fate: dict[str, Any], works: bool
) -> None:
    maker, person = make("maker", own), make("ada", given)
    secret = services.start_password_reset(actor=maker, user=person)
    change(maker, **fate)
    assert Client().get(f"/password/{secret}").status_code == (200 if works else 410)
    assert Client().post(f"/password/{secret}", NEW).status_code == (302 if works else 410)
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD) is works


def test_a_reset_link_ends_when_its_person_rises_above_its_maker(db: None) -> None:
    lead, ada = make("lead", Role.LEAD), make("ada", Role.ANNOTATOR)
    secret = services.start_password_reset(actor=lead, user=ada)
    services.change_role(actor=make("boss", Role.ENGINEER), user=ada, role=Role.ENGINEER)
    assert Client().post(f"/password/{secret}", NEW).status_code == 410
    assert User.objects.get(pk=ada.pk).check_password(PASSWORD)


def test_a_link_made_by_a_command_needs_no_maker(db: None) -> None:
    secret = services.start_password_reset(actor=None, user=make("boss", Role.ENGINEER))
    assert PasswordReset.objects.get().created_by is None
    assert Client().post(f"/password/{secret}", NEW).status_code == 302


def test_an_invitation_without_backing_is_marked_on_the_page_of_people(db: None, client: Client) -> None:
    maker = make("maker", Role.LEAD)
    services.invite(actor=maker, role=Role.LEAD, note="Grace")
    client.force_login(make("boss", Role.ENGINEER))
    assert "may no longer give this role" not in client.get("/people").content.decode()
    change(maker, is_active=False)
    page = client.get("/people").content.decode()
    assert "Grace" in page
    assert "may no longer give this role" in page


def changed_on_the_account_page(ada: User, boss: User) -> None:
    own = Client()
    own.force_login(ada)
    assert own.post("/account/password", {"current": PASSWORD, **NEW}).status_code == 302
    assert own.get("/").status_code == 200, "the session in which it was changed continues"


def reset_by_a_link(ada: User, boss: User) -> None:
    secret = services.start_password_reset(actor=boss, user=ada)
    assert Client().post(f"/password/{secret}", NEW).status_code == 302


def deactivated(ada: User, boss: User) -> None:
    services.deactivate(actor=boss, user=ada)


def deactivated_and_let_in_again(ada: User, boss: User) -> None:
    services.deactivate(actor=boss, user=ada)
    services.reactivate(actor=boss, user=ada)


@pytest.mark.parametrize(
    "end", [changed_on_the_account_page, reset_by_a_link, deactivated, deactivated_and_let_in_again]
)
def test_a_new_password_or_the_end_of_an_account_ends_sessions_tokens_and_links(
    db: None, end: Callable[[User, User], None]
) -> None:
    ada, boss = make("ada", Role.LEAD), make("boss", Role.ENGINEER)
    session = Client()
    session.force_login(ada)
    _, token = services.issue_token(actor=ada, name="export")
    link = services.start_password_reset(actor=boss, user=ada)
    script = Client(headers={"Authorization": f"Bearer {token}"})
    assert script.get("/api/campaigns").status_code == 200
    end(ada, boss)
    assert session.get("/").status_code == 302
    assert script.get("/api/campaigns").status_code == 401
    assert Client().get(f"/password/{link}").status_code == 410


def test_another_persons_access_goes_on(db: None) -> None:
    ada, grace = make("ada", Role.LEAD), make("grace", Role.LEAD)
    _, token = services.issue_token(actor=grace, name="export")
    session = Client()
    session.force_login(grace)
    services.set_password(actor=ada, user=ada, password=NEW_PASSWORD)
    assert session.get("/").status_code == 200
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/api/campaigns").status_code == 200
