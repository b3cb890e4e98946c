"""Every page of a site on which nothing has happened yet says what there is to do next."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from accounts.models import Role, User
from annotation.models import Campaign
from tests.annotation import factories
from tests.annotation.factories import make_user
from tests.browser.site_world import NO_PAGES
from tests.test_architecture import ADDRESSES

pytestmark = pytest.mark.django_db

NEVER_EMPTY = {
    "sign-in": "a form",
    "account": "forms",
    "campaign-new": "a form",
    "critic-add": "a form",
    "campaign-settings": "a form",
    "campaign-duplicate": "a form",
    "import-clips": "a form",
    "import-bucket": "a form",
    "campaign-taxonomy": "a campaign begins with defects of its own",
    "split-settings": "forms",
    "people": "the list has the person who looks at it",
    "rate": "a desk says in its middle what to do, with a button or a link",
    "rate-try": "as the desk",
}
DEAD_ENDS = {"accept-invitation", "set-password", "panel-begin", "panel-done"}
"""Their links are made for somebody, so that without anybody there is no page."""


def routes() -> list[URLPattern]:
    """Every page that there is without anything but people and a campaign without clips."""
    pages = [one for path, one in ADDRESSES.items() if not path.startswith("api/") and one.name not in NO_PAGES]
    return [one for one in pages if set(one.pattern.converters) <= {"name"} and one.name not in DEAD_ENDS]


def opened(page: URLPattern, who: User, *names: str) -> str | None:
    """Return the page as that person sees it; None if they may not open it, or if the address only takes forms."""
    client = Client()
    client.force_login(who)
    answer = client.get(reverse(str(page.name), args=names))
    return answer.content.decode() if answer.status_code == 200 else None


def says_what_to_do(html: str) -> bool:
    """Each empty place has a link or a button, or a second sentence; each line of the home page has a link."""
    places = [text for _, text in re.findall(r'<(p|div) class="empty">(.*?)</\1>', html, re.DOTALL)]
    lists = re.findall(r'<ul class="home-lines">(.*?)</ul>', html, re.DOTALL)
    lines = [line for text in lists for line in re.findall(r"<li\b[^>]*>(.*?)</li>", text, re.DOTALL)]
    return (
        bool(places or lines)
        and all(re.search(r"<a\s", text) or re.search(r"[.:;]\s+\w", re.sub("<.*?>", "", text)) for text in places)
        and all(re.search(r"<a\s", line) for line in lines)
    )


def silent(who: User, *names: str) -> set[str]:
    """The pages below these names that say nothing of what to do."""
    pages = {str(page.name): page for page in routes() if len(page.pattern.converters) == len(names)}
    seen = {name: opened(page, who, *names) for name, page in pages.items() if name not in NEVER_EMPTY}
    assert any(seen.values())
    return {name for name, html in seen.items() if html is not None and not says_what_to_do(html)}


@pytest.mark.parametrize("role", list(Role))
def test_every_page_of_a_site_without_campaigns_says_what_to_do_next(role: Role) -> None:
    assert silent(make_user(role=role)) == set()


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("state", list(Campaign.State))
def test_every_page_of_a_campaign_without_clips_says_what_to_do_next(role: Role, state: str) -> None:
    campaign = factories.make_campaign(name="bare", actor=make_user(role=Role.LEAD), state=state)
    if role != Role.ANNOTATOR or state != Campaign.State.DRAFT:
        assert silent(make_user(role=role), campaign.name) == set()


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ('<p class="empty">No release yet.</p>', False),
        ('<p class="empty">No release yet. Freeze one below.</p>', True),
        ('<div class="empty"><p>No release yet.</p><a href="/releases">Freeze one</a></div>', True),
        ("<p>Some release.</p>", False),
        ('<ul class="home-lines"><li><p>No clip.</p><a href="/import">Import clips</a></li></ul>', True),
        ('<ul class="home-lines"><li><p>No clip.</p></li></ul>', False),
    ],
)
def test_what_counts_as_saying_what_to_do(html: str, says: bool) -> None:
    assert says_what_to_do(html) is says
