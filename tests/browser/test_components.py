"""Every component in every state, at three sizes, light and dark: axe-core finds nothing, and nothing is too wide."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.annotation.factories import make_lead
from tests.browser.looks import NARROW, WIDE, sign_in, too_wide, violations

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
LARGE = {"width": 1920, "height": 1080}
ELSEWHERE = {
    "chart_bars",
    "chart_curve",
    "chart_mos",
    "crumbs",
    "form_errors",
    "home_card",
    "home_lines",
    "home_sections",
    "live",
    "nav",
    "plot",
    "plot_head",
    "when_by",
}
"""Components that need data of their own. The pages that show them are photographed and checked too."""


@pytest.mark.parametrize("size", [LARGE, WIDE, NARROW], ids=["1920", "1366", "390"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_component_is_accessible_in_every_state(
    open_page: Callable[..., Page],
    live_server: "LiveServer",
    tmp_path: Path,
    size: dict[str, int],
    scheme: str,
) -> None:
    page = open_page(**size, color_scheme=scheme, reduced_motion="reduce")
    sign_in(page.context, make_lead("lena"), live_server.url)
    page.goto("/components")
    assert [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in violations(page)] == []
    assert list(too_wide(page, "/components")) == []
    photograph(page, tmp_path / f"components-{size['width']}-{scheme}.png")

    page.get_by_role("button", name="Deactivate Ada").click()
    expect(page.get_by_role("dialog")).to_contain_text("Her ratings are kept.")
    assert [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in violations(page)] == []
    photograph(page, tmp_path / f"dialog-{size['width']}-{scheme}.png")


def photograph(page: Page, path: Path) -> None:
    """Take a picture of the whole page; it stays in the folder of the test, to be looked at."""
    page.screenshot(path=path, full_page=True)
    with Image.open(path) as picture:
        colours = picture.convert("L").getextrema()
    assert colours[0] != colours[1], f"{path} is empty"


def test_a_message_is_dismissed(page: Page, live_server: "LiveServer") -> None:
    sign_in(page.context, make_lead("lena"), live_server.url)
    page.goto("/components")
    toast = page.get_by_role("status").filter(has_text="Settings saved.").get_by_role("listitem").first
    toast.get_by_role("button", name="Dismiss").press("Enter")
    expect(page.get_by_text("Settings saved.")).to_have_count(0)
    expect(page.get_by_text("The file is not a manifest.")).to_be_visible()


def test_the_page_shows_every_component() -> None:
    shown = (TEMPLATES / "config" / "components.html").read_text() + (TEMPLATES / "base.html").read_text()
    names = {path.stem for path in (TEMPLATES / "_components").glob("*.html")} - ELSEWHERE
    missing = {name for name in names if f"_components/{name}.html" not in shown} - {"dialog", "keys", "chart_frame"}
    assert missing == set()
