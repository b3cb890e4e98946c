"""Reloads, lost connections, two tabs, a lost lease, a skip: no word is lost."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from annotation.campaigns.reports import exclude
from annotation.models import Campaign, Rating, SavedWork, Skip, Slot
from qsave.axes import AXES
from tests.annotation.factories import LONGER_VIDEO, make_clip, make_item, make_user
from tests.browser.desk.desk_page import (
    WORDS,
    add_clip,
    check_accessible,
    expect_saved,
    go_offline,
    lease_on,
    open_desk,
    rate_by_keys,
)

pytestmark = pytest.mark.concurrent


def test_a_reload_keeps_what_was_typed(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("2")
    desk.keyboard.press("n")
    desk.keyboard.press("Enter")
    desk.keyboard.type("Half a thought")
    desk.reload()
    expect(desk.locator("[name=visual-reason]")).to_have_value("Half a thought")
    expect(desk.locator("[name=visual-score][value='2']")).to_be_checked()
    expect(desk.locator("[name=visual-defect][value=noise]")).to_be_checked()


def test_words_typed_offline_survive_a_reload_and_are_sent_when_the_site_is_back(
    desk: Page, campaign: Campaign
) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.route("**/rate/autumn/*", lambda route: route.abort())
    desk.keyboard.press("Enter")
    desk.keyboard.type("Typed with no site there")
    desk.locator("#axis-dynamic").focus()
    expect(desk.locator("[data-saved]")).to_contain_text("Offline")
    desk.unroute("**/rate/autumn/*")
    desk.reload()
    expect(desk.locator("[name=visual-reason]")).to_have_value("Typed with no site there")
    expect_saved(desk)
    assert SavedWork.objects.get().answers["visual"]["reason"] == "Typed with no site there"


def test_a_submit_without_a_connection_is_sent_when_it_is_back(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    go_offline(desk)
    rate_by_keys(desk)
    expect(desk.locator("[data-notice]")).to_contain_text("sent as soon as the site can be reached")
    assert not Rating.objects.exists()
    desk.context.set_offline(False)
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.count() == 1


def test_what_is_missing_stays_in_sight_beside_the_axis_that_was_being_written(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("Enter")
    desk.keyboard.type("Too short")
    desk.keyboard.press("Control+Enter")
    for axis in AXES:
        expect(desk.locator(f"#axis-{axis} [data-problems]")).to_contain_text("score")
    expect(desk.locator("#axis-visual")).to_be_focused()
    desk.keyboard.press("4")
    expect(desk.locator("#axis-visual [data-problems]")).to_be_empty()


def test_a_double_click_on_submit_stores_once(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    add_clip(campaign, "two")
    open_desk(desk)
    desk.evaluate("document.querySelector('[data-submit]').addEventListener('focus', () => {})")
    for axis in AXES:
        desk.locator(f"[name={axis}-score][value='3'] + span").click()
        desk.locator(f"#axis-{axis} .rate-chip-none span").click()
        desk.locator(f"[name={axis}-reason]").fill(WORDS[axis])
    held = lease_on(desk)
    desk.locator("[data-submit]").dblclick()
    expect(desk.locator(f'[data-desk][data-lease="{held}"]')).to_have_count(0)
    expect(desk.locator("[data-desk]")).to_have_count(1)
    assert Rating.objects.count() == 1


def test_two_tabs_conflict_openly_with_both_texts_kept(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    other = desk.context.new_page()
    open_desk(other)
    write(other, "Written in the other tab")
    expect_saved(other)
    write(desk, "Written in this tab")
    panel = desk.locator("[data-conflict]")
    expect(panel).to_contain_text("Written in the other tab")
    expect(panel).to_contain_text("Written in this tab")
    panel.get_by_role("button", name="Use the other one").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value("Written in the other tab")
    expect_saved(desk)
    desk.keyboard.press("z")
    expect(desk.locator("[name=visual-reason]")).to_have_value("Written in this tab")


def test_a_conflict_that_comes_in_the_middle_of_a_word_takes_no_key_from_it(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    other = desk.context.new_page()
    open_desk(other)
    write(other, "Written in the other tab")
    expect_saved(other)
    desk.bring_to_front()
    desk.keyboard.press("Enter")
    desk.keyboard.type("Half a ")
    panel = desk.locator("[data-conflict]")
    expect(panel).to_contain_text("Written in the other tab")
    desk.keyboard.type("bus and a wing")
    expect(desk.locator("[name=visual-reason]")).to_have_value("Half a bus and a wing")
    expect(panel).to_contain_text("Half a bus and a wing")
    expect(desk.locator("#axis-visual input:checked")).to_have_count(0)
    check_accessible(desk)
    desk.keyboard.press("Control+Enter")
    desk.keyboard.press("Enter")
    expect_saved(desk)
    expect(desk.locator("[name=visual-reason]")).to_have_value("Half a bus and a wing")
    desk.keyboard.press("z")
    expect(desk.locator("[name=visual-reason]")).to_have_value("Written in the other tab")


def write(page: Page, words: str) -> None:
    page.locator("[name=visual-reason]").fill(words)
    page.locator("#axis-dynamic").focus()


def test_a_lost_lease_is_said_and_the_work_is_kept(desk: Page, campaign: Campaign, rater: User) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    Slot.objects.update(rater=make_user("thief"))
    rate_by_keys(desk)
    expect(desk.locator("[data-notice]")).to_contain_text("What you typed is kept")
    expect(desk.get_by_role("link", name="Continue with the next clip")).to_be_focused()
    assert SavedWork.objects.get(rater=rater).answers["visual"]["score"] == 4


def test_a_rater_whose_clip_is_excluded_is_told_while_typing_and_goes_on(
    desk: Page, campaign: Campaign, rater: User
) -> None:
    item = add_clip(campaign, "one")
    open_desk(desk)
    write(desk, "Half a thought")
    expect_saved(desk)
    exclude(actor=campaign.created_by, item=item, reason="Gore.")
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("Enter")
    desk.keyboard.type(" and the other half")
    expect(desk.locator("[data-notice]")).to_contain_text("A lead has taken this clip out of the campaign")
    expect(desk.locator("[name=visual-reason]")).to_have_value("Half a thought and the other half")
    assert SavedWork.objects.get(rater=rater).answers["visual"]["reason"] == "Half a thought and the other half"
    check_accessible(desk)
    add_clip(campaign, "two")
    desk.get_by_role("link", name="Continue with the next clip").click()
    expect(desk.locator(f'[data-desk]:not([data-item="{item.pk}"])')).to_have_count(1)
    assert Slot.objects.get(state="leased").item.clip.clip_id == "two"


def test_a_skip_by_keyboard_brings_the_next_clip(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    add_clip(campaign, "two")
    open_desk(desk)
    held = lease_on(desk)
    desk.locator(".rate-skip summary").focus()
    desk.keyboard.press("Enter")
    desk.get_by_label("Details").fill("stays black")
    desk.keyboard.press("Enter")
    expect(desk.locator(f'[data-desk][data-lease="{held}"]')).to_have_count(0)
    expect(desk.locator("[data-desk]")).to_have_count(1)
    assert Skip.objects.get().reason == "stays black"


def test_a_content_warning_blurs_the_clip_until_the_rater_says_so_by_key(desk: Page, campaign: Campaign) -> None:
    make_item(campaign, make_clip("one", content_warning="violence", video=LONGER_VIDEO))
    open_desk(desk)
    expect(desk.locator("[data-status]")).to_contain_text("Content warning: violence")
    desk.keyboard.press("Space")
    expect(desk.get_by_role("button", name="Show the clip")).to_be_focused()
    assert desk.evaluate("document.querySelector('video').paused")
    check_accessible(desk)
    desk.keyboard.press("Enter")
    expect(desk.locator("video.is-blurred, [data-warning]")).to_have_count(0)
    desk.wait_for_function("() => document.querySelector('video').played.length")
    desk.keyboard.press("4")
    expect(desk.locator("[name=visual-score][value='4']")).to_be_checked()
