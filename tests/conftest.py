"""Fixtures of all tests. tests.support.environment says where a test process writes and which servers it uses."""

import gc
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections, transaction
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import browser
from tests.support.migrated import start_from_migrated
from tests.support.resting import wait_until_idle, wait_until_unused
from tests.support.speed import allow

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker, Settings
    from pytest_django.live_server_helper import LiveServer

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_serialized_rollback", "live_server"}
BROWSER_MILLISECONDS = 30_000
LAUNCH_MILLISECONDS = 120_000

expect.set_options(timeout=allow(BROWSER_MILLISECONDS))  # the time-out of a page does not apply to it

hypothesis_settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis_settings.load_profile("suite")

gc.disable()  # until all tests are collected
logging.getLogger("django.request").setLevel(logging.ERROR)  # refusals are meant, and tracebacks slow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use the database or a browser."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") or fixtures & DATABASE_FIXTURES:
            item.add_marker("database")
        if "chromium" in fixtures:
            item.add_marker("browser")


def pytest_collection_finish() -> None:
    """Keep the tests themselves, a million objects, out of each search for garbage."""
    gc.freeze()
    gc.enable()


def pytest_report_header() -> list[str]:
    on_servers = "QSAVE_TEST_DATABASE_URL" in os.environ
    return ["servers: " + ("PostgreSQL and Redis" if on_servers else "none (SQLite, broker in files)")]


@pytest.fixture(autouse=True)
def own_folders(settings: "Settings", tmp_path: Path) -> None:
    """Give each test its own folders for media, releases and runs, beside `tmp_path`."""
    for name in ("MEDIA_ROOT", "RELEASE_ROOT", "RUN_ROOT"):
        folder = tmp_path.with_name(f"{tmp_path.name}-studio") / name.lower()
        folder.mkdir(parents=True)
        setattr(settings, name, folder)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Headless Chromium, one for each test process."""
    path = browser.find()
    if path is None:
        pytest.fail(
            "There is no Chromium. `make test` installs it if it may; otherwise set QSAVE_CHROMIUM to its path."
        )
    # Playwright's synchronous interface keeps an event loop in this thread, and Django refuses to query beside one.
    # The tests query from plain functions, never from inside that loop, so they are safe.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        limit = allow(LAUNCH_MILLISECONDS)
        running = playwright.chromium.launch(executable_path=path, args=list(browser.FLAGS), timeout=limit)
        yield running
        running.close()
        connections.close_all()  # beside an event loop Django keeps connections of its own, which nobody else closes
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Start from a copy of a migrated database (SQLite only)."""
    start_from_migrated()


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """Keep the copy: on SQLite it ends with the folder of its process."""
    return django_db_keepdb or connection.vendor == "sqlite"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator[None]:
    """Make the test databases, and drop them once nothing else uses them."""
    yield
    with django_db_blocker.unblock():
        wait_until_unused()


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator[None]:
    """The database for fixtures of a module, whose rows all its tests share. What a test changes is undone after it.

    Such a fixture should give keys, and a fixture of each test read the rows, so that tests share no object.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, live_server: "LiveServer") -> "LiveServer":
    """pytest-django's server, started after the database exists and stopped before it is dropped."""
    return live_server


@pytest.fixture(autouse=True)
def idle_server(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test with a live server, wait until it has answered every request: the database is emptied next."""
    if "live_server" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("transactional_db")  # set up before this fixture, so emptied after it
    yield
    wait_until_idle(request.getfixturevalue("live_server"))


@pytest.fixture
def open_page(chromium: Browser, live_server: "LiveServer", idle_server: None) -> Iterator[Callable[..., Page]]:
    """Open pages with cookies of their own, one for each person: `open_page(width=1366, height=768)`.

    The test fails if a script on any of them fails or is blocked by the content security policy.
    """
    contexts, errors = [], []

    def note_blocked(text: str) -> None:
        if "Content Security Policy" in text:
            errors.append(text)

    def open_one(*, width: int = 1366, height: int = 768, **options: object) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            **options,  # type: ignore[arg-type]  # passed through
        )
        contexts.append(context)
        context.set_default_timeout(allow(BROWSER_MILLISECONDS))
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("console", lambda message: note_blocked(message.text))
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert not errors, f"Scripts failed on the pages: {errors}"


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page in Chromium on this test's live server."""
    return open_page()


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """The folder of real clips, which has a manifest.csv."""
    folder = Path(os.environ.get("QSAVE_REAL_CLIPS") or Path(__file__).resolve().parents[2] / "shared" / "clips")
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"There are no real clips in {folder}. Set QSAVE_REAL_CLIPS to their folder.")
    return folder
