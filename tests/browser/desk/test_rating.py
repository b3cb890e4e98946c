"""A session by keyboard alone, what it records of the watching, and the clip after."""

import re

import pytest
from playwright.sync_api import Page, expect

from annotation.models import AxisAnswer, Campaign, Item, Rating
from tests.browser.desk.desk_page import add_clip, check_accessible, lease_on, open_desk, rate_by_keys
from tests.browser.looks import stop_clock

pytestmark = pytest.mark.concurrent


def test_a_whole_session_by_keyboard_alone(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        add_clip(campaign, name)
    open_desk(desk)
    for number in (1, 2):
        held = lease_on(desk)
        desk.keyboard.press("?")
        expect(desk.locator("#keys")).to_be_visible()
        desk.keyboard.press("Escape")
        desk.keyboard.press("b")  # blur, from here ...
        desk.keyboard.press("i")
        desk.keyboard.press(".")
        desk.keyboard.press(".")
        desk.keyboard.press("o")  # ... to here
        expect(desk.locator("#axis-visual .mark-jump")).to_have_count(1)
        desk.keyboard.press("b")  # off again: rate_by_keys sets it again
        rate_by_keys(desk, note=f" Number {number}.")
        expect(desk.locator(f'[data-desk][data-lease="{held}"]')).to_have_count(0)
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.count() == 2
    answers = AxisAnswer.objects.filter(revision__rating=Rating.objects.order_by("pk")[0])
    assert dict(answers.values_list("axis", "score")) == {"visual": 4, "dynamic": 5, "alignment": 3}
    assert answers.get(axis="visual").evidence == [{"defect": "blur", "time": None, "box": None}]
    assert answers.get(axis="dynamic").evidence == []


def test_the_viewing_record_says_how_the_clip_was_watched(desk: Page, campaign: Campaign) -> None:
    Campaign.objects.update(requires_watched=True)  # the page says then when a last frame was shown
    add_clip(campaign, "one")
    open_desk(desk)
    desk.wait_for_function(
        "() => { const v = document.querySelector('video'); return v.played.length && v.currentTime > 1; }"
    )
    desk.wait_for_function("() => document.querySelector('video').currentTime < 0.9")  # it loops
    expect(desk.get_by_role("list", name="What this campaign requires")).to_contain_text("to its end: ✓ done")
    rate_by_keys(desk)
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    revision = Rating.objects.get().revisions.get()
    assert revision.viewing["watched_share"] > 0.9
    assert revision.viewing["plays"] >= 2
    assert revision.viewing["watched_to_end"] is True
    assert revision.viewing["longest_position"] == pytest.approx(1.9375, abs=0.26)
    assert revision.viewing["total_frames"] > revision.viewing["dropped_frames"] >= 0
    assert (revision.viewing["dpr"], revision.viewing["speeds"]) == (1, [1])
    assert revision.viewing["viewport"] == [1366, 768]
    assert revision.viewing["rendition"] == "original"
    assert revision.seconds_spent > 1


def test_what_the_campaign_asks_of_the_watching_is_said_beforehand_and_held_to(desk: Page, campaign: Campaign) -> None:
    Campaign.objects.update(requires_watched=True, min_viewport_width=1300, min_viewport_height=700)
    add_clip(campaign, "one")
    desk.emulate_media(reduced_motion="reduce")  # the clip does not begin by itself
    desk.set_viewport_size({"width": 1200, "height": 768})
    open_desk(desk)
    asks = desk.get_by_role("list", name="What this campaign requires for watching")
    expect(asks).to_contain_text("to its end: not yet")
    expect(asks).to_contain_text("1300 × 700: too small")
    rate_by_keys(desk)
    expect(desk.locator("[data-notice]")).to_contain_text("Watch the clip to its end")
    expect(desk.locator("[data-notice]")).to_contain_text("Make the window larger")
    assert not Rating.objects.exists()

    desk.set_viewport_size({"width": 1366, "height": 768})
    expect(asks).to_contain_text("large enough")
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("p")
    expect(asks).to_contain_text("to its end: ✓ done")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.get().revisions.get().viewing["watched_to_end"] is True


def test_a_word_after_a_long_sitting_lies_beside_the_work_and_goes_when_told(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    desk.clock.install()
    open_desk(desk)
    stop_clock(desk)
    word = desk.locator("[data-sitting]")
    for _ in range(49):
        desk.keyboard.press("Shift")
        desk.clock.run_for(60_000)
    expect(word).to_be_hidden()
    desk.keyboard.press("Shift")
    desk.clock.run_for(60_000)
    expect(word).to_contain_text("A short break")
    assert desk.evaluate("document.documentElement.scrollHeight") == 768
    desk.clock.resume()  # axe waits by it
    check_accessible(desk)
    word.get_by_role("button").click()
    expect(word).to_be_hidden()


def test_a_break_ends_a_sitting(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    desk.clock.install()
    open_desk(desk)
    stop_clock(desk)
    for minutes in (45, 11, 10):
        for _ in range(minutes):
            desk.clock.run_for(60_000)
            if minutes != 11:
                desk.keyboard.press("Shift")
    expect(desk.locator("[data-sitting]")).to_be_hidden()


def test_the_next_clip_is_fetched_while_this_one_is_rated(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        add_clip(campaign, name)
    open_desk(desk)
    [ahead] = Item.objects.exclude(slots__lease=lease_on(desk))
    desk.wait_for_function(
        "path => performance.getEntriesByType('resource')"
        ".some(entry => entry.initiatorType === 'fetch' && entry.name.endsWith(path))",
        arg=f"/media/video/{ahead.clip_id}",
    )


def test_a_desk_that_was_held_already_fetches_the_next_clip_too(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        add_clip(campaign, name)
    open_desk(desk)
    with desk.expect_response(re.compile(r"/upcoming$")):
        desk.reload()
