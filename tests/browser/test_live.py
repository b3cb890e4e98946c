"""Pages that renew themselves, in a real browser: what others do appears, and what the reader is at stays."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from annotation.campaigns.campaigns import set_state
from annotation.campaigns.reports import give_out_again
from annotation.models import Campaign
from operations.models import Job, JobState
from tests.annotation.factories import claim, make_campaign, make_lead, make_user, skip, submit
from tests.browser.looks import sign_in, stop_clock

PERIOD = "00:30"
"""More than the time between two requests of any page."""
COUNT_CHANGES = """selector => {
    window.changes = 0
    const count = (list) => { window.changes += list.length }
    const options = { subtree: true, childList: true, attributes: true, characterData: true }
    for (const region of document.querySelectorAll(selector)) new MutationObserver(count).observe(region, options)
}"""


@pytest.fixture
def lead(live_server: object) -> User:
    return make_lead("lena")


@pytest.fixture
def campaign(lead: User) -> Campaign:
    return make_campaign(6, actor=lead, name="autumn", overlap=2, assisted_share=0)


@pytest.fixture
def overview(page: Page, lead: User, campaign: Campaign, live_server: Any) -> Page:
    """The open overview, on a clock that the test can move."""
    sign_in(page.context, lead, live_server.url)
    page.clock.install()
    page.goto(f"/campaigns/{campaign.name}")
    expect(page.get_by_text("Updated just now")).to_be_visible()
    return page


@pytest.fixture
def home(page: Page, lead: User, campaign: Campaign, live_server: Any) -> Page:
    """The open home page of the lead, on a clock that the test can move."""
    sign_in(page.context, lead, live_server.url)
    page.clock.install()
    page.goto("/")
    expect(page.get_by_text("Updated just now")).to_be_visible()
    return page


def wait_for_answer(page: Page, status: int) -> None:
    """Let time pass until the page has asked for its regions and got this answer."""
    with page.expect_response(lambda response: response.request.headers.get("hx-target") == "live") as got:
        page.clock.fast_forward(PERIOD)
    assert got.value.status == status


def hide(page: Page, *, hidden: bool) -> None:
    """Make the tab of the page hidden, or shown again."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true })
            document.dispatchEvent(new Event("visibilitychange"))
        }""",
        hidden,
    )


def test_a_rating_and_a_report_of_others_appear_on_the_overview(overview: Page, campaign: Campaign) -> None:
    rater = make_user("rita")
    expect(overview.locator("#live-work")).to_contain_text("0 of 12 ratings")
    submit(rater, claim(rater, campaign))
    claim(rater, campaign)
    wait_for_answer(overview, 200)
    expect(overview.locator("#live-work")).to_contain_text("1 of 12 ratings")
    expect(overview.locator("#live-work")).to_contain_text("rita")
    expect(overview.locator("#live-clips")).to_contain_text("Fully rated")
    skip(rater, claim(rater, campaign), kind="flagged")
    wait_for_answer(overview, 200)
    expect(overview.get_by_role("link", name="Raters have reported 1 clip.")).to_be_visible()
    expect(overview.locator("[data-live-said]")).to_have_text("Raters have reported 1 clip.")


def test_an_overview_on_which_nothing_changed_is_not_touched(overview: Page) -> None:
    overview.evaluate(COUNT_CHANGES, "[data-live-region]")
    wait_for_answer(overview, 200)
    wait_for_answer(overview, 304)
    expect(overview.get_by_text("Updated just now")).to_be_visible()
    assert overview.evaluate("window.changes") == 0


def test_the_focus_and_an_open_dialog_stay_while_figures_change(overview: Page, campaign: Campaign) -> None:
    rater = make_user("rita")
    skip(rater, claim(rater, campaign), kind="flagged")
    wait_for_answer(overview, 200)
    overview.get_by_role("link", name="Raters have reported 1 clip.").focus()
    skip(rater, claim(rater, campaign), kind="flagged")
    wait_for_answer(overview, 200)
    expect(overview.get_by_role("link", name="Raters have reported 2 clips.")).to_be_focused()

    overview.get_by_role("button", name="Pause campaign").press("Enter")
    dialog = overview.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    submit(rater, claim(rater, campaign))
    wait_for_answer(overview, 200)
    expect(overview.locator("#live-work")).to_contain_text("1 of 12 ratings")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()


def test_a_region_with_selected_text_waits_until_the_selection_is_gone(overview: Page, campaign: Campaign) -> None:
    rater = make_user("rita")
    overview.evaluate("getSelection().selectAllChildren(document.querySelector('#live-work p'))")
    submit(rater, claim(rater, campaign))
    wait_for_answer(overview, 200)
    expect(overview.get_by_text("New figures wait until you move on.")).to_be_visible()
    assert overview.evaluate("getSelection().toString()").startswith("0 of 12")
    overview.evaluate("getSelection().removeAllRanges()")
    expect(overview.locator("#live-work")).to_contain_text("1 of 12 ratings")


def test_a_link_that_has_the_focus_is_not_taken_away(overview: Page, campaign: Campaign, lead: User) -> None:
    slot = claim(make_user("rita"), campaign)
    assert slot.rater
    skip(slot.rater, slot, kind="flagged")
    wait_for_answer(overview, 200)
    link = overview.get_by_role("link", name="Raters have reported 1 clip.")
    link.focus()
    give_out_again(actor=lead, item=slot.item)
    wait_for_answer(overview, 200)
    expect(overview.get_by_text("New figures wait until you move on.")).to_be_visible()
    expect(link).to_be_focused()
    overview.get_by_role("button", name="Pause campaign").focus()
    expect(link).to_have_count(0)


def test_nothing_is_asked_while_updates_are_paused_or_the_tab_is_hidden(overview: Page) -> None:
    asked: list[str] = []
    overview.get_by_role("button", name="Pause updates").click()
    expect(overview.get_by_text("Updates are paused.")).to_be_visible()
    overview.on("request", lambda request: asked.append(request.url) if "hx-target" in request.headers else None)
    overview.clock.run_for(PERIOD)
    assert asked == []
    overview.reload()
    expect(overview.get_by_text("Updates are paused.")).to_be_visible()  # the browser remembers it
    overview.get_by_role("button", name="Resume updates").click()
    expect(overview.get_by_text("Updated just now")).to_be_visible()
    hide(overview, hidden=True)
    count = len(asked)
    overview.clock.run_for(PERIOD)
    assert len(asked) == count >= 1
    with overview.expect_response(lambda response: "hx-target" in response.request.headers):
        hide(overview, hidden=False)


def test_the_page_says_that_it_is_not_connected_and_goes_on_when_it_is(overview: Page, campaign: Campaign) -> None:
    rater = make_user("rita")
    submit(rater, claim(rater, campaign))
    overview.context.set_offline(True)
    overview.clock.fast_forward(PERIOD)
    expect(overview.get_by_text("Not connected. Trying again.").first).to_be_visible()
    expect(overview.locator("[data-live-said]")).to_have_text("Not connected. Trying again.")
    expect(overview.get_by_role("alert")).to_have_count(0)
    overview.context.set_offline(False)
    expect(overview.locator("#live-work")).to_contain_text("1 of 12 ratings")
    expect(overview.locator("[data-live-said]")).to_have_text("Connected again.")


def test_a_page_whose_reader_is_signed_out_leads_to_signing_in(overview: Page, campaign: Campaign) -> None:
    overview.context.clear_cookies()
    wait_for_answer(overview, 200)
    expect(overview.get_by_text("You are signed out.").first).to_be_visible()
    expect(overview.locator("#live-work")).to_contain_text("0 of 12 ratings")
    expect(overview.get_by_role("button", name="Pause updates")).to_be_hidden()
    overview.locator(".live").get_by_role("link", name="Sign in").click()
    expect(overview).to_have_url(f"/sign-in?next=%2Fcampaigns%2F{campaign.name}")


def test_a_page_whose_campaign_was_closed_asks_to_be_reloaded(overview: Page, lead: User, campaign: Campaign) -> None:
    set_state(actor=lead, campaign=campaign, state="closed")
    wait_for_answer(overview, 200)
    overview.get_by_role("link", name="Reload the page").click()
    expect(overview.get_by_text("Ratings can no longer be submitted or edited.").first).to_be_attached()
    expect(overview.locator("[data-live]")).to_have_count(0)


def test_ratings_and_reports_of_others_appear_on_the_home_page(home: Page, campaign: Campaign, lead: User) -> None:
    rater = make_user("rita")
    card = home.get_by_role("listitem").filter(has_text="View progress")
    expect(card).to_contain_text("0 of 12 ratings done.")
    submit(rater, claim(rater, campaign))
    wait_for_answer(home, 200)
    expect(card).to_contain_text("1 of 12 ratings done.")

    make_campaign(1, actor=lead, name="winter", state="draft")
    wait_for_answer(home, 200)
    link = home.get_by_role("link", name="Check and open")
    link.focus()
    skip(rater, claim(rater, campaign), kind="flagged")
    wait_for_answer(home, 200)
    expect(home.get_by_role("link", name="View reported clips")).to_be_visible()  # above the other line
    expect(link).to_be_focused()
    expect(home.locator("[data-live-said]")).to_contain_text("Raters reported 1 clip")


def test_nothing_moves_under_a_hand_that_moves(home: Page, campaign: Campaign) -> None:
    rater = make_user("rita")
    skip(rater, claim(rater, campaign), kind="flagged")
    home.evaluate("window.moving = setInterval(() => document.dispatchEvent(new Event('pointermove')), 100)")
    wait_for_answer(home, 200)
    home.clock.run_for(5000)
    assert home.get_by_text("Raters reported 1 clip").count() == 0
    home.evaluate("clearInterval(window.moving)")
    expect(home.get_by_text("Raters reported 1 clip").first).to_be_visible()


def test_the_list_of_clips_says_what_is_new_and_moves_when_it_is_refreshed(
    page: Page, lead: User, campaign: Campaign, live_server: Any
) -> None:
    sign_in(page.context, lead, live_server.url)
    page.clock.install()
    page.goto(f"/campaigns/{campaign.name}/items?sort=-ratings")
    rater = make_user("rita")
    page.locator(".choose input").first.check()
    submit(rater, claim(rater, campaign))
    skip(rater, claim(rater, campaign), kind="flagged", reason="Look at the hand.")
    wait_for_answer(page, 200)
    expect(page.locator("#live-news")).to_contain_text("1 new rating")
    expect(page.locator("[data-live-said]")).to_have_text("1 new report")
    expect(page.get_by_text("Checked just now")).to_be_visible()
    expect(page.get_by_text("Look at the hand.")).to_have_count(0)
    expect(page.locator(".choose input").first).to_be_checked()

    page.get_by_role("link", name="Refresh list").press("Enter")
    expect(page.get_by_text("Look at the hand.")).to_be_visible()
    expect(page.locator("#live-news")).to_contain_text("No rating or report since you opened this list.")
    expect(page.get_by_role("link", name="Refresh list")).to_be_focused()
    expect(page.get_by_text("Checked just now")).to_be_visible()
    wait_for_answer(page, 200)
    expect(page.locator("#live-news")).to_contain_text("No rating or report since you opened this list.")


def test_a_button_that_the_mouse_points_at_stays_where_it_is(overview: Page, campaign: Campaign) -> None:
    rater, button = make_user("rita"), overview.get_by_role("button", name="Close campaign")
    stop_clock(overview)
    submit(rater, claim(rater, campaign))
    wait_for_answer(overview, 200)
    expect(overview.locator("#live-work")).to_contain_text("1 of 12 ratings")  # the next request is due in 15 seconds
    overview.clock.fast_forward(13_000)
    button.hover()
    top = button.bounding_box()
    skip(rater, claim(rater, campaign), kind="flagged")
    with overview.expect_response(lambda response: "hx-target" in response.request.headers):
        overview.clock.fast_forward(4000)
    expect(overview.get_by_text("New figures wait until you move on.")).to_be_visible()
    assert button.bounding_box() == top
    overview.mouse.move(1, 1)
    overview.clock.run_for(2000)
    expect(overview.get_by_role("link", name="Raters have reported 1 clip.")).to_be_visible()


def test_the_progress_of_a_job_is_not_asked_for_while_the_tab_is_hidden(
    page: Page, lead: User, campaign: Campaign, live_server: Any
) -> None:
    job = Job.objects.create(kind="copy_clips", arguments={"campaign": campaign.pk}, created_by=lead)
    sign_in(page.context, lead, live_server.url)
    page.clock.install()
    page.goto(f"/campaigns/{campaign.name}")
    with page.expect_request(f"**/jobs/{job.pk}"):
        page.clock.fast_forward(1000)
    asked: list[str] = []
    hide(page, hidden=True)
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(5000)
    assert asked == []
    with page.expect_request(f"**/jobs/{job.pk}"):
        hide(page, hidden=False)
        page.clock.run_for(1000)


def test_the_page_of_a_job_that_ends_is_not_loaded_again_under_a_dialog_or_a_text(
    page: Page, lead: User, campaign: Campaign, live_server: Any
) -> None:
    job = Job.objects.create(kind="copy_clips", arguments={"campaign": campaign.pk}, created_by=lead)
    sign_in(page.context, lead, live_server.url)
    page.clock.install()
    page.goto(f"/campaigns/{campaign.name}")
    page.evaluate("document.querySelector('main').append(document.createElement('textarea'))")
    page.get_by_role("textbox").fill("a note")
    page.get_by_role("button", name="Pause campaign").press("Enter")
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, result={"clips": 3})
    page.clock.run_for(1000)
    expect(page.locator(".progress-line").get_by_text("done", exact=True)).to_be_visible()
    page.clock.run_for(5000)
    expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    page.clock.run_for(5000)
    assert page.get_by_role("textbox").input_value() == "a note"
    assert page.get_by_text("Clips are being copied").count() == 1
    page.get_by_role("textbox").fill("")
    expect(page.get_by_text("Clips are being copied")).to_have_count(0)


PATCH = """async ([before, after]) => {
    const { morph } = await import("/static/js/live.js")
    const make = (html) => Object.assign(document.createElement("div"), { innerHTML: html })
    const node = make(before)
    document.querySelector("main").replaceChildren(node)
    for (const one of node.querySelectorAll("[data-focus]")) one.focus()
    for (const one of node.querySelectorAll("input")) one.value = "typed"
    for (const one of node.querySelectorAll("details")) one.open = true
    for (const one of node.querySelectorAll(".scrolled")) one.scrollTop = 20
    morph(node, make(after))
    return {
        html: node.innerHTML,
        focus: document.activeElement.id,
        typed: [...node.querySelectorAll("input")].map((one) => one.value),
        open: [...node.querySelectorAll("details")].map((one) => one.open),
        scroll: [...node.querySelectorAll(".scrolled")].map((one) => one.scrollTop),
    }
}"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("abc", "abc"),
        ("abc", "xabc"),
        ("abc", "bc"),
        ("abc", "abcx"),
        ("abc", "cba"),
        ("abc", "xby"),
        ("bca", "ab"),
    ],
)
def test_rows_become_those_of_the_new_version_and_keep_the_focus(home: Page, before: str, after: str) -> None:
    def write(keys: str, text: str) -> str:
        focus = {"b": "data-focus"}
        rows = (f'<li id="row-{key}"><a id="{key}" href="#{key}" {focus.get(key, "")}>{text}</a></li>' for key in keys)
        return "<ul>\n  " + "\n  ".join(rows) + "\n</ul>"

    patched = home.evaluate(PATCH, [write(before, "old"), write(after, "new")])
    assert patched["html"] == home.evaluate(
        "html => Object.assign(document.createElement('div'), { innerHTML: html }).innerHTML", write(after, "new")
    )
    assert patched["focus"] == "b"


def test_what_the_reader_typed_unfolded_and_scrolled_stays(home: Page) -> None:
    part = (
        "<details><summary>More</summary><input></details>"
        '<div class="scrolled" style="height: 2rem; overflow: auto">{}<p>1</p><p>2</p><p>3</p><p>4</p></div>'
    )
    patched = home.evaluate(PATCH, [part.format("old"), part.format("new")])
    assert "new<p>" in patched["html"]
    assert (patched["typed"], patched["open"], patched["scroll"]) == (["typed"], [True], [20])
