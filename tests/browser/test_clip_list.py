"""The list of clips in a real browser: filters and order change the table in place, and the address with it."""

import re

from playwright.sync_api import Page, expect

from accounts.models import Role
from tests.annotation.factories import make_campaign, make_user
from tests.support.http_rater import PASSWORD


def test_filters_and_orders_change_the_table_alone_and_the_address_keeps_them(
    page: Page, transactional_db: None
) -> None:
    campaign = make_campaign(3)
    make_user("emil", role=Role.LEAD, password=PASSWORD)
    page.goto("/sign-in")
    page.get_by_label("Name").fill("emil")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("emil")
    page.goto(f"/campaigns/{campaign.name}/items")
    page.evaluate("window.isSamePage = true")
    rows = page.locator("#clip-list tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("columnheader", name="Generator").get_by_role("link").click()
    expect(page).to_have_url(re.compile("sort=generator"))
    expect(page.locator("th[aria-sort]")).to_contain_text("Generator")
    page.get_by_label("State").select_option("rated")
    expect(page.get_by_text("No clip fits these filters.")).to_be_visible()
    expect(page).to_have_url(re.compile("state=rated.*sort=generator"))
    page.get_by_label("State").select_option("unrated")
    expect(rows).to_have_count(3)
    assert page.evaluate("window.isSamePage")
    page.go_back()
    expect(page.get_by_text("No clip fits these filters.")).to_be_visible()
