"""Names at their longest, in another direction and like HTML, on every page in a narrow window."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat
from playwright.sync_api import Page

from accounts.models import ApiToken, Invitation, User
from annotation.models import Campaign, Clip, Panel
from tests.browser.looks import NARROW, sign_in, too_wide
from tests.browser.site_world import STRANGER, World, build_world

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

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
def named_world(transactional_db: None) -> World:
    world = build_world()
    for model, names in NAMED.items():
        for name in names:
            field = model._meta.get_field(name)
            assert isinstance(field, CharField)
            longest = field.max_length or 0
            text = (START + "o" * longest)[: longest - 6]
            model._default_manager.update(**{name: Concat(Value(text), Cast(F("pk"), CharField()))})
    return world


def test_no_name_is_too_wide_or_becomes_html(
    open_page: Callable[..., Page], live_server: "LiveServer", named_world: World
) -> None:
    found: list[str] = []
    for who in (STRANGER, *named_world.people):
        page = open_page(**NARROW, reduced_motion="reduce")
        if who != STRANGER:
            sign_in(page.context, named_world.people[who], live_server.url)
        for path in named_world.pages.list_paths(who):
            page.goto(path, wait_until="domcontentloaded")
            found += [f"{who} {one}" for one in too_wide(page, path)]
            found += [f"{who} {path}: <b>"] * page.locator("b", has_text="x").count()
        page.close()
    assert found == []
