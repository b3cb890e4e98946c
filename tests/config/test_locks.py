"""Another connection holds the lock, and whatever a request was about to write, it is answered 503, then served."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, connections, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import Client

from accounts.services import issue_token
from annotation.models import Campaign, Slot
from annotation.raters import hours_page
from annotation.raters.hours import write_timesheet
from annotation.raters.panels import make_panel
from operations import database
from operations.database import limit_lock_waits
from tests.annotation import factories

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[[], HttpResponseBase]
Case = Callable[[Campaign], Ask]
RELEASE_SECONDS = 60


@pytest.fixture(autouse=True)
def _short_waits(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This thread's connection waits for a lock as the site does, only shorter."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.1)
    connection.ensure_connection()
    limit_lock_waits(connection=connection)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 100")
    yield
    connection.close()


@contextmanager
def held(lock: Callable[[], object]) -> Iterator[None]:
    """Another connection has begun a transaction and taken a lock in it."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                lock()
                taken.set()
                assert over.wait(RELEASE_SECONDS)
        finally:
            taken.set()
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        holding = other.submit(hold)
        try:
            assert taken.wait(RELEASE_SECONDS)
            yield
        finally:
            over.set()
        holding.result()


def lock_all() -> None:
    """Everybody may read and nobody write. On SQLite the transaction has done this by itself."""
    if connection.vendor == "postgresql":
        names = ", ".join(f'"{model._meta.db_table}"' for model in apps.get_models())
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def sign_in(campaign: Campaign) -> Ask:
    person = factories.make_user("ada", password="correct horse")
    answers = {"username": person.username, "password": "correct horse"}
    return lambda: Client().post("/sign-in", answers)


def sign_out(campaign: Campaign) -> Ask:
    client = Client()
    client.force_login(factories.make_user())
    return lambda: client.post("/sign-out")


def begin_as_guest(campaign: Campaign) -> Ask:
    _panel, secret = make_panel(actor=factories.make_lead(), campaign=campaign, name="p", quota=1, completion_code="c")
    return lambda: Client().post(f"/panel/{secret}/", {"participant": "7"})


def start_rating(campaign: Campaign) -> Ask:
    client = Client()
    client.force_login(factories.make_user())
    return lambda: client.post(f"/rate/{campaign.name}/start")


def claim_by_script(campaign: Campaign) -> Ask:
    """The token's last use is what is written first."""
    _, secret = issue_token(actor=factories.make_user(), name="script")
    headers = {"Authorization": f"Bearer {secret}"}
    return lambda: Client(headers=headers).post(f"/api/campaigns/{campaign.name}/claim")


def change_settings_by_script(campaign: Campaign) -> Ask:
    client = Client()
    client.force_login(campaign.created_by)
    path, json = f"/api/campaigns/{campaign.name}/policy", "application/json"
    return lambda: client.patch(path, {"overlap": 2}, content_type=json)


CASES: list[tuple[Case, int]] = [
    (sign_in, 302),
    (sign_out, 302),
    (begin_as_guest, 302),
    (start_rating, 302),
    (claim_by_script, 200),
    (change_settings_by_script, 200),
]


@pytest.mark.parametrize(("case", "status"), CASES)
def test_what_is_written_under_a_lock_is_503_and_may_be_sent_again(case: Case, status: int) -> None:
    ask = case(factories.make_campaign(2))
    with held(lock_all):
        assert_busy(ask())
    assert ask().status_code == status


@pytest.mark.parametrize(("path", "status"), [("/my-ratings/", 200), ("/nowhere", 404)])
@pytest.mark.parametrize("htmx", [False, True])
def test_a_session_that_cannot_be_saved_is_503(path: str, status: int, htmx: bool, settings: "Settings") -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = Client(headers={"HX-Request": "true"} if htmx else {}, raise_request_exception=False)
    client.force_login(factories.make_user())
    with held(lock_all):
        assert_busy(client.get(path))
    assert client.get(path).status_code == status


def test_a_new_session_that_cannot_be_saved_is_503(settings: "Settings") -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.config.test_locks.mark_session"]
    client = Client(raise_request_exception=False)
    factories.make_user()
    with held(lock_all):
        assert_busy(client.get("/sign-in"))
    assert client.get("/sign-in").status_code == 200


def mark_session(get_response: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Middleware that puts something into every session."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        request.session["seen"] = True
        return get_response(request)

    return respond


def test_a_session_that_was_deleted_is_still_a_bad_request(settings: "Settings") -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.config.test_locks.lose_session"]
    client = Client()
    client.force_login(factories.make_user())
    assert client.get("/my-ratings/").status_code == 400


def lose_session(get_response: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Middleware in whose time somebody deletes the session."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        request.session["seen"] = True
        response = get_response(request)
        Session.objects.all().delete()
        return response

    return respond


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no locks of rows")
def test_a_row_that_stays_locked_is_503() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    client = Client()
    client.force_login(rater)
    slot = factories.claim(rater, campaign)
    renew = {"slot": slot.pk, "lease": str(slot.lease)}

    with held(lambda: Slot.objects.select_for_update().get(pk=slot.pk)):
        assert_busy(client.post(f"/rate/{campaign.name}/renew", renew))
    assert client.post(f"/rate/{campaign.name}/renew", renew).status_code == 200


def test_a_download_that_cannot_begin_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = factories.make_campaign(1)
    factories.rate_all(factories.make_user(), campaign)
    client = Client()
    client.force_login(campaign.created_by)

    def write_first(*asked: Any) -> Iterator[str]:
        Campaign.objects.update(title="Read")
        yield from write_timesheet(*asked)

    monkeypatch.setattr(hours_page, "write_timesheet", write_first)
    path = f"/campaigns/{campaign.name}/timesheet.csv"
    with held(lock_all):
        assert_busy(client.get(path))
    assert client.get(path).status_code == 200


def assert_busy(answer: HttpResponseBase) -> None:
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "3")
    assert "Content-Security-Policy" in answer.headers
    assert "busy" in answer.content.decode()  # type: ignore[attr-defined]  # none of them streams
