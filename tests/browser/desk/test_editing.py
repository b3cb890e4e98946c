"""The page of an edit in a real browser."""

from playwright.sync_api import Page, expect

from annotation.models import Campaign, Rating
from tests.browser.desk.desk_page import add_clip, open_desk, rate_by_keys


def test_an_edit_records_how_long_it_took_and_how_the_clip_was_watched(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    rate_by_keys(desk)
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    rating = Rating.objects.get()
    desk.goto(f"/my-ratings/{rating.pk}/")
    desk.wait_for_function("() => document.querySelector('video').played.length > 0")
    desk.locator("[name=visual-score][value='1']").check()
    desk.get_by_role("button", name="Save changes").click()
    desk.wait_for_url("**/my-ratings/")
    first, second = rating.revisions.order_by("number")
    assert second.seconds_spent > 0
    assert second.viewing["viewport"] == first.viewing["viewport"]
    assert second.viewing["plays"] >= 1
