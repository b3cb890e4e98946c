"""Signing in and out."""

import pytest
from django.test import Client

from accounts import throttle
from accounts.models import SignInAttempt, User
from tests.accounts.passwords import PASSWORD


def sign_in(client: Client, name: str, password: str, target: str = "/", address: str = "127.0.0.1") -> int:
    answer = client.post("/sign-in", {"username": name, "password": password, "next": target}, REMOTE_ADDR=address)
    return answer.status_code


def test_the_right_password_leads_on_to_where_one_was_heading(client: Client, ada: User) -> None:
    asked = client.get("/account")
    assert asked.status_code == 302
    assert asked["Location"] == "/sign-in?next=/account"
    answer = client.post("/sign-in", {"username": "ada", "password": PASSWORD, "next": "/account"})
    assert answer.status_code == 302
    assert answer["Location"] == "/account"
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_it_never_leads_off_the_site(client: Client, ada: User, target: str) -> None:
    answer = client.post("/sign-in", {"username": "Ada", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_a_wrong_password_is_refused_and_counted(client: Client, ada: User) -> None:
    assert sign_in(client, "Ada", "wrong") == 403
    assert SignInAttempt.objects.filter(username="ada").count() == 1


def test_tries_by_one_name_from_one_address_are_throttled_even_with_the_right_password(
    client: Client, ada: User
) -> None:
    for _ in range(throttle.SIGN_IN.by_name_and_address):
        assert sign_in(client, "ADA", "wrong") == 403
    assert sign_in(client, "Ada", PASSWORD) == 429
    assert sign_in(client, "Ada", PASSWORD, address="127.0.0.9") == 302


def test_tries_by_many_names_from_one_address_are_throttled(client: Client, ada: User) -> None:
    SignInAttempt.objects.bulk_create(
        SignInAttempt(username=f"name{n}", address="127.0.0.1") for n in range(throttle.SIGN_IN.by_address or 0)
    )
    assert sign_in(client, "Ada", PASSWORD) == 429


def test_a_success_clears_what_was_mistyped_before_it(client: Client, ada: User) -> None:
    sign_in(client, "Ada", "wrong")
    assert sign_in(client, "Ada", PASSWORD) == 302
    assert not SignInAttempt.objects.exists()


def test_a_deactivated_person_cannot_sign_in_and_an_open_session_ends(client: Client, ada: User) -> None:
    sign_in(client, "Ada", PASSWORD)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get("/").status_code == 302
    assert sign_in(client, "Ada", PASSWORD) == 403


def test_signing_out_takes_a_post(client: Client, ada: User) -> None:
    sign_in(client, "Ada", PASSWORD)
    assert client.get("/sign-out").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/sign-out").status_code == 302
    assert client.get("/").status_code == 302


def test_signing_in_asks_for_a_csrf_token(ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict, "Ada", PASSWORD) == 403
    assert "_auth_user_id" not in strict.session
