"""Invitations, deactivation and reset links."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import Invitation, PasswordReset, Role, User
from tests.accounts.passwords import NEW, NEW_PASSWORD, PASSWORD


@pytest.fixture
def as_lead(client: Client, lead: User) -> Client:
    client.force_login(lead)
    return client


def link_on(page: bytes, path: str) -> str:
    text = page.decode()
    start = text.index(f"http://testserver{path}") + len("http://testserver")
    return text[start : text.index("<", start)]


def joining(**changes: str) -> dict[str, str]:
    return {"username": "grace", "display_name": "Grace", "password": PASSWORD, "again": PASSWORD} | changes


def test_an_invitation_makes_one_account_with_its_role(as_lead: Client) -> None:
    made = as_lead.post("/people/invite", {"role": "lead", "note": "Grace"})
    link = link_on(made.content, "/join/")
    guest = Client()
    assert guest.get(link).status_code == 200
    assert guest.post(link, joining()).status_code == 302
    grace = User.objects.get(username="grace")
    assert grace.role == Role.LEAD
    assert guest.get("/people").status_code == 200
    assert Client().post(link, joining(username="other")).status_code == 410
    assert not User.objects.filter(username="other").exists()


def test_the_secret_of_a_link_is_in_no_table(as_lead: Client) -> None:
    link = link_on(as_lead.post("/people/invite", {"role": "annotator"}).content, "/join/")
    assert Invitation.objects.get().token_hash not in link
    assert link.rsplit("/", 1)[1].encode() not in as_lead.get("/people").content


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_revoked_or_old_invitation_is_gone(as_lead: Client, how: str) -> None:
    link = link_on(as_lead.post("/people/invite", {"role": "annotator"}).content, "/join/")
    invitation = Invitation.objects.get()
    if how == "revoked":
        as_lead.post(f"/people/invitations/{invitation.pk}/revoke")
    else:
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(link).status_code == 410
    assert Client().post(link, joining()).status_code == 410


def test_nobody_invites_above_their_own_role(as_lead: Client, lead: User) -> None:
    assert as_lead.post("/people/invite", {"role": "engineer"}).status_code == 200
    assert not Invitation.objects.exists()
    with pytest.raises(services.AccountError, match="above your own"):
        services.invite(actor=lead, role=Role.ENGINEER)


@pytest.mark.parametrize("deed", ["deactivate", "reset-link"])
def test_a_lead_has_no_hand_on_somebody_above(as_lead: Client, engineer: User, deed: str) -> None:
    answer = as_lead.post(f"/people/{engineer.pk}/{deed}", follow=True)
    assert b"above your own" in answer.content
    engineer.refresh_from_db()
    assert engineer.is_active
    assert not PasswordReset.objects.exists()


def test_an_annotator_gets_none_of_it(client: Client, ada: User, lead: User) -> None:
    client.force_login(ada)
    assert client.get("/people").status_code == 403
    for path in (
        "/people/invite",
        f"/people/{lead.pk}/deactivate",
        f"/people/{lead.pk}/reset-link",
        f"/people/{ada.pk}/role",
    ):
        assert client.post(path).status_code == 403
    with pytest.raises(services.AccountError):
        services.invite(actor=ada, role=Role.ANNOTATOR)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"again": "another one"}, "differ"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"username": "LEAD"}, "taken"),
        ({"username": ""}, "required"),
    ],
)
def test_a_bad_account_form_says_why_and_keeps_the_link_open(
    as_lead: Client, changes: dict[str, str], complaint: str
) -> None:
    link = link_on(as_lead.post("/people/invite", {"role": "annotator"}).content, "/join/")
    answer = Client().post(link, joining(**changes))
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert Client().post(link, joining()).status_code == 302


def test_deactivation_shuts_out_and_reactivation_lets_in_again(as_lead: Client, ada: User) -> None:
    token, _ = services.issue_token(actor=ada, name="export")
    theirs = Client()
    theirs.force_login(ada)
    as_lead.post(f"/people/{ada.pk}/deactivate")
    assert theirs.get("/").status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None
    as_lead.post(f"/people/{ada.pk}/reactivate")
    assert Client().post("/sign-in", {"username": "ada", "password": PASSWORD}).status_code == 302


def test_nobody_deactivates_themselves(as_lead: Client, lead: User) -> None:
    as_lead.post(f"/people/{lead.pk}/deactivate")
    lead.refresh_from_db()
    assert lead.is_active


def test_a_reset_link_sets_a_password_once_and_ends_open_sessions(as_lead: Client, ada: User) -> None:
    theirs = Client()
    theirs.force_login(ada)
    old = link_on(as_lead.post(f"/people/{ada.pk}/reset-link").content, "/password/")
    link = link_on(as_lead.post(f"/people/{ada.pk}/reset-link").content, "/password/")
    assert Client().post(old, NEW).status_code == 410
    assert Client().post(link, NEW).status_code == 302
    assert Client().post(link, NEW).status_code == 410
    assert theirs.get("/").status_code == 302
    assert Client().post("/sign-in", {"username": "ada", "password": NEW_PASSWORD}).status_code == 302


def test_a_name_with_markup_is_shown_as_text(as_lead: Client) -> None:
    User.objects.create_user("<script>alert(1)</script>", PASSWORD)
    page = as_lead.get("/people").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_people_come_a_page_at_a_time(as_lead: Client, lead: User) -> None:
    User.objects.bulk_create(User(username=f"rater{n:03}") for n in range(60))
    first = as_lead.get("/people").content.decode()
    assert "rater048" in first
    assert "rater049" not in first
    second = as_lead.get("/people?after=rater048").content.decode()
    assert "rater049" in second
    assert "rater059" in second
    assert "rater048" not in second


def test_a_lead_changes_a_role_up_to_their_own(as_lead: Client, ada: User, lead: User, engineer: User) -> None:
    as_lead.post(f"/people/{ada.pk}/role", {"role": "lead"})
    ada.refresh_from_db()
    assert ada.role == Role.LEAD
    for person, role in ((ada, "engineer"), (lead, "annotator"), (engineer, "annotator")):
        before = person.role
        as_lead.post(f"/people/{person.pk}/role", {"role": role})
        person.refresh_from_db()
        assert person.role == before
    assert as_lead.post(f"/people/{ada.pk}/role", {"role": "emperor"}).status_code == 400


def test_a_guest_of_a_panel_stays_an_annotator(as_lead: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(is_guest=True)
    as_lead.post(f"/people/{ada.pk}/role", {"role": "lead"})
    ada.refresh_from_db()
    assert ada.role == Role.ANNOTATOR


def test_guests_and_programs_stand_apart_from_people(client: Client, lead: User) -> None:
    User.objects.create(username="panel-1-guest", is_guest=True)
    User.objects.create(username="toy-rater", is_simulated=True)
    client.force_login(lead)
    shown = {"": lead.username, "?kind=guests": "panel-1-guest", "?kind=simulated": "toy-rater"}
    for query, name in shown.items():
        table = client.get(f"/people{query}").content.decode().split("list-heading")[-1]
        assert [other for other in shown.values() if f"{other}" in table] == [name]
