"""Freezing a release in a real browser: what the page asks about, and how it looks then."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role
from datasets.models import Release
from tests.annotation.factories import make_user
from tests.browser.looks import NARROW, WIDE, sign_in, too_wide, violations
from tests.datasets.world import rated_campaign

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_small_splits_are_asked_about_and_frozen_by_keyboard(
    open_page: Callable[..., Page],
    live_server: "LiveServer",
    transactional_db: None,
    size: dict[str, int],
    scheme: str,
) -> None:
    rated_campaign(train=2, val=1, test=0, raters=1)
    page = open_page(**size, color_scheme=scheme, reduced_motion="reduce")
    sign_in(page.context, make_user(role=Role.ENGINEER), live_server.url)
    page.goto("/releases")
    page.get_by_label("Target").select_option(label="Reviewed clips only (the lead's scores)")
    page.get_by_label("Target").select_option("mean")
    expect(page.get_by_label("Freeze the release with small splits")).to_have_count(0)
    page.get_by_role("button", name="Freeze release").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("val has 1 clip of 1 prompt group; test has 0 clips")
    assert violations(page) == []
    assert list(too_wide(page, "/releases/freeze")) == []
    assert not Release.objects.exists()
    page.get_by_label("Freeze the release with small splits").press("Space")
    page.get_by_role("button", name="Freeze release").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("release #1")
    assert Release.objects.get().policy["allow_small_splits"]
