"""The pages of leads and engineers in a real browser: accessible, no wider than the window, and alive through htmx."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from accounts.models import Role, User
from annotation.models import Campaign, Item
from annotation.services.guidelines import set_guidelines
from operations import jobs
from operations.models import Job
from tests.annotation.factories import make_campaign, make_user, rate_all, write_video

PASSWORD = "correct horse"
LOOKS = ((1366, 768, "light"), (390, 844, "dark"))


@pytest.fixture
def engineer(transactional_db: None) -> User:
    return make_user("emil", role=Role.ENGINEER, password=PASSWORD)


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    campaign = make_campaign(4, title="Spring clips", overlap=2, assisted_share=0.0)
    set_guidelines(actor=engineer, campaign=campaign, text="# Look twice\n\nAt hands.")
    for _ in range(2):
        rate_all(make_user(), campaign)
    return campaign


def sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("Name").fill("emil")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("emil")


@pytest.mark.parametrize(("width", "height", "scheme"), LOOKS)
def test_every_page_is_accessible_and_no_wider_than_the_window(
    open_page: Callable[..., Page], campaign: Campaign, width: int, height: int, scheme: str
) -> None:
    page = open_page(width=width, height=height, color_scheme=scheme)
    sign_in(page)
    one = f"/campaigns/{campaign.name}"
    item = Item.objects.filter(campaign=campaign)[0].pk
    paths = ["/", "/account", "/people", "/campaigns", "/new-campaign", one, f"{one}/guidelines", f"{one}/agreement"]
    paths += [f"{one}/settings", f"{one}/defects", f"{one}/items", f"{one}/items/{item}", f"{one}/duplicate"]
    paths += [f"{one}/items?kind=gold", f"/rate/{campaign.name}/guidelines"]
    for path in [*paths, "/releases", "/runs", "/critics", "/no-such-page"]:
        page.goto(path)
        results = Axe().run(page)
        assert results.violations_count == 0, f"{path}: {results.generate_report()}"
        beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, f"{path} is {beyond} pixels too wide"


def test_the_way_in_works_by_keyboard_alone(page: Page, engineer: User) -> None:
    page.goto("/sign-in")
    page.keyboard.type("emil")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("emil")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_step_that_shuts_somebody_out_opens_first(page: Page, engineer: User) -> None:
    make_user("ada")
    sign_in(page)
    page.goto("/people")
    confirm = page.get_by_role("button", name="Deactivate ada")
    expect(confirm).to_be_hidden()
    page.locator("summary[aria-label='Deactivate ada']").click()
    confirm.click()
    expect(page.get_by_text("ada can no longer sign in")).to_be_visible()


def test_an_import_reports_on_the_page_by_itself(page: Page, engineer: User, tmp_path: Path) -> None:
    campaign = make_campaign(state="draft")
    sign_in(page)
    page.goto(f"/campaigns/{campaign.name}")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("video,prompt,generator\na.mp4,a red fox,gen-1\nb.mp4,,gen-1\n")
    page.get_by_label("Files").set_input_files([manifest, write_video(tmp_path / "a.mp4")])
    page.get_by_role("button", name="Upload and import").click()
    expect(page.get_by_text("waiting")).to_be_visible()
    job = Job.objects.get(kind="import_clips")
    jobs.run(job.pk)
    expect(page.get_by_text("1 added, 0 there already, 1 left out.")).to_be_visible()
    page.goto(f"/campaigns/{campaign.name}/items")
    expect(page.get_by_role("link", name="a red fox")).to_be_visible()
    poster = page.locator("img.poster").first
    expect(poster).to_have_js_property("complete", True)
    assert poster.evaluate("image => image.naturalWidth") > 0
