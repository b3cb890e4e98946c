"""The pages of leads and engineers in a real browser: by keyboard, and alive through htmx."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import Role, User
from operations import jobs
from operations.models import Job
from tests.annotation.factories import make_campaign, make_user, write_video

PASSWORD = "correct horse"


@pytest.fixture
def engineer(transactional_db: None) -> User:
    return make_user("emil", role=Role.ENGINEER, password=PASSWORD)


def sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("Name").fill("emil")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("emil")


def test_the_way_in_works_by_keyboard_alone(page: Page, engineer: User) -> None:
    page.goto("/sign-in")
    expect(page.locator("[name=username]")).to_be_focused()  # by itself, once the page is drawn
    page.keyboard.type("emil")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("emil")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("knows_commands", [True, False], ids=["dialog", "popover"])
def test_a_step_that_shuts_somebody_out_opens_first(page: Page, engineer: User, knows_commands: bool) -> None:
    make_user("ada")
    sign_in(page)
    page.goto("/people")
    if not knows_commands:  # what an older browser makes of the same page
        page.evaluate("for (const one of document.querySelectorAll('[command]')) one.removeAttribute('commandfor')")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Deactivate \u2068ada").press("Enter")
    expect(dialog).to_contain_text("is signed out")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Deactivate \u2068ada").press("Enter")
    dialog.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_text("\u2068ada\u2069 can no longer sign in")).to_be_visible()


def test_an_import_reports_on_the_page_by_itself(page: Page, engineer: User, tmp_path: Path) -> None:
    campaign = make_campaign(state="draft")
    sign_in(page)
    page.goto(f"/campaigns/{campaign.name}")
    page.get_by_role("link", name="Import clips").click()
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("video,prompt,generator\na.mp4,a red fox,gen-1\nb.mp4,,gen-1\n")
    page.locator("[data-input=files]").set_input_files([manifest, write_video(tmp_path / "a.mp4")])
    expect(page.locator("[data-chosen]")).to_be_visible()  # the script is here; without it the form has other fields
    page.get_by_role("button", name="Upload and import").click()
    expect(page.get_by_text("The table is being read.")).to_be_visible()
    jobs.run(Job.objects.get(kind="stage_import").pk)
    page.get_by_role("button", name="Import 1 clip").click()
    expect(page.get_by_text("The import has started.")).to_be_visible()
    jobs.run(Job.objects.get(kind="import_clips").pk)
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    page.goto(f"/campaigns/{campaign.name}/items")
    expect(page.get_by_role("link", name="a red fox")).to_be_visible()
    poster = page.locator("img.poster").first
    expect(poster).to_have_js_property("complete", True)
    assert poster.evaluate("image => image.naturalWidth") > 0


def test_a_page_says_when_the_site_does_not_answer_and_when_it_does_again(page: Page, engineer: User) -> None:
    campaign = make_campaign(state="draft")
    Job.objects.create(kind="copy_clips", arguments={"campaign": campaign.pk}, created_by=engineer)
    sign_in(page)
    page.goto(f"/campaigns/{campaign.name}")
    told = page.get_by_role("alert")
    page.route("**/jobs/*", lambda route: route.abort())
    expect(told).to_contain_text("The site did not answer")
    page.unroute("**/jobs/*")
    page.route("**/jobs/*", lambda route: route.fulfill(status=500))
    expect(told).to_contain_text("The site could not do that")
    page.unroute("**/jobs/*")
    expect(told).to_be_hidden()


def test_a_form_on_its_way_looks_busy(page: Page, engineer: User) -> None:
    campaign = make_campaign(state="draft")
    sign_in(page)
    page.goto(f"/campaigns/{campaign.name}/items")
    page.get_by_text("Order scores").click()
    page.get_by_label("Scores").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"clip_id,score"})
    page.evaluate("addEventListener('submit', (event) => event.preventDefault())")  # an upload that takes its time
    page.get_by_role("button", name="Save scores").click()
    expect(page.locator("form[aria-busy]")).to_have_count(1)
