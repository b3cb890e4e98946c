"""A whole session at the desk by keyboard alone, on a bad network and with a tab that dies: every answer is there."""

import contextlib
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from annotation.models import AxisAnswer, Campaign, Rating, SavedWork
from qsave.axes import AXES
from tests.annotation.factories import make_campaign, make_lead, make_user
from tests.browser.desk.desk_page import add_clip, expect_saved, go_offline, lease_on, open_desk
from tests.browser.looks import sign_in

pytestmark = pytest.mark.concurrent

CLIPS = ("one", "two", "three", "four", "five", "six")
SCORES = {"visual": 4, "dynamic": 5, "alignment": 2}


def words(axis: str, number: int) -> str:
    return f"What I saw of {axis} on clip number {number}."


def begin(page: Page, axis: str, number: int) -> None:
    """Score, no defect and the first half of the reason on the axis that is active."""
    page.keyboard.press(str(SCORES[axis]))
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.keyboard.type(words(axis, number)[:12])


def finish(page: Page, axis: str, number: int) -> None:
    page.keyboard.type(words(axis, number)[12:])
    page.keyboard.press("Alt+ArrowDown")


def answer(page: Page, number: int, *, after: str = "") -> None:
    """All axes, or those that come after one."""
    for axis in list(AXES)[[axis.value for axis in AXES].index(after) + 1 if after else 0 :]:
        begin(page, axis.value, number)
        finish(page, axis.value, number)


def submit(page: Page, number: int) -> None:
    """Submits by key and waits for the next clip, or for the end."""
    held = lease_on(page)
    page.keyboard.press("Control+Enter")
    wait_for_next(page, held, number)


def wait_for_next(page: Page, held: str, number: int) -> None:
    expect(page.locator(f'[data-desk][data-lease="{held}"]')).to_have_count(0)
    assert Rating.objects.count() == number
    if number < len(CLIPS):
        expect(page.locator("#axis-visual")).to_be_focused()


def kept_here(page: Page, text: str) -> None:
    """Waits until the browser's own store holds a text."""
    page.wait_for_function("text => JSON.stringify(localStorage).includes(text)", arg=text)


def no_saves(page: Page) -> None:
    page.context.route("**/save", lambda route: route.abort())


@pytest.fixture
def campaign(live_server: Any) -> Campaign:
    campaign = make_campaign(name="autumn", actor=make_lead("lena"))
    for name in CLIPS:
        add_clip(campaign, name)
    return campaign


def test_a_session_by_keyboard_alone_offline_for_part_of_it_loses_nothing(
    page: Page, campaign: Campaign, live_server: Any
) -> None:
    sign_in(page.context, make_user("rita"), live_server.url)
    open_desk(page)

    answer(page, 1)
    submit(page, 1)

    # The network goes in the middle of a word, and comes back before the submit.
    begin(page, "visual", 2)
    go_offline(page)
    finish(page, "visual", 2)
    begin(page, "dynamic", 2)
    expect(page.locator("[data-saved]")).to_contain_text("Offline")
    page.context.set_offline(False)
    finish(page, "dynamic", 2)
    answer(page, 2, after="dynamic")
    expect_saved(page)
    submit(page, 2)

    # The network is gone at the submit.
    held = lease_on(page)
    answer(page, 3)
    go_offline(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-notice]")).to_contain_text("sent as soon as the site can be reached")
    assert Rating.objects.count() == 2
    page.context.set_offline(False)
    wait_for_next(page, held, 3)

    # A reload while no save has come through.
    no_saves(page)
    begin(page, "visual", 4)
    kept_here(page, words("visual", 4)[:12])
    assert not SavedWork.objects.exists()
    page.reload()
    page.context.unroute("**/save")
    expect(page.locator("[name=visual-reason]")).to_have_value(words("visual", 4)[:12])
    page.keyboard.press("Enter")
    finish(page, "visual", 4)
    answer(page, 4, after="visual")
    submit(page, 4)

    # The tab dies while the words are nowhere but in the browser.
    no_saves(page)
    begin(page, "visual", 5)
    kept_here(page, words("visual", 5)[:12])
    page = crash(page)
    assert not SavedWork.objects.exists()
    page.context.unroute("**/save")
    open_desk(page)
    expect(page.locator("[name=visual-reason]")).to_have_value(words("visual", 5)[:12])
    page.keyboard.press("Enter")
    finish(page, "visual", 5)
    answer(page, 5, after="visual")
    submit(page, 5)

    # Two tabs write about one clip: both texts are shown, and the rater chooses.
    other = page.context.new_page()
    open_desk(other)
    other.keyboard.press("Enter")
    other.keyboard.type("Said in the other tab.")
    other.keyboard.press("Escape")
    expect_saved(other)
    page.bring_to_front()
    begin(page, "visual", 6)
    finish(page, "visual", 6)
    panel = page.locator("[data-conflict]")
    expect(panel).to_contain_text("Said in the other tab.")
    expect(panel).to_contain_text(words("visual", 6))
    page.keyboard.press("Control+Enter")  # which leads to the choice
    expect(panel.get_by_role("button", name="Keep this one")).to_be_focused()
    page.keyboard.press("Enter")
    expect_saved(page)
    answer(page, 6, after="visual")
    submit(page, 6)
    expect(page.get_by_role("heading", name="Nothing left to rate")).to_be_visible()

    for number, rating in enumerate(Rating.objects.order_by("pk"), start=1):
        given = AxisAnswer.objects.filter(revision__rating=rating)
        assert dict(given.values_list("axis", "score")) == SCORES
        assert dict(given.values_list("axis", "reason")) == {axis: words(axis, number) for axis in SCORES}
    assert Rating.objects.values("item").distinct().count() == len(CLIPS)
    page.context.route("**/save", lambda route: route.abort())


def crash(page: Page) -> Page:
    """Kills the tab's process, as a browser that runs out of memory does; returns another tab."""
    context = page.context
    with page.expect_event("crash"), contextlib.suppress(Error):  # the navigation ends with the process
        page.goto("chrome://crash")
    page.close()
    return context.new_page()
