"""Guessing is slowed down, at once too; and nobody keeps another person out from afar."""

from collections.abc import Callable
from functools import partial

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts import services, throttle
from accounts.addresses import find_client_address
from accounts.models import SignInAttempt, User
from accounts.throttle import KNOWN_BROWSER, SIGN_IN, Limits
from tests.accounts.passwords import NEW, NEW_PASSWORD, PASSWORD
from tests.support.threads import run_at_once


def sign_in(name: str, password: str, *, client: Client | None = None, seen: str = "198.51.100.7") -> int:
    """Through a proxy that saw the client at `seen`; the client made up the addresses before it."""
    sent = {"username": name, "password": password}
    return (client or Client()).post("/sign-in", sent, headers={"X-Forwarded-For": f"1.2.3.4, {seen}"}).status_code


@pytest.mark.parametrize(
    ("proxies", "forwarded", "own", "expected"),
    [
        (0, "", "198.51.100.7", "198.51.100.7"),
        (0, "1.2.3.4", "198.51.100.7", "198.51.100.7"),
        (1, "1.2.3.4", "10.0.0.1", "1.2.3.4"),
        (1, "9.9.9.9, 1.2.3.4", "10.0.0.1", "1.2.3.4"),
        (2, "9.9.9.9, 1.2.3.4, 10.0.0.2", "10.0.0.1", "1.2.3.4"),
        (2, "9.9.9.9,1.2.3.4 ,10.0.0.2", "10.0.0.1", "1.2.3.4"),
        (2, "1.2.3.4", "10.0.0.1", "10.0.0.1"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "unknown", "10.0.0.1", "10.0.0.1"),
        (1, "1.2.3.4:5678", "10.0.0.1", "1.2.3.4"),
        (1, "[2001:db8:1:2:3::4]:443", "10.0.0.1", "2001:db8:1:2::"),
        (1, "2001:db8:1:2:ffff::", "10.0.0.1", "2001:db8:1:2::"),
        (1, "::ffff:1.2.3.4", "10.0.0.1", "1.2.3.4"),
        (1, "1.2.3.4", "", "1.2.3.4"),
        (0, "1.2.3.4", "", None),
        (0, "", "fe80::1%eth0", "fe80::"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(
    settings: Settings, proxies: int, forwarded: str, own: str, expected: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert find_client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=own)) == expected


@pytest.mark.parametrize("names", [["ada"] * 60, [f"name{number}" for number in range(60)]])
def test_sixty_wrong_sign_ins_behind_a_proxy_keep_nobody_else_out(
    ada: User, settings: Settings, names: list[str]
) -> None:
    settings.TRUSTED_PROXIES = 1
    answers = [sign_in(name, "wrong") for name in names]
    assert set(answers) <= {403, 429}
    assert sign_in("Ada", PASSWORD) == 429
    assert sign_in("Ada", PASSWORD, seen="198.51.100.8") == 302


def test_an_invented_address_does_not_help(ada: User, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    client = Client()
    for number in range(SIGN_IN.by_name_and_address):
        headers = {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.7"}
        client.post("/sign-in", {"username": "Ada", "password": "wrong"}, headers=headers)
    assert sign_in("Ada", PASSWORD) == 429


def lock_out_from_afar(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    answers = [sign_in("Ada", "wrong", seen=f"203.0.113.{number}") for number in range(SIGN_IN.by_name + 1)]
    assert answers == [403] * SIGN_IN.by_name + [429]


def test_wrong_tries_from_afar_do_not_keep_a_person_out_of_their_own_browser(ada: User, settings: Settings) -> None:
    own = Client()
    assert sign_in("Ada", PASSWORD, client=own) == 302
    own.post("/sign-out")
    lock_out_from_afar(settings)
    assert sign_in("Ada", PASSWORD) == 429, "a browser that nobody has seen"
    assert sign_in("ada", PASSWORD, client=own) == 302


def test_a_reset_link_lets_a_person_in_who_was_locked_out_from_afar(ada: User, settings: Settings) -> None:
    lock_out_from_afar(settings)
    own, secret = Client(), services.start_password_reset(actor=None, user=ada)
    assert own.post(f"/password/{secret}", NEW).status_code == 302
    assert sign_in("Ada", NEW_PASSWORD, client=own) == 302


def test_a_known_browser_guesses_no_more_than_others_and_no_other_name(ada: User, settings: Settings) -> None:
    User.objects.create_user("grace", PASSWORD)
    own = Client()
    sign_in("Ada", PASSWORD, client=own)
    own.post("/sign-out")
    most = KNOWN_BROWSER.by_name
    assert [sign_in("Ada", "wrong", client=own) for _ in range(most + 1)] == [403] * most + [429]
    assert [sign_in("grace", "wrong", client=own) for _ in range(6)] == [403] * 5 + [429]


@pytest.mark.parametrize("cookie", ["", "nonsense", "eyJ1c2VyIjoxfQ:1:x"])
def test_a_cookie_that_is_not_ours_is_none(ada: User, cookie: str) -> None:
    client = Client()
    client.cookies["known-browser"] = cookie
    assert [sign_in("Ada", "wrong", client=client) for _ in range(6)] == [403] * 5 + [429]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limits", "spread"),
    [
        (Limits("try", by_name_and_address=5, by_name=100, by_address=100), lambda n: ("ada", "192.0.2.1")),
        (Limits("try", by_name_and_address=100, by_name=5, by_address=100), lambda n: ("ada", f"192.0.2.{n}")),
        (Limits("try", by_name_and_address=100, by_name=100, by_address=5), lambda n: (f"name{n}", "192.0.2.1")),
    ],
    ids=["name and address", "name", "address"],
)
def test_tries_at_once_never_exceed_a_limit(limits: Limits, spread: Callable[[int], tuple[str, str]]) -> None:
    def attempt(number: int) -> bool:
        return throttle.admit(*spread(number), limits)

    outcomes = run_at_once(*[partial(attempt, number) for number in range(16)])
    assert all(isinstance(outcome, bool) for outcome in outcomes), outcomes
    admitted = outcomes.count(True)
    assert admitted <= 5
    assert [attempt(number) for number in range(16, 22)].count(True) == 5 - admitted
    assert SignInAttempt.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_wrong_passwords_at_once_are_tried_no_more_often_than_the_limit() -> None:
    User.objects.create_user("Ada", PASSWORD)
    outcomes = run_at_once(*[lambda: sign_in("Ada", "wrong")] * 12)
    assert set(outcomes) <= {403, 429}
    assert outcomes.count(403) <= SIGN_IN.by_name_and_address
    for _ in range(SIGN_IN.by_name_and_address):
        sign_in("Ada", "wrong")
    assert sign_in("Ada", PASSWORD) == 429


def test_old_tries_are_dropped(ada: User) -> None:
    for _ in range(3):
        sign_in("Ada", "wrong")
    SignInAttempt.objects.update(at=SignInAttempt.objects.latest("at").at - throttle.WINDOW)
    sign_in("Ada", "wrong")
    assert SignInAttempt.objects.count() == 1
