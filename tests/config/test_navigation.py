"""Every page marks where a person is: one entry of the menu, and one of the tabs where the page has tabs."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from config.navigation import CAMPAIGN_TABS, MENU, RATING_TABS
from tests.browser.site_world import STRANGER, build_world
from tests.test_architecture import ADDRESSES

UNMARKED = {
    "rate": "the desk has a bar of its own",
    "rate-try": "the desk has a bar of its own",
    "my-rating": "the desk has a bar of its own",
    "components": "it is a reference for developers",
    "panel-begin": "a guest has one way on",
    "panel-done": "a guest has one way on",
}
"""Pages of signed-in people that mark nothing, each with the reason."""


def list_marks(html: str) -> Iterator[tuple[str, int]]:
    """List the menu and the tabs of a page, each with how many of its links are marked."""
    for name in ("site-header", "tabs"):
        for match in re.finditer(rf'<(nav|header) class="{name}".*?</\1>', html, re.S):
            yield name, match[0].count("aria-current=")


@pytest.mark.django_db
def test_every_page_marks_one_entry_of_the_menu_and_one_tab(client: Client) -> None:
    world, wrong = build_world(), []
    for route, pages in world.pages.by_route.items():
        for who, path in pages:
            if who == STRANGER or route in UNMARKED:
                continue
            client.force_login(world.people[who])
            marks = dict(list_marks(client.get(path).content.decode()))
            if marks.get("site-header") != 1 or marks.get("tabs", 1) != 1:
                wrong.append(f"{path} marks {marks}: list its route {route} in config/navigation.py")
    assert wrong == []


def test_the_menu_and_the_list_of_exceptions_name_routes_that_exist() -> None:
    routes = {pattern.name for pattern in ADDRESSES.values()}
    entries = (*MENU, *CAMPAIGN_TABS, *RATING_TABS)
    named = {entry.route for entry in entries}.union(*(entry.pages for entry in entries), UNMARKED)
    assert named <= routes


def test_a_mark_that_is_missing_is_counted() -> None:
    assert dict(list_marks('<nav class="tabs"><a href="/a" >A</a></nav>')) == {"tabs": 0}
