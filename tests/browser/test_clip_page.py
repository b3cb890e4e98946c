"""A lead looks at the evidence on one clip, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from annotation.campaigns.campaigns import add_clips
from annotation.models import Item
from qsave.axes import Axis
from tests.annotation.disputed_item import EVIDENCE, make_disputed_item
from tests.annotation.factories import (
    LONGER_VIDEO,
    SHORT_VIDEO,
    make_campaign,
    make_clip,
    make_item,
    make_lead,
    make_user,
    rate_all,
)
from tests.browser.looks import NARROW, sign_in, too_wide, violations

WIDTH, HEIGHT = LONGER_VIDEO.size


@pytest.fixture
def lead(live_server: object) -> User:
    return make_lead("lena")


@pytest.fixture
def item(lead: User) -> Item:
    return make_disputed_item(lead)


@pytest.fixture
def as_lead(page: Page, lead: User, live_server: Any) -> Page:
    sign_in(page.context, lead, live_server.url)
    return page


def open_clip(page: Page, item: Item) -> None:
    page.goto(f"/campaigns/{item.campaign.name}/items/{item.pk}")
    page.wait_for_function("() => document.querySelector('[data-clock]').textContent")


def find_mark(page: Page, name: str) -> Any:
    return page.get_by_role("link", name=name)


def expect_time(page: Page, seconds: float) -> None:
    page.wait_for_function(
        "time => Math.abs(parseFloat(document.querySelector('[data-clock]').textContent) - time) < 0.03", arg=seconds
    )


def list_boxes(page: Page) -> list[str]:
    """Return the labels of the boxes over the picture."""
    return page.locator("[data-overlay] g:not([hidden]) text").all_text_contents()


def measure_box(page: Page, label: str) -> list[float]:
    """Return the box with that label as fractions of the picture, as it is on the screen."""
    video = page.locator("video").bounding_box()
    shown = page.locator("[data-overlay] g:not([hidden])", has_text=label).locator(".clip-box").bounding_box()
    assert video
    assert shown
    scale = min(video["width"] / WIDTH, video["height"] / HEIGHT)
    width, height = WIDTH * scale, HEIGHT * scale
    left, top = video["x"] + (video["width"] - width) / 2, video["y"] + (video["height"] - height) / 2
    return [
        (shown["x"] - left) / width,
        (shown["y"] - top) / height,
        shown["width"] / width,
        shown["height"] / height,
    ]


def test_a_mark_leads_by_keyboard_to_its_frame_and_its_box(as_lead: Page, item: Item) -> None:
    open_clip(as_lead, item)
    assert list_boxes(as_lead) == ["R2 watermark"]
    find_mark(as_lead, "rita\u2069, visual").focus()
    as_lead.keyboard.press("Tab")
    as_lead.keyboard.press("Tab")
    expect(find_mark(as_lead, "ruben\u2069, visual: \u2068blur")).to_be_focused()
    as_lead.keyboard.press("Enter")
    expect_time(as_lead, 0.5)
    assert list_boxes(as_lead) == ["R2 blur", "R2 watermark"]
    box = EVIDENCE[Axis.VISUAL][0].box
    assert box
    assert measure_box(as_lead, "R2 blur") == pytest.approx([box.x, box.y, box.width, box.height], abs=0.02)
    expect(as_lead.get_by_role("status").filter(has_text="blur\u2069 at 0.50 seconds.")).to_be_attached()
    expect(as_lead.locator("tr[data-chosen]")).to_contain_text("0.50–1.25")
    playhead = as_lead.locator("[data-playhead]")
    assert float(str(playhead.evaluate("node => parseFloat(node.style.left)"))) == pytest.approx(25, abs=4)


def test_boxes_come_and_go_with_their_frames(as_lead: Page, item: Item) -> None:
    open_clip(as_lead, item)
    find_mark(as_lead, "ruben\u2069, dynamic").press("Enter")
    expect_time(as_lead, 1.5)
    assert list_boxes(as_lead) == ["R2 watermark", "R2 jitter"]
    as_lead.keyboard.press("ArrowLeft")
    expect_time(as_lead, 1.44)
    assert list_boxes(as_lead) == ["R2 watermark"]
    as_lead.keyboard.press(".")
    expect_time(as_lead, 1.5)
    as_lead.keyboard.press(" ")
    as_lead.wait_for_function("() => !document.querySelector('video').paused")


def test_one_rater_or_one_axis_can_be_hidden(as_lead: Page, item: Item) -> None:
    open_clip(as_lead, item)
    find_mark(as_lead, "ruben\u2069, dynamic").press("Enter")
    expect_time(as_lead, 1.5)
    as_lead.get_by_role("checkbox", name="visual").uncheck()
    assert list_boxes(as_lead) == ["R2 jitter"]
    expect(find_mark(as_lead, "rita\u2069, visual")).to_be_hidden()
    as_lead.get_by_role("checkbox", name="visual").check()
    as_lead.get_by_role("checkbox", name="Show marks of \u2068ruben").uncheck()
    assert list_boxes(as_lead) == []
    expect(find_mark(as_lead, "ruben\u2069, dynamic")).to_be_hidden()
    expect(find_mark(as_lead, "rita\u2069, visual")).to_be_visible()


def test_single_keys_can_be_turned_off_outside_the_clip(as_lead: Page, item: Item) -> None:
    open_clip(as_lead, item)
    press(as_lead, "?")
    as_lead.get_by_label("Use single keys").uncheck()
    press(as_lead, "Escape")
    as_lead.get_by_role("heading", name="Ratings").click()
    as_lead.keyboard.press("p")
    as_lead.get_by_label("Feedback").press("p")
    assert as_lead.evaluate("document.querySelector('video').paused")
    as_lead.get_by_role("button", name="Keys").click()
    as_lead.get_by_label("Use single keys").check()
    press(as_lead, "Escape")
    as_lead.get_by_role("heading", name="Ratings").click()
    as_lead.keyboard.press("p")
    as_lead.wait_for_function("() => !document.querySelector('video').paused")


def test_boxes_stay_at_their_place_in_a_narrow_window_and_in_a_zoomed_picture(
    open_page: Callable[..., Page], lead: User, live_server: Any, item: Item
) -> None:
    page = open_page(**NARROW, color_scheme="dark")
    sign_in(page.context, lead, live_server.url)
    open_clip(page, item)
    box = EVIDENCE[Axis.VISUAL][2].box
    assert box
    expected = pytest.approx([box.x, box.y, box.width, box.height], abs=0.02)
    assert measure_box(page, "R2 watermark") == expected
    page.get_by_role("button", name="Zoom").click()
    assert measure_box(page, "R2 watermark") == expected
    assert [one["id"] for one in violations(page)] == []
    assert list(too_wide(page, "the page of a clip")) == []


def test_a_long_name_of_a_rater_is_whole_on_its_lane(
    as_lead: Page, open_page: Callable[..., Page], lead: User, live_server: Any, item: Item
) -> None:
    name = "Ruben van den Heuvel-Oosterhout"
    User.objects.filter(username="ruben").update(display_name=name)
    open_clip(as_lead, item)
    shown = as_lead.locator(".clip-lane-name bdi", has_text=name)
    assert shown.evaluate("node => node.scrollWidth <= node.clientWidth || node.getClientRects().length > 1")
    lane, words = shown.locator("..").bounding_box(), shown.bounding_box()
    assert lane
    assert words
    assert lane["x"] <= words["x"] <= words["x"] + words["width"] <= lane["x"] + lane["width"] + 1
    phone = open_page(**NARROW)
    sign_in(phone.context, lead, live_server.url)
    open_clip(phone, item)
    shown = phone.locator(".clip-lane-name bdi", has_text=name)
    assert shown.evaluate("node => node.getBoundingClientRect().width") <= 1
    phone.get_by_role("checkbox", name=f"Show marks of \u2068{name}").focus()
    box = shown.bounding_box()
    assert box
    assert box["width"] > 100
    assert shown.evaluate("node => node.scrollWidth <= node.clientWidth")


def test_without_scripts_all_evidence_is_in_tables(
    open_page: Callable[..., Page], lead: User, live_server: Any, item: Item
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page.context, lead, live_server.url)
    page.goto(f"/campaigns/{item.campaign.name}/items/{item.pk}")
    expect(page.get_by_role("row", name="ruben visual blur 0.50–1.25 25% × 50% at 25%, 25%")).to_be_visible()
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    expect(page.get_by_role("checkbox", name="visual")).to_be_hidden()
    find_mark(page, "ruben\u2069, dynamic").click()
    assert page.url.endswith("-dynamic-1")


def test_the_most_disputed_clip_is_found_looked_at_and_excluded_by_keyboard_alone(
    as_lead: Page, item: Item, lead: User
) -> None:
    calm = make_item(item.campaign, make_clip("calm"))
    as_lead.goto(f"/campaigns/{item.campaign.name}/items")
    tab_to(as_lead, "Score gap")
    as_lead.keyboard.press("Enter")
    as_lead.wait_for_url("**sort=-spread**")
    tab_to(as_lead, item.clip.prompt[:40])
    as_lead.keyboard.press("Enter")
    as_lead.wait_for_url(f"**/items/{item.pk}?sort=-spread")
    as_lead.wait_for_function("() => document.querySelector('[data-clock]').textContent")
    tab_to(as_lead, "ruben\u2069, dynamic")
    as_lead.keyboard.press("Enter")
    expect_time(as_lead, 1.5)
    assert "R2 jitter" in list_boxes(as_lead)
    tab_to(as_lead, "Exclude this clip")
    as_lead.keyboard.press("Enter")
    expect(as_lead.get_by_label("Reason")).to_be_focused()
    as_lead.keyboard.type("A real person.")
    as_lead.keyboard.press("Enter")
    expect(as_lead.get_by_text("Clip excluded.")).to_be_visible()
    assert as_lead.url.endswith(f"/items/{item.pk}?sort=-spread")
    as_lead.wait_for_function("() => document.querySelector('[data-clock]').textContent")
    as_lead.keyboard.press("j" if as_lead.get_by_role("link", name="Next clip").count() else "k")
    as_lead.wait_for_url(f"**/items/{calm.pk}?sort=-spread")
    item.refresh_from_db()
    assert (item.availability, item.exclusion_reason) == ("excluded", "A real person.")


def test_x_opens_the_exclusion_and_leaving_it_returns_the_focus(as_lead: Page, item: Item) -> None:
    open_clip(as_lead, item)
    button = as_lead.get_by_role("button", name="Exclude this clip")
    button.focus()
    press(as_lead, "x")
    dialog = as_lead.get_by_role("dialog", name="Exclude this clip")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    as_lead.keyboard.type("jux")
    expect(dialog.get_by_label("Reason")).to_have_value("jux")
    press(as_lead, "Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    press(as_lead, "x")
    dialog.get_by_role("button", name="Cancel").click()
    expect(button).to_be_focused()
    item.refresh_from_db()
    assert item.availability == "available"


def test_u_returns_to_the_row_of_the_clip_in_the_list_it_came_from(as_lead: Page, lead: User) -> None:
    campaign = make_campaign(name="long", actor=lead)
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(f"clip-{n:03}") for n in range(120)])
    ids = dict(Item.objects.filter(campaign=campaign).values_list("clip__clip_id", "pk"))
    as_lead.goto(f"/campaigns/long/items/{ids['clip-070']}?sort=-clip")
    press(as_lead, "j")
    as_lead.wait_for_url(f"**/items/{ids['clip-069']}?sort=-clip")
    press(as_lead, "u")
    row = as_lead.locator("tr[aria-current]")
    expect(row).to_contain_text("clip-069")
    expect(row.locator("th a")).to_be_focused()
    expect(as_lead.locator("#clip-list tbody tr")).to_have_count(50)
    press(as_lead, "k")
    expect(row).to_contain_text("clip-070")


def test_two_clips_of_a_prompt_play_in_step_and_by_keyboard(as_lead: Page, lead: User) -> None:
    campaign = make_campaign(name="pair", actor=lead, overlap=1, assisted_share=0.0)
    longer = make_clip("long", generator="wan2.1", video=LONGER_VIDEO)
    shorter = make_clip("short", generator="wan2.2", video=SHORT_VIDEO, group=longer.prompt_group)
    add_clips(actor=lead, campaign=campaign, clips=[longer, shorter])
    rate_all(make_user(), campaign, {"long": 2, "short": 4})
    as_lead.goto("/campaigns/pair/generators")
    clock = as_lead.locator("[data-pair-clock]")
    expect(clock).to_have_text("0.00 / 2.00 s")
    as_lead.wait_for_function("() => [...document.querySelectorAll('video')].every(video => video.readyState >= 2)")
    as_lead.get_by_role("slider", name="Position in both clips").fill("0.5")
    expect_times(as_lead, 0.5, 0.5)
    press(as_lead, ".")  # steps of the longer clip's frames
    expect_times(as_lead, 0.56, 0.5)
    press(as_lead, "p")
    as_lead.wait_for_function("() => [...document.querySelectorAll('video')].every(video => !video.paused)")
    as_lead.wait_for_function("() => document.querySelectorAll('video')[1].ended")  # it waits at its end
    press(as_lead, "p")
    as_lead.wait_for_function("() => document.querySelector('video').paused")
    as_lead.get_by_role("slider", name="Position in both clips").fill("0.25")
    expect_times(as_lead, 0.25, 0.25)
    assert [one["id"] for one in violations(as_lead)] == []


def expect_times(page: Page, *seconds: float) -> None:
    """Wait until each video shows a time within the frame that has these seconds."""
    page.wait_for_function(
        """times => [...document.querySelectorAll("video")].every(
            (video, at) => video.paused && !video.seeking && Math.abs(video.currentTime - times[at]) < 0.14)""",
        arg=list(seconds),
    )


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control with that name has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()")
        if focused.startswith((name, f"\u2068{name}")):
            return
    raise AssertionError(f"No Tab leads to {name}.")
