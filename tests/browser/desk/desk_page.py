"""The rating desk in a real browser: its clips, rating by keys, and waiting for its messages."""

from playwright.sync_api import Page, expect

from annotation.models import Arm, Campaign, Item
from tests.annotation.factories import LONGER_VIDEO, make_clip, make_item
from tests.browser.looks import violations
from tests.support.waiting import wait_until

REACHES_THE_SITE = "() => fetch('/healthz').then(() => true, () => false)"
WORDS = {
    "visual": "Sharp all over and clean at the edges.",
    "dynamic": "The square glides evenly to the right.",
    "alignment": "A square moves right, just as the prompt says.",
}


def add_clip(campaign: Campaign, name: str, *, arm: Arm = Arm.BLIND) -> Item:
    return make_item(campaign, make_clip(name, video=LONGER_VIDEO), arm=arm)


def open_desk(page: Page) -> None:
    page.goto("/rate/autumn/")
    page.wait_for_selector("[data-desk]")


def go_offline(page: Page) -> None:
    """Cut the network and wait until it is gone: under load, requests right after the switch still arrived."""
    page.context.set_offline(True)
    wait_until(lambda: not page.evaluate(REACHES_THE_SITE), what="a network that is gone")


def lease_on(page: Page) -> str:
    return page.locator("[data-desk]").get_attribute("data-lease") or ""


def rate_by_keys(page: Page, *, note: str = "") -> None:
    """Score, defect or none, and reason on each axis, from the first axis in focus to the submit."""
    for axis, score, letter in (("visual", "4", "b"), ("dynamic", "5", "0"), ("alignment", "3", "0")):
        expect(page.locator(f"#axis-{axis}[data-active]")).to_be_attached()
        page.keyboard.press(score)
        page.keyboard.press(letter)
        page.keyboard.press("Enter")
        page.keyboard.type(WORDS[axis] + note)
        page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Control+Enter")


def expect_saved(page: Page) -> None:
    expect(page.locator("[data-saved]")).to_contain_text("Saved")


def seek(page: Page, seconds: float) -> None:
    """Move the player and wait until its frame is on the screen."""
    move = "(slider, time) => { slider.value = time; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
    page.locator("[data-seek]").evaluate(move, seconds)
    page.wait_for_function(
        "time => Math.abs(parseFloat(document.querySelector('[data-clock]').textContent) - time) < 0.07", arg=seconds
    )


def check_accessible(page: Page) -> None:
    """Fail with the violations that axe-core reports, and their elements."""
    nodes = [(one["id"], node) for one in violations(page) for node in one["nodes"]]
    problems = [f"{rule}: {node['target']} {node['failureSummary']}" for rule, node in nodes]
    assert not problems, f"{page.url}: {problems}"
