"""Who may rate, in a real browser: a participant of a panel from link to code, and links that are shown once."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from annotation.models import Campaign, PanelParticipant
from annotation.raters import panels
from tests.annotation.factories import LONGER_VIDEO, make_campaign, make_clip, make_item, make_lead
from tests.browser.desk.desk_page import rate_by_keys
from tests.browser.looks import sign_in, violations

CODE = "GREEN-OWL-7"
BACK = "https://panel.example/done"
CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def lead(live_server: object) -> User:
    return make_lead("lena")


@pytest.fixture
def campaign(lead: User) -> Campaign:
    campaign = make_campaign(name="autumn", actor=lead)
    for name in ("one", "two", "three"):
        make_item(campaign, make_clip(name, video=LONGER_VIDEO))
    return campaign


def test_a_participant_comes_by_the_link_rates_their_part_and_copies_the_code(
    open_page: Callable[..., Page], lead: User, campaign: Campaign
) -> None:
    values = {"name": "Acme", "quota": 2, "completion_code": CODE}
    _, secret = panels.make_panel(actor=lead, campaign=campaign, return_url=BACK, **values)
    page = open_page(permissions=CLIPBOARD)
    page.goto(f"/panel/{secret}/?PROLIFIC_PID=5f1c")
    expect(page.get_by_label("Your participant number")).to_have_value("5f1c")
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.locator("[data-desk]")).to_be_visible()  # the first clip comes by itself
    for number in (1, 2):
        held = page.locator("[data-desk]").get_attribute("data-lease")
        rate_by_keys(page, note=f" Number {number}.")
        expect(page.locator(f'[data-desk][data-lease="{held}"]')).to_have_count(0)
    expect(page.get_by_role("heading", name="You are done")).to_be_visible()
    expect(page.get_by_role("link", name="Go back to the panel")).to_have_attribute("href", BACK)
    page.get_by_role("button", name="Copy").press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == CODE
    participant = PanelParticipant.objects.get(external_id="5f1c")
    assert participant.completed_at is not None
    assert participant.user.ratings.count() == 2


def test_links_for_a_list_of_names_are_copied_or_downloaded_together(
    open_page: Callable[..., Page], lead: User, campaign: Campaign, live_server: Any
) -> None:
    page = open_page(permissions=CLIPBOARD)
    sign_in(page.context, lead, live_server.url)
    page.goto(f"/campaigns/{campaign.name}/members")
    page.get_by_label("Names, one per line").fill("Ann, night team\nBo\nann")
    page.get_by_role("button", name="Create links").press("Enter")
    expect(page.get_by_text("Row 3: \u2068ann\u2069 is in the list twice")).to_be_visible()
    page.wait_for_load_state()  # the button copies once its script is there
    page.get_by_role("button", name="Copy").first.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all 2 as CSV").press("Enter")
    assert download.value.suggested_filename == "invitations-autumn.csv"
    rows = list(csv.reader(Path(download.value.path()).read_text("utf-8-sig").splitlines()))
    assert [row[0] for row in rows] == ["name", "Ann", "Bo"]
    assert rows[1][1] == copied
    stranger = open_page()
    stranger.goto(copied)
    expect(stranger.get_by_role("button", name="Create account")).to_be_visible()


def test_what_is_wrong_with_a_form_and_what_was_done_are_told_accessibly(
    page: Page, lead: User, campaign: Campaign, live_server: Any
) -> None:
    sign_in(page.context, lead, live_server.url)
    page.goto(f"/campaigns/{campaign.name}/panels")
    page.get_by_label("Name", exact=True).fill("Acme")
    page.get_by_label("Return address").fill("http://panel.example/")
    page.get_by_role("button", name="Create panel").click()
    expect(page.get_by_text("begins with https://")).to_be_visible()
    assert not violations(page)
    page.goto(f"/campaigns/{campaign.name}/members")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Now open to: every annotator")
    assert not violations(page)
