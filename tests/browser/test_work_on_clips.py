"""A lead works through the list of clips in a real browser: by keyboard, on many clips at once, and without scripts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from annotation.campaigns.campaigns import add_clips
from annotation.models import Campaign, Item
from tests.annotation.factories import (
    LONGER_VIDEO,
    claim,
    make_answers,
    make_campaign,
    make_clip,
    make_lead,
    make_user,
    submit,
)
from tests.browser.looks import NARROW, WIDE, sign_in, too_wide, violations

SCORES = {"calm-sea": (3, 3), "fox-in-snow": (2, 4), "glass-of-tea": (1, 5), "night-market": (3, 4)}
NAMES = "#clip-list tbody th .mono"
BY_SPREAD = ["glass-of-tea", "fox-in-snow", "night-market", "calm-sea"]


@pytest.fixture
def lead(live_server: object) -> User:
    return make_lead("lena")


@pytest.fixture
def campaign(lead: User) -> Campaign:
    """A campaign whose clips two raters have rated."""
    campaign = make_campaign(name="spring", actor=lead, overlap=2)
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(name, video=LONGER_VIDEO) for name in SCORES])
    for number, name in enumerate(("rita", "ruben")):
        rater = make_user(name)
        for _clip in SCORES:
            slot = claim(rater, campaign)
            submit(rater, slot, answers=make_answers(SCORES[slot.item.clip.clip_id][number]))
    return campaign


@pytest.fixture
def as_lead(page: Page, lead: User, live_server: Any) -> Page:
    sign_in(page.context, lead, live_server.url)
    return page


def open_list(page: Page, campaign: Campaign, query: str = "") -> None:
    page.goto(f"/campaigns/{campaign.name}/items{query}")


def expect_current(page: Page, name: str) -> None:
    expect(page.locator("tr[aria-current]")).to_contain_text(name)


def expect_focused(page: Page, name: str) -> None:
    expect_current(page, name)
    expect(page.locator("tr[aria-current] th a")).to_be_focused()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_by_keyboard_alone_the_most_disputed_clip_is_found_looked_at_and_excluded(
    as_lead: Page, campaign: Campaign
) -> None:
    open_list(as_lead, campaign)
    as_lead.locator("#sort-spread").press("Enter")
    expect(as_lead.get_by_role("columnheader", name="Score gap")).to_have_attribute("aria-sort", "descending")
    expect(as_lead.locator("#sort-spread")).to_be_focused()
    expect(as_lead.locator(NAMES)).to_have_text(BY_SPREAD)
    press(as_lead, "j")
    expect_focused(as_lead, "glass-of-tea")
    press(as_lead, "Enter")
    expect(as_lead.get_by_role("heading", name="Ratings")).to_be_visible()
    expect(as_lead.get_by_text("rita").first).to_be_visible()
    expect(as_lead.locator("video")).to_be_visible()
    as_lead.go_back()
    expect(as_lead).to_have_url(re.compile("sort=-spread"))
    expect_focused(as_lead, "glass-of-tea")
    press(as_lead, "e")
    expect(as_lead.get_by_label("Reason")).to_be_focused()
    as_lead.keyboard.type("The raters saw different clips.")
    press(as_lead, "Enter")
    expect(as_lead.get_by_text("1 clip excluded.")).to_be_visible()
    expect(as_lead).to_have_url(re.compile("sort=-spread"))
    expect_focused(as_lead, "fox-in-snow")
    item = Item.objects.get(clip__clip_id="glass-of-tea")
    assert (item.availability, item.exclusion_reason) == ("excluded", "The raters saw different clips.")
    as_lead.get_by_role("link", name="Undo the exclusion").press("Enter")
    as_lead.get_by_role("button", name="Undo the exclusion").press("Enter")
    expect(as_lead.get_by_text("The exclusion of 1 clip is undone.")).to_be_visible()
    item.refresh_from_db()
    assert item.availability == "available"


def test_keys_move_over_pages_choose_search_and_can_be_turned_off(as_lead: Page, lead: User) -> None:
    campaign = make_campaign(name="long", actor=lead)
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(f"clip-{n:02}") for n in range(52)])
    open_list(as_lead, campaign)
    press(as_lead, "j", "k", "j", "x", "x")
    expect_focused(as_lead, "clip-01")
    expect(as_lead.get_by_role("button", name="Exclude")).to_be_hidden()
    press(as_lead, "x", "j", "x")
    expect(as_lead.get_by_text("2 chosen")).to_be_visible()
    as_lead.locator("#clip-list tbody th a").last.focus()
    press(as_lead, "j")
    expect_focused(as_lead, "clip-50")
    press(as_lead, "k")
    expect_focused(as_lead, "clip-49")
    press(as_lead, "/")
    expect(as_lead.get_by_role("searchbox")).to_be_focused()
    as_lead.keyboard.type("jjxe")
    assert as_lead.get_by_role("searchbox").input_value() == "jjxe"
    as_lead.get_by_role("searchbox").fill("clip-5")
    press(as_lead, "Enter")
    expect(as_lead.locator("#clip-list tbody tr")).to_have_count(2)
    press(as_lead, "Escape")
    expect_focused(as_lead, "clip-50")
    press(as_lead, "?")
    as_lead.get_by_label("Use single keys").uncheck()
    press(as_lead, "Escape", "j", "x")
    expect_current(as_lead, "clip-50")
    expect(as_lead.get_by_role("button", name="Exclude")).to_be_hidden()


def test_a_filter_is_a_chip_that_removes_it_and_back_brings_it_again(as_lead: Page, campaign: Campaign) -> None:
    open_list(as_lead, campaign)
    as_lead.get_by_text("More filters").click()
    as_lead.get_by_label("Score gap").select_option("2")
    expect(as_lead.locator("#clip-list tbody tr")).to_have_count(2)
    expect(as_lead).to_have_url(re.compile("spread=2"))
    as_lead.get_by_role("link", name="Score gap: ≥ 2").press("Enter")
    expect(as_lead.locator("#clip-list tbody tr")).to_have_count(4)
    expect(as_lead.get_by_label("Score gap")).to_have_value("")
    as_lead.go_back()
    expect(as_lead.locator("#clip-list tbody tr")).to_have_count(2)
    expect(as_lead.get_by_label("Score gap")).to_have_value("2")
    press(as_lead, "j")
    expect_focused(as_lead, "fox-in-snow")


def test_a_picture_plays_in_place_alone_and_not_by_itself_where_motion_is_unwelcome(
    as_lead: Page, campaign: Campaign, open_page: Callable[..., Page], lead: User, live_server: Any
) -> None:
    open_list(as_lead, campaign)
    thumbs = as_lead.locator("[data-thumb]")
    thumbs.nth(0).hover()
    expect(thumbs.nth(0).locator("video")).to_be_visible()
    as_lead.wait_for_function("() => document.querySelector('#clip-list video').currentTime > 0")
    assert as_lead.locator("#clip-list video").evaluate("video => video.muted")
    thumbs.nth(1).focus()
    expect(thumbs.nth(1).locator("video")).to_be_visible()
    expect(as_lead.locator("#clip-list video")).to_have_count(1)
    press(as_lead, "Escape")
    expect(as_lead.locator("#clip-list video")).to_have_count(0)
    still = open_page(reduced_motion="reduce")
    sign_in(still.context, lead, live_server.url)
    open_list(still, campaign)
    press(still, "j")
    still.locator("[data-thumb]").first.hover()
    press(still, "p")
    expect(still.locator("#clip-list video")).to_have_count(1)
    press(still, "p")
    expect(still.locator("#clip-list video")).to_have_count(0)


def test_many_clips_are_marked_at_once_and_cancel_changes_nothing(as_lead: Page, campaign: Campaign) -> None:
    open_list(as_lead, campaign, "?sort=-spread")
    as_lead.get_by_label("Choose all on this page").check()
    expect(as_lead.get_by_text("4 chosen")).to_be_visible()
    as_lead.get_by_role("button", name="Make gold").click()
    as_lead.get_by_role("link", name="Cancel").click()
    expect(as_lead.get_by_role("dialog")).to_be_hidden()
    expect(as_lead.get_by_text("4 chosen")).to_be_visible()
    as_lead.get_by_role("button", name="Make gold").click()
    as_lead.get_by_label("Known visual score").fill("4")
    as_lead.get_by_role("button", name="Make these clips golds").click()
    expect(as_lead.get_by_text("4 clips are golds now.")).to_be_visible()
    expect(as_lead.locator(NAMES)).to_have_text(BY_SPREAD)
    expect(as_lead.locator("#clip-list tbody .badge-good")).to_have_count(4)


def test_clips_are_chosen_on_several_pages_and_one_act_changes_them_all(as_lead: Page, lead: User) -> None:
    campaign = make_campaign(name="long", actor=lead)
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(f"clip-{n:03}") for n in range(120)])
    open_list(as_lead, campaign)
    choose(as_lead, "clip-003", "clip-007")
    as_lead.get_by_role("link", name="Next clips").click()
    expect(as_lead.get_by_label("Choose clip-050")).to_be_visible()
    expect(as_lead.get_by_text("2 chosen, 0 on this page")).to_be_visible()
    choose(as_lead, "clip-055")
    expect(as_lead.get_by_text("3 chosen, 1 on this page")).to_be_visible()
    as_lead.reload()
    expect(as_lead.get_by_text("3 chosen, 1 on this page")).to_be_visible()
    as_lead.get_by_role("link", name="First clips").click()
    expect(as_lead.get_by_label("Choose clip-003")).to_be_checked()
    as_lead.get_by_label("Choose clip-007").uncheck()
    as_lead.get_by_label("State").select_option("rated")
    expect(as_lead.get_by_text("No clip fits these filters.")).to_be_visible()
    as_lead.get_by_label("State").select_option("unrated")
    expect(as_lead.get_by_label("Choose clip-003")).not_to_be_checked()  # another list
    as_lead.get_by_label("State").select_option("")
    expect(as_lead.get_by_text("2 chosen, 1 on this page")).to_be_visible()
    as_lead.get_by_role("button", name="Set priority").click()
    dialog = as_lead.get_by_role("dialog")
    expect(dialog.get_by_text("2 clips chosen")).to_be_visible()
    dialog.get_by_role("spinbutton", name="Priority").fill("9")
    dialog.get_by_role("button", name="Set the priority").click()
    expect(as_lead.get_by_text("The priority of 2 clips changed.")).to_be_visible()
    expect(as_lead.get_by_role("button", name="Set priority")).to_be_hidden()
    changed = Item.objects.filter(campaign=campaign, priority=9).values_list("clip__clip_id", flat=True)
    assert sorted(changed) == ["clip-003", "clip-055"]
    as_lead.get_by_role("link", name="Restore their priorities").click()
    as_lead.get_by_role("button", name="Restore the priorities of these clips").click()
    expect(as_lead.get_by_text("The priorities of 2 clips are restored.")).to_be_visible()
    assert not Item.objects.filter(campaign=campaign, priority=9).exists()


def test_all_clips_of_a_list_are_chosen_and_the_choice_is_cleared(as_lead: Page, lead: User) -> None:
    campaign = make_campaign(name="long", actor=lead)
    add_clips(actor=lead, campaign=campaign, clips=[make_clip(f"clip-{n:03}") for n in range(120)])
    open_list(as_lead, campaign, "?q=clip-0&sort=-clip")
    choose(as_lead, "clip-099")
    as_lead.get_by_role("button", name="Choose all 100 clips of this list").click()
    expect(as_lead.get_by_text("100 chosen, 50 on this page")).to_be_visible()
    as_lead.get_by_label("Choose clip-098").uncheck()
    as_lead.get_by_role("button", name="Exclude").click()
    expect(as_lead.get_by_role("dialog").get_by_text("99 clips chosen")).to_be_visible()
    press(as_lead, "Escape")
    as_lead.get_by_role("button", name="Clear choice").click()
    expect(as_lead.get_by_role("button", name="Exclude")).to_be_hidden()
    expect(as_lead.get_by_label("Choose all on this page")).to_be_focused()
    as_lead.reload()
    expect(as_lead.get_by_label("Choose clip-099")).not_to_be_checked()


def choose(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_label(f"Choose {name}").check()


def test_without_scripts_clips_are_chosen_and_excluded_on_a_page(
    open_page: Callable[..., Page], lead: User, live_server: Any, campaign: Campaign
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page.context, lead, live_server.url)
    open_list(page, campaign, "?sort=-spread")
    expect(page.get_by_role("button", name="Show clips")).to_be_visible()
    page.get_by_label("Choose fox-in-snow").check()
    page.get_by_role("button", name="Exclude").click()
    page.get_by_label("Reason").fill("Still.")
    page.get_by_role("button", name="Exclude these clips").click()
    expect(page.get_by_text("1 clip excluded.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"items\?sort=-spread"))


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "dark"), (NARROW, "light")], ids=["wide", "narrow"])
def test_the_list_its_acts_and_its_dialogs_are_accessible(
    open_page: Callable[..., Page],
    lead: User,
    live_server: Any,
    campaign: Campaign,
    size: dict[str, int],
    scheme: str,
) -> None:
    page = open_page(**size, color_scheme=scheme, reduced_motion="reduce")
    sign_in(page.context, lead, live_server.url)
    open_list(page, campaign, "?spread=1&sort=-spread&reports=")
    press(page, "j", "x")
    for keys, heading in (((), "Clips"), (("?",), "Keys of this list"), (("Escape", "e"), "Exclude these clips")):
        press(page, *keys)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert [one["id"] for one in violations(page)] == []
        assert list(too_wide(page, heading)) == []
