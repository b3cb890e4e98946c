"""Every page marks where a person is: one entry of the menu, and one of the tabs where the page has tabs. And it links
only to pages that this person may open."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.test import Client

from accounts.access import may_open
from accounts.models import AuditEntry, Role, User
from config.navigation import CAMPAIGN_TABS, MENU, RATING_TABS
from datasets.models import Release
from modelassist.models import Critic, Run
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


def list_refused_links(html: str, reader: User) -> list[str]:
    """List the links of a page to other pages of the site that its reader may not open."""
    paths = sorted({unescape(path) for path in re.findall(r'<a\s[^>]*?href="(/[^"#?]*)', html)})
    return [path for path in paths if not path.startswith("/api/") and not may_open(Role(reader.role), path)]


@pytest.mark.django_db
def test_every_page_marks_one_entry_of_the_menu_and_one_tab_and_links_where_one_may_go(client: Client) -> None:
    world, wrong = build_world(), []
    for target in (*Critic.objects.all(), *Run.objects.all(), *Release.objects.all()):
        AuditEntry.objects.create(action="critic.registered", target_type=target._meta.label_lower, target_id=target.pk)
    for route, pages in world.pages.by_route.items():
        for who, path in pages:
            if who == STRANGER:
                continue
            client.force_login(world.people[who])
            html = client.get(path).content.decode()
            wrong += [f"{path}: {who} may not open {link}" for link in list_refused_links(html, world.people[who])]
            marks = dict(list_marks(html))
            if route not in UNMARKED and (marks.get("site-header") != 1 or marks.get("tabs", 1) != 1):
                wrong.append(f"{path} marks {marks}: list its route {route} in config/navigation.py")
    assert wrong == []


def test_the_menu_and_the_list_of_exceptions_name_routes_that_exist() -> None:
    routes = {pattern.name for pattern in ADDRESSES.values()}
    entries = (*MENU, *CAMPAIGN_TABS, *RATING_TABS)
    named = {entry.route for entry in entries}.union(*(entry.pages for entry in entries), UNMARKED)
    assert named <= routes


def test_a_mark_that_is_missing_is_counted() -> None:
    assert dict(list_marks('<nav class="tabs"><a href="/a" >A</a></nav>')) == {"tabs": 0}
