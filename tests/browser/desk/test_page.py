"""The page itself: accessible, on one screen, light, and of use without scripts."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from accounts.models import User
from annotation.models import Arm, Campaign, Rating, Slot
from qsave.axes import AXES
from tests.annotation.factories import make_draft
from tests.browser.desk.desk_page import WORDS, add_clip, check_accessible, open_desk
from tests.browser.looks import sign_in


@pytest.mark.parametrize(("width", "height", "scheme"), [(1366, 768, "light"), (390, 844, "dark")])
def test_axe_finds_nothing_on_the_desk_in_any_of_its_states(
    open_page: Callable[..., Page],
    rater: User,
    campaign: Campaign,
    live_server: Any,
    width: int,
    height: int,
    scheme: str,
) -> None:
    make_draft(add_clip(campaign, "one", arm=Arm.ASSISTED))
    page = open_page(width=width, height=height, color_scheme=scheme)
    sign_in(page.context, rater, live_server.url)
    open_desk(page)
    check_accessible(page)
    page.keyboard.press("Control+Enter")  # the problems of an unfinished rating
    expect(page.locator("#axis-visual [data-problems]")).not_to_be_empty()
    check_accessible(page)
    page.keyboard.press("?")
    check_accessible(page)
    page.keyboard.press("Escape")
    Campaign.objects.update(state="paused")
    Slot.objects.update(state="free", rater=None, lease=None, leased_at=None, lease_expires_at=None)
    for path in ("/rate/autumn/", "/rate/", "/my-ratings/"):
        page.goto(path)
        check_accessible(page)


def test_everything_fits_one_screen_of_1366_by_768_with_a_draft_and_marks(desk: Page, campaign: Campaign) -> None:
    make_draft(add_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    height, width = desk.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert (height, width) == (768, 1366)


def test_nothing_is_cut_off_sideways_at_390_pixels(
    open_page: Callable[..., Page], rater: User, campaign: Campaign, live_server: Any
) -> None:
    make_draft(add_clip(campaign, "one", arm=Arm.ASSISTED))
    page = open_page(width=390, height=844)
    sign_in(page.context, rater, live_server.url)
    open_desk(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_single_keys_can_be_turned_off(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("?")
    desk.get_by_label("Use single keys").uncheck()
    desk.keyboard.press("Escape")
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("4")
    desk.keyboard.press("b")
    expect(desk.locator("#axis-visual input:checked")).to_have_count(0)


def test_the_desk_works_without_scripts(
    open_page: Callable[..., Page], rater: User, campaign: Campaign, live_server: Any
) -> None:
    add_clip(campaign, "one")
    page = open_page(java_script_enabled=False)
    sign_in(page.context, rater, live_server.url)
    page.goto("/rate/autumn/")
    page.get_by_role("button", name="Show the first clip").click()
    for axis in AXES:
        page.locator(f"[name={axis}-score][value='3'] + span").click()
        page.locator(f"#axis-{axis} .rate-chip-none span").click()
        page.locator(f"[name={axis}-reason]").fill(WORDS[axis])
    page.locator("[data-submit]").click()
    expect(page.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.count() == 1


def test_the_page_is_light(desk: Page, campaign: Campaign) -> None:
    """At most 85 kB on the wire and fewer than 20 requests, the next clip's among them, beside the clips and the font.

    Scripts and styles count as production sends them: compressed. The font is at most 50 kB; the browser keeps it from
    the page before, and the desk is readable before it is there.
    """
    for name in ("one", "two"):
        make_draft(add_clip(campaign, name, arm=Arm.ASSISTED))
    asked: list[Request] = []
    desk.on("requestfinished", lambda request: asked.append(request))
    open_desk(desk)
    desk.wait_for_function(
        "() => performance.getEntriesByType('resource')"
        ".some(entry => entry.initiatorType === 'fetch' && entry.name.includes('/media/video/'))"
    )
    desk.wait_for_load_state("networkidle")
    fonts = [request for request in asked if request.url.endswith(".woff2")]
    page_alone = [request for request in asked if "/media/video/" not in request.url and request not in fonts]
    wire = sum(count_wire_bytes(request) for request in page_alone)
    assert any(request.url.endswith("rate-desk.js") for request in page_alone)
    assert not any("htmx" in request.url for request in page_alone)
    assert len(asked) - len(fonts) < 20
    assert wire <= 85_000
    assert len(fonts) == 1
    assert count_wire_bytes(fonts[0]) <= 50_000


def count_wire_bytes(request: Request) -> int:
    response = request.response()
    assert response is not None
    sizes = request.sizes()
    body = len(gzip.compress(response.body())) if "/static/" in request.url else sizes["responseBodySize"]
    return body + sizes["responseHeadersSize"]
