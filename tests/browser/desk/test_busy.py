"""The desk while somebody else holds the database's write lock: it waits and sends again by itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from playwright.sync_api import Page, expect

from annotation.models import AxisAnswer, Campaign, Rating, SavedWork, Skip
from tests.browser.desk.desk_page import WORDS, add_clip, open_desk, rate_by_keys

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has one write lock for all")


@contextmanager
def write_lock() -> Iterator[None]:
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server waits for a lock for a tenth of a second, instead of twenty."""
    options: dict[str, Any] = connections.settings["default"]["OPTIONS"]
    monkeypatch.setitem(options, "timeout", 0.1)


def test_a_rating_is_sent_again_by_itself_and_stored_once(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    with write_lock():
        rate_by_keys(desk)
        expect(desk.locator("[data-notice]")).to_contain_text("the site is busy")
        expect(desk.locator("[name=visual-reason]")).to_have_value(WORDS["visual"])
        assert not Rating.objects.exists()
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.count() == 1
    assert set(AxisAnswer.objects.values_list("reason", flat=True)) == set(WORDS.values())


def test_what_is_typed_is_saved_again_by_itself(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    with write_lock():
        desk.keyboard.press("Enter")
        desk.keyboard.type("Half a thought")
        expect(desk.locator("[data-saved]")).to_contain_text("The site is busy")
    expect(desk.locator("[data-saved]")).to_contain_text("Saved")
    assert SavedWork.objects.get().answers["visual"]["reason"] == "Half a thought"


def test_a_skip_is_sent_again_as_a_skip(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.locator(".rate-skip summary").click()
    desk.locator(".rate-skip [name=kind]").first.check()
    desk.locator(".rate-skip [name=reason]").fill("too dark")
    with write_lock():
        desk.locator(".rate-skip button").click()
        expect(desk.locator("[data-notice]")).to_contain_text("the site is busy")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Skip.objects.get().reason == "too dark"
    assert not Rating.objects.exists()


def test_the_first_clip_comes_when_the_lock_ends(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    with write_lock():
        desk.goto("/rate/autumn/")
        expect(desk.locator("[data-saved]")).to_contain_text("The site is busy")
    desk.wait_for_selector("[data-desk]")
