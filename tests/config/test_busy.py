"""A lock that lasts is answered 503 with Retry-After, and any other trouble of the database is not hidden by it."""

import sqlite3
from pathlib import Path

import pytest
from django.db import DataError, IntegrityError, OperationalError
from django.test import Client

from accounts.services import issue_token
from annotation.rating import queue
from operations.database import is_busy
from tests.annotation import factories


class FromServerError(Exception):
    """An error of psycopg, as far as it is looked at."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(sqlstate)


def wrapped(cause: BaseException, kind: type[Exception] = OperationalError) -> Exception:
    """An error of Django with the driver's error as its cause."""
    try:
        raise kind("trouble") from cause
    except kind as error:
        return error


@pytest.fixture
def locked(tmp_path: Path) -> sqlite3.OperationalError:
    """SQLite's own error of a writer that waited in vain."""
    first, second = (sqlite3.connect(tmp_path / "x.db", timeout=0, isolation_level=None) for _ in range(2))
    first.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as caught:
        second.execute("BEGIN IMMEDIATE")
    for connection in (first, second):
        connection.close()
    return caught.value


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
def test_locks_of_postgresql_are_known(sqlstate: str) -> None:
    assert is_busy(wrapped(FromServerError(sqlstate)))


def test_locks_of_sqlite_are_known_and_nothing_else_is(locked: sqlite3.OperationalError) -> None:
    assert is_busy(wrapped(locked))
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(":memory:").execute("SELECT * FROM missing")
    for other in (
        locked,  # not by way of Django: somebody else's file
        wrapped(caught.value),
        wrapped(FromServerError("53100")),  # the disk is full
        wrapped(FromServerError("23505"), IntegrityError),
        DataError("too long"),
        OperationalError("no cause"),
        ValueError("database is locked"),
    ):
        assert not is_busy(other), other


@pytest.mark.django_db
def test_everybody_is_told_to_send_it_again(
    client: Client, locked: sqlite3.OperationalError, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    client.force_login(rater)
    _, secret = issue_token(actor=rater, name="script")

    def claim(**_asked: object) -> None:
        raise wrapped(locked)

    monkeypatch.setattr(queue, "claim", claim)
    page = client.post(f"/rate/{campaign.name}/start")
    desk = client.post(f"/rate/{campaign.name}/start", headers={"HX-Request": "true"})
    script = Client(headers={"Authorization": f"Bearer {secret}"}).post(f"/api/campaigns/{campaign.name}/claim")
    for answer in (page, desk, script):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert "nothing was stored" in page.content.decode()
    assert "nothing was stored" in desk.json()["message"]
    assert "nothing was stored" in script.json()["detail"]


@pytest.mark.django_db
def test_other_trouble_of_the_database_is_an_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = factories.make_campaign(1)
    client.force_login(factories.make_user())
    client.raise_request_exception = False

    def claim(**_asked: object) -> None:
        raise wrapped(FromServerError("53100"))

    monkeypatch.setattr(queue, "claim", claim)
    assert client.post(f"/rate/{campaign.name}/start").status_code == 500
