"""The home page in a real browser: a lead walks from a line to the place that settles it, by keyboard alone."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role, User
from annotation.models import Item
from tests.annotation.factories import (
    LONGER_VIDEO,
    claim,
    make_campaign,
    make_clip,
    make_item,
    make_lead,
    make_user,
    skip,
)
from tests.browser.looks import NARROW, WIDE, sign_in, too_wide, violations


@pytest.fixture
def lead(live_server: object) -> User:
    return make_lead("lena")


def press_until(page: Page, name: str) -> None:
    """Press Tab until the link or button whose text begins with this has the focus, then Enter."""
    for _press in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip().startswith(name):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab never reaches {name}.")


def test_a_report_is_settled_from_the_home_page_by_keyboard(page: Page, lead: User, live_server: Any) -> None:
    campaign, rater = make_campaign(name="autumn", actor=lead), make_user()
    make_user("new")
    for name in ("fox-one", "fox-two", "fox-three"):
        make_item(campaign, make_clip(name, video=LONGER_VIDEO), slots=2)
    slot = claim(rater, campaign)
    skip(rater, slot, kind="flagged", reason="Look at the hand.")
    sign_in(page.context, lead, live_server.url)
    page.goto("/")
    press_until(page, "View reported clips")
    expect(page.get_by_text("1 clip", exact=True)).to_be_visible()
    press_until(page, slot.item.clip.prompt[:20])
    expect(page.get_by_text("Look at the hand.").first).to_be_visible()
    press_until(page, "Return this clip to the queue")
    expect(page.get_by_text("resolved by")).to_be_visible()
    assert Item.objects.get(pk=slot.item_id).availability == Item.Availability.AVAILABLE
    page.goto("/")
    expect(page.get_by_text("Raters reported")).to_have_count(0)
    expect(page.get_by_text("Nothing needs you now.")).to_be_visible()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_the_home_of_a_new_site_is_accessible(
    open_page: Callable[..., Page], live_server: Any, transactional_db: None, size: dict[str, int], scheme: str
) -> None:
    for role in Role:
        page = open_page(**size, color_scheme=scheme, reduced_motion="reduce")
        sign_in(page.context, make_user(role=role), live_server.url)
        page.goto("/")
        assert [one["id"] for one in violations(page)] == []
        assert list(too_wide(page, role)) == []
        page.close()
