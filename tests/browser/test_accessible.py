"""Every page of the site, in a real browser: axe-core finds nothing, and nothing is wider than the window.

Names are at their longest, in another direction and like HTML.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat
from django.test import RequestFactory
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django import Settings

from accounts.models import ApiToken, Invitation, Role, User
from annotation.models import Campaign, Clip, Panel
from tests.browser.looks import NARROW, WIDE, list_misaligned_fields, sign_in, too_wide, violations
from tests.browser.site_world import NO_PAGES, STRANGER, World, build_world
from tests.test_architecture import ADDRESSES

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

NOWHERE = "/no-such-page"
FORMS: list[tuple[str, dict[str, str], str, str]] = [
    ("/people", {}, "Create invitation link", "Invitation"),
    ("/campaigns/spring/members", {"Names, one per line": "Ada\nAda\nGrace, evening"}, "Create links", "Links"),
    ("/campaigns/spring/panels", {"Name": "Acme"}, "Create panel", "Acme"),
]
"""Addresses, what is typed there, the button, and the heading of the answer."""
SMALLEST: ViewportSize = {"width": 320, "height": 640}
PARTS = 4


START = "مريم (2) <b>x</b> "
NAMED = {
    ApiToken: ("name",),
    Campaign: ("title",),
    Clip: ("clip_id", "generator"),
    Invitation: ("note",),
    Panel: ("name",),
    User: ("username", "display_name"),
}


@pytest.fixture
def sources(settings: Settings, tmp_path: Path) -> None:
    """Open two folders of the server, with names as long as they may be, and a bucket."""
    settings.IMPORT_ROOTS = [tmp_path / "root", tmp_path / "other"]
    settings.S3_KEY_ID = settings.S3_SECRET = "key"
    for root in settings.IMPORT_ROOTS:
        (root / ("f" * 200)).mkdir(parents=True)
        for name in ("clips.csv", "مريم.mp4", f"{'v' * 200}.mp4"):
            (root / name).touch()


@pytest.fixture
def world(transactional_db: None, sources: None) -> World:
    """The world of all pages, with names as long as they may be."""
    world = build_world()
    for model, names in NAMED.items():
        for name in names:
            field = model._meta.get_field(name)
            assert isinstance(field, CharField)
            longest = field.max_length or 0
            text = (START + "o" * longest)[: longest - 6]
            model._default_manager.update(**{name: Concat(Value(text), Cast(F("pk"), CharField()))})
    return world


def complaints(page: Page, path: str) -> Iterator[str]:
    """Open one page in a wide, light window, then make that narrow and dark; yield what is wrong with the page."""
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    answer = page.goto(path, wait_until="domcontentloaded")
    assert answer is not None
    if answer.status not in (200, 410) and path != NOWHERE:
        yield f"{path} answers {answer.status}"
    if not page.url.endswith(path):
        yield f"{path} leads to {page.url}"
    if page.locator("b", has_text="x").count():
        yield f"{path} shows a name as HTML"
    yield from list_faults(page, path)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    yield from too_wide(page, f"{path} with letters twice as large")
    page.evaluate("document.documentElement.style.fontSize = ''")

    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    yield from list_faults(page, f"{path}, narrow and dark")
    page.set_viewport_size(SMALLEST)
    yield from too_wide(page, f"{path} at 320 pixels")


def list_faults(page: Page, what: str) -> Iterator[str]:
    yield from (f"{what}: {one['id']}: {[node['html'][:160] for node in one['nodes'][:3]]}" for one in violations(page))
    yield from too_wide(page, what)
    yield from list_misaligned_fields(page, what)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_accessible_to_everybody_who_may_open_it(
    open_page: Callable[..., Page], live_server: "LiveServer", world: World, part: int
) -> None:
    """Each part opens every so many pages, so that the processes of the suite share them."""
    found: list[str] = []
    for who in (STRANGER, *world.people):
        page = open_page(reduced_motion="reduce")
        if who != STRANGER:
            sign_in(page.context, world.people[who], live_server.url)
        for path in [*world.pages.list_paths(who), NOWHERE][part::PARTS]:
            found += [f"{who} {one}" for one in complaints(page, path)]
        page.close()
    assert found == [], "\n".join(found)


def test_what_a_form_answers_with_is_accessible(
    open_page: Callable[..., Page], live_server: "LiveServer", world: World
) -> None:
    """Links that are shown once: their pages have no address of their own."""
    page = open_page(**NARROW, color_scheme="dark", reduced_motion="reduce")
    sign_in(page.context, world.people[Role.LEAD], live_server.url)
    for path, fields, button, heading in FORMS:
        page.goto(path)
        for label, text in fields.items():
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
        assert [one["id"] for one in violations(page)] == []
        assert list(too_wide(page, button)) == []


def test_a_fault_is_found(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>A page</title><main><h1>A page</h1><img src=fox.jpg><p tabindex=0>x</p></main>"
    )
    found = {one["id"] for one in violations(page)}
    assert "image-alt" in found


def test_a_field_out_of_line_is_found(page: Page) -> None:
    field = "<div class=field><label>{}</label><br><input></div>"
    page.set_content(
        "<style>.form-row {display: flex; align-items: start} .field {width: 5rem}</style>"
        f"<div class=form-row>{field.format('Name')}{field.format('A long label of two lines')}</div>"
    )
    assert list(list_misaligned_fields(page, "/")) == ["/: the field A long label of two lines is out of line"]


@pytest.mark.django_db
def test_every_address_is_among_the_pages_or_is_none(rf: RequestFactory) -> None:
    """A new page has to be added to the world, so that it is looked at as well."""
    pages, unknown = build_world().pages.by_route, []
    someone = User(username="anybody", role=Role.ENGINEER)
    for path, pattern in ADDRESSES.items():
        if path.startswith("api/") or pattern.name in NO_PAGES or pattern.name in pages:
            continue
        request = rf.get("/")
        request.user = someone
        answer = pattern.callback(request, **dict.fromkeys(pattern.pattern.converters, "1"))
        if answer.status_code != 405:
            unknown.append(f"{path} answers {answer.status_code} to a GET: add it to tests/browser/site_world.py")
    assert unknown == []


def test_the_page_of_a_site_without_people_is_accessible(
    transactional_db: None, open_page: Callable[..., Page]
) -> None:
    page = open_page()
    assert not list(complaints(page, "/sign-in"))
    assert "add_person" in page.content()
