"""Undo and redo, the rating just given, and the search for a defect."""

from playwright.sync_api import Page, expect

from annotation.models import Arm, Campaign, Rating, Slot
from tests.annotation.factories import make_draft
from tests.browser.desk.desk_page import WORDS, add_clip, check_accessible, lease_on, open_desk, rate_by_keys


def test_every_kind_of_step_is_undone_and_redone(desk: Page, campaign: Campaign) -> None:
    make_draft(add_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    read = "() => [...new FormData(document.querySelector('[data-form]'))].filter(([name]) => name.includes('-'))"
    read = f"({read})().filter(([name]) => !name.endsWith('confirm_ms')).map(String)"
    states = [desk.evaluate(read)]
    for keys in ("4", "n", "i", "y", "y", "x", "y2"):
        if keys == "x":
            desk.keyboard.press("x")  # leads into the emptied box
            desk.keyboard.type("Words in one go, quickly")
            desk.keyboard.press("Escape")
            continue
        for key in keys:
            desk.keyboard.press(key)
        if desk.evaluate(read) != states[-1]:
            states.append(desk.evaluate(read))
    assert len(states) >= 5
    while desk.locator("[data-step=back]").get_attribute("aria-disabled") == "false":
        desk.keyboard.press("z")
    assert desk.evaluate(read) == states[0]
    expect(desk.locator("#axis-visual [data-draft-state]")).to_have_text("unconfirmed")
    desk.keyboard.press("Control+y")
    assert desk.evaluate(read) == states[1]
    desk.keyboard.press("Control+z")
    assert desk.evaluate(read) == states[0]
    while desk.locator("[data-step=on]").get_attribute("aria-disabled") == "false":
        desk.keyboard.press("Shift+U")
    assert desk.evaluate(read) == states[-1]
    expect(desk.locator("[name=visual-reason]")).to_have_value("Words in one go, quickly")


def test_words_typed_in_one_go_are_one_step_and_a_text_box_undoes_by_itself(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("3")
    desk.keyboard.press("Enter")
    desk.keyboard.type("A few words")
    desk.keyboard.press("Control+z")  # the browser's own
    desk.keyboard.press("Control+Shift+z")
    expect(desk.locator("[name=visual-reason]")).to_have_value("A few words")
    expect(desk.locator("[name=visual-score][value='3']")).to_be_checked()
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value("")
    expect(desk.locator("[name=visual-score][value='3']")).to_be_checked()
    expect(desk.locator("[data-status]")).to_have_text("Undone: Visual")


def test_the_rating_just_given_is_one_link_away(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        add_clip(campaign, name)
    open_desk(desk)
    held = lease_on(desk)
    slot = Slot.objects.get(lease=held)
    rate_by_keys(desk)
    expect(desk.locator(f'[data-desk][data-lease="{held}"]')).to_have_count(0)
    desk.get_by_role("link", name="Edit the last").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value(WORDS["visual"])
    desk.keyboard.press("Tab")
    assert Rating.objects.get().slot == slot


def test_a_defect_is_found_by_its_name(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("/")
    search = desk.get_by_role("combobox", name="Visual: find a defect")
    expect(search).to_be_focused()
    desk.keyboard.type("exp")
    options = desk.get_by_role("option")
    expect(options).to_have_text(["over exposed", "under exposed"])
    expect(desk.locator("[data-status]")).to_have_text("2 found. over exposed, not marked")
    check_accessible(desk)
    desk.keyboard.press("ArrowDown")
    expect(desk.locator("[data-status]")).to_have_text("under exposed, not marked")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-status]")).to_have_text("under exposed marked")
    expect(desk.locator("[name=visual-defect][value=under-exposed]")).to_be_checked()
    desk.keyboard.press("Enter")
    expect(desk.locator("[name=visual-defect][value=under-exposed]")).not_to_be_checked()
    desk.keyboard.type("nothing like it")
    expect(desk.locator("[data-status]")).to_contain_text("No defect of this axis")
    desk.keyboard.press("Enter")
    desk.keyboard.press("Escape")
    expect(search).to_have_count(0)
    expect(desk.locator("#axis-visual")).to_be_focused()
    assert not Rating.objects.exists()
