"""Freezing a release in a real browser: a preview that follows the options, and how the page looks."""

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
def test_the_preview_follows_the_options_and_the_release_is_frozen_by_keyboard(
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
    page.get_by_role("link", name="Freeze a release").press("Enter")
    page.wait_for_url("**/releases/new")
    page.wait_for_load_state()  # the scripts that follow the options
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("val has 1 clip of 1 prompt group; test has 0 clips")
    fewest = page.get_by_label("Fewest ratings of a clip")
    fewest.fill("2")
    fewest.press("Tab")
    expect(preview.get_by_role("status")).to_have_text("The release would have 0 clips and count 0 ratings.")
    expect(page.get_by_text("Leaves out 3 clips.")).to_be_visible()
    fewest.fill("1")
    page.get_by_label("Freeze the release with small splits").press("Space")
    expect(preview.get_by_role("status")).to_have_text("The release would have 3 clips and count 3 ratings.")
    expect(preview).not_to_contain_text("It would be refused")
    expect(page.get_by_text("Leaves out 3 clips.")).to_have_count(0)
    assert violations(page) == []
    assert list(too_wide(page, "/releases/new")) == []
    page.get_by_role("button", name="Freeze release").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("release #1")
    assert Release.objects.get().policy["allow_small_splits"]
