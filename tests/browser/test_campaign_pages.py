"""The lead's pages of a campaign in a real browser: the guidelines' examples, and a try that leaves nothing behind."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from annotation.agreement.stored import compute_figures
from annotation.campaigns.guidelines import Example, read_examples, set_guidelines
from annotation.models import Campaign, Rating, SavedWork, Slot
from tests.annotation.campaigns.test_names import TITLES
from tests.annotation.disputed_item import make_disputed_item
from tests.annotation.factories import LONGER_VIDEO, make_campaign, make_clip, make_item, make_lead
from tests.browser.looks import sign_in, violations

NAMES = ("one", "two", "three")


@pytest.fixture
def lead(live_server: object) -> User:
    return make_lead("lena")


@pytest.fixture
def campaign(lead: User) -> Campaign:
    campaign = make_campaign(name="autumn", actor=lead)
    for name in NAMES:
        make_item(campaign, make_clip(name, video=LONGER_VIDEO))
    return campaign


@pytest.fixture
def as_lead(page: Page, lead: User, live_server: Any) -> Page:
    sign_in(page.context, lead, live_server.url)
    return page


def test_the_short_name_follows_the_title_until_it_is_edited(as_lead: Page) -> None:
    as_lead.goto("/new-campaign")
    name = as_lead.get_by_label("Short name")
    for title, proposed in TITLES.items():
        as_lead.get_by_label("Title").fill(title)
        expect(name).to_have_value(proposed)
    name.fill("mine")
    as_lead.get_by_label("Title").fill("Another title")
    expect(name).to_have_value("mine")


def test_an_example_is_found_added_and_saved_without_losing_what_was_typed(as_lead: Page, campaign: Campaign) -> None:
    as_lead.goto(f"/campaigns/{campaign.name}/guidelines")
    as_lead.get_by_label("Guidelines, in Markdown").fill("# Look twice")
    as_lead.get_by_role("searchbox").fill("o")
    as_lead.get_by_role("searchbox").press("Enter")
    as_lead.get_by_label("Add as an example of").select_option("dynamic")
    as_lead.get_by_label("Level").select_option("2")
    as_lead.get_by_role("button", name="Add two").press("Enter")
    expect(as_lead.get_by_label("Note on two")).to_be_visible()
    as_lead.get_by_role("button", name="Add one").click()
    as_lead.get_by_role("button", name="Remove one").click()
    expect(as_lead.get_by_label("Note on one")).to_have_count(0)
    as_lead.get_by_label("Note on two").fill("It slides.")
    as_lead.get_by_role("button", name="Preview").click()
    expect(as_lead.get_by_role("heading", name="Look twice")).to_be_visible()
    expect(as_lead.locator("figcaption")).to_have_text("It slides.")
    assert not campaign.guidelines.exists()

    as_lead.get_by_role("button", name="Save as a new version").click()
    expect(as_lead.get_by_text("Version 1 of the guidelines saved.")).to_be_visible()
    (example,) = read_examples(campaign.guidelines.get())
    assert (example.axis, example.level, example.clip.clip_id, example.note) == ("dynamic", 2, "two", "It slides.")


def test_an_example_plays_by_keyboard_in_the_drawer_and_stops_when_it_closes(
    as_lead: Page, campaign: Campaign, lead: User
) -> None:
    clip = campaign.items.order_by("pk")[0].clip
    set_guidelines(actor=lead, campaign=campaign, text="# Look", examples=[Example("visual", 1, clip, "Melted.")])
    as_lead.goto(f"/rate/{campaign.name}/try")
    as_lead.get_by_role("link", name="Guidelines").press("Enter")
    as_lead.get_by_role("link", name="Play an example of visual 1, bad").press("Enter")
    video = as_lead.locator("#guidelines video")
    expect(video).to_be_focused()
    as_lead.wait_for_function("() => document.querySelector('#guidelines video').currentTime > 0")
    as_lead.keyboard.press("Escape")
    as_lead.wait_for_function("() => document.querySelector('#guidelines video').paused")


def test_a_try_is_rated_by_keyboard_and_leaves_nothing_here_nor_there(as_lead: Page, campaign: Campaign) -> None:
    posts: list[str] = []
    as_lead.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    slots = list(Slot.objects.order_by("pk").values())
    as_lead.goto(f"/rate/{campaign.name}/try")
    for number in range(1, len(NAMES) + 1):
        expect(as_lead.get_by_text(f"clip {number} of {len(NAMES)}")).to_be_visible()
        expect(as_lead.get_by_text("Try: nothing is saved")).to_be_visible()
        for axis in ("visual", "dynamic", "alignment"):
            as_lead.keyboard.press("4")
            as_lead.keyboard.press("0")
            as_lead.keyboard.press("Enter")
            as_lead.keyboard.type(f"Nothing is amiss in clip {number} on {axis}.")
            as_lead.keyboard.press("Alt+ArrowDown")
        as_lead.keyboard.press("Control+Enter")
    expect(as_lead.get_by_role("heading", name="That was the last clip")).to_be_visible()

    assert {url.rpartition("/")[2] for url in posts} == {"try"}
    kept = as_lead.evaluate("JSON.stringify(localStorage)")
    assert not [name for name in json.loads(kept) if "work:" in name or "try:" in name]
    assert list(Slot.objects.order_by("pk").values()) == slots
    assert not Rating.objects.exists()
    assert not SavedWork.objects.exists()


def test_a_try_in_its_middle_is_not_taken_for_work_of_the_real_desk(as_lead: Page, campaign: Campaign) -> None:
    as_lead.goto(f"/rate/{campaign.name}/try")
    as_lead.locator("#axis-visual textarea").fill("Only a try, to be forgotten.")
    as_lead.goto(f"/rate/{campaign.name}/try")
    expect(as_lead.locator("#axis-visual textarea")).to_have_value("")
    assert not SavedWork.objects.exists()


def test_a_dash_opens_by_keyboard_to_the_reason(as_lead: Page, lead: User) -> None:
    campaign = make_disputed_item(lead).campaign
    as_lead.goto(f"/campaigns/{campaign.name}/agreement")
    expect(as_lead.get_by_text("The figures are being computed.")).to_be_visible()
    compute_figures(campaign)  # the page renews itself
    expect(as_lead.get_by_text("Nothing has changed since then.")).to_be_visible()
    expect(as_lead.locator(".agreement-wait")).to_have_count(0)
    dash = as_lead.locator(".dash").first
    reason = dash.locator("p")
    expect(reason).to_be_hidden()
    dash.locator("summary").press("Enter")
    expect(reason).to_be_visible()
    assert reason.inner_text() == dash.locator("summary .visually-hidden").inner_text().strip()
    assert [one["id"] for one in violations(as_lead)] == []
