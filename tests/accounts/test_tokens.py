"""API tokens: on the account page and in the header of a script."""

import pytest
from django.test import Client, RequestFactory
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import services
from accounts.api import HasRole, TokenAuthentication
from accounts.models import ApiToken, Role, User
from tests.accounts.passwords import NEW, PASSWORD


def request_with(header: str | None) -> Request:
    return Request(RequestFactory().get("/", headers={} if header is None else {"Authorization": header}))


def test_a_token_is_shown_once_and_kept_as_a_hash(client: Client, lead: User) -> None:
    client.force_login(lead)
    page = client.post("/account/tokens", {"name": "export"}).content.decode()
    token = ApiToken.objects.get()
    secret = page.split('aria-label="The token">')[1].split("<")[0]
    assert secret.startswith(token.prefix)
    assert secret != token.token_hash
    assert secret not in client.get("/account").content.decode()
    assert TokenAuthentication().authenticate(request_with(f"Bearer {secret}")) == (lead, token)


def test_its_use_is_noted(lead: User) -> None:
    token, secret = services.issue_token(actor=lead, name="export")
    TokenAuthentication().authenticate(request_with(f"bearer {secret}"))
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_no_header_or_another_scheme_is_left_to_others(db: None) -> None:
    assert TokenAuthentication().authenticate(request_with(None)) is None
    assert TokenAuthentication().authenticate(request_with("Basic abc")) is None


@pytest.mark.parametrize("header", ["Bearer", "Bearer wrong", "Bearer a b", "Bearer \xff"])
def test_a_wrong_token_is_refused(db: None, header: str) -> None:
    with pytest.raises(AuthenticationFailed):
        TokenAuthentication().authenticate(request_with(header))


def test_a_revoked_token_is_refused_and_only_its_owner_revokes_it(client: Client, lead: User) -> None:
    token, secret = services.issue_token(actor=lead, name="export")
    client.force_login(User.objects.create_user("eve", "another password"))
    assert client.post(f"/account/tokens/{token.pk}/revoke").status_code == 404
    client.force_login(lead)
    client.post(f"/account/tokens/{token.pk}/revoke")
    with pytest.raises(AuthenticationFailed):
        TokenAuthentication().authenticate(request_with(f"Bearer {secret}"))


def test_a_token_of_a_closed_account_is_refused(lead: User) -> None:
    _, secret = services.issue_token(actor=lead, name="export")
    User.objects.update(is_active=False)
    with pytest.raises(AuthenticationFailed):
        TokenAuthentication().authenticate(request_with(f"Bearer {secret}"))


@pytest.mark.parametrize(
    ("required", "allowed"),
    [
        (Role.ANNOTATOR, True),
        (Role.LEAD, True),
        (Role.ENGINEER, False),
        ({"GET": Role.LEAD}, True),
        ({"POST": Role.LEAD}, False),
        (None, False),
    ],
)
def test_a_view_states_its_role_and_one_that_states_none_is_shut(lead: User, required: object, allowed: bool) -> None:
    class View(APIView):
        required_role = required

    request = request_with(None)
    request.user = lead
    assert HasRole().has_permission(request, View()) is allowed


def test_the_password_changes_only_with_the_present_one(client: Client, lead: User) -> None:
    client.force_login(lead)
    assert b"not your current password" in client.post("/account/password", {"current": "wrong", **NEW}).content
    elsewhere = Client()
    elsewhere.force_login(lead)
    assert client.post("/account/password", {"current": PASSWORD, **NEW}).status_code == 302
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302
