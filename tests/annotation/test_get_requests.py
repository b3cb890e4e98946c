"""A GET of annotation's pages and API only reads: it locks no row and changes none."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, reverse
from pytest_django import Settings

from accounts.models import Role, User
from accounts.services import issue_token
from annotation.agreement.stored import compute_figures
from annotation.api.urls import urlpatterns as api_urls
from annotation.models import (
    FILE_FIELDS,
    Campaign,
    Clip,
    ClipImport,
    ClipVersion,
    Item,
    JudgementImport,
    Panel,
    PromptGroup,
    Rating,
)
from annotation.rating import checks
from annotation.rating.upcoming import guess_next_clip
from annotation.urls import urlpatterns as page_urls
from qsave.axes import AXES
from tests.annotation import factories
from tests.browser import site_world

pytestmark = pytest.mark.django_db

WRITES = re.compile(r"\bFOR (NO KEY )?UPDATE\b|^\s*(INSERT INTO|UPDATE|DELETE FROM)\b|\bUPDATE \w+\s+SET\b")
ACCOUNTS = re.compile(r"django_session|accounts_apitoken")
"""Sessions, and when a token was last used."""
NAMED: tuple[type[Model], ...] = (Clip, ClipImport, Item, JudgementImport, Panel, PromptGroup)
"""Models whose keys are in addresses. On PostgreSQL the rows of two models hardly ever have the same key."""
CAMPAIGNS = ("spring", "disputed", "all-closed")
"""Of the world of all pages: one with all kinds of rows, one with disputes, one that is closed."""
NOT_OPENED = {
    "api-job": "a job is not annotation's",
    "panel-begin": "a stranger opens it",
    "act-on-items": "its query names the act",
    "api-submit": "a POST only",
    "api-renew": "a POST only",
    "api-hand-back": "a POST only",
    "api-skip": "a POST only",
    "api-generator-pair": "its query names two generators",
    "generator-pair-file": "its query names two generators",
    "upload": "no GET, and its key is in a folder",
}


def list_writes(queries: CaptureQueriesContext) -> list[str]:
    statements = [query["sql"] for query in queries.captured_queries]
    return [sql for sql in statements if WRITES.search(sql) and not ACCOUNTS.search(sql)]


def list_paths(pattern: URLPattern, rater: User) -> Iterator[str]:
    """Yield the addresses of a pattern for every campaign, and for a row of each model that its key may name."""
    keys = [model._default_manager.earliest("pk").pk for model in NAMED]
    values: dict[str, list[object]] = {
        "name": list(Campaign.objects.filter(name__in=CAMPAIGNS).values_list("name", flat=True)),
        "pk": list({*keys, Rating.objects.filter(rater=rater)[0].pk}),
        "rater": [rater.pk],
        "secret": ["a-link-that-is-closed"],
        "kind": ["video", "poster", "original"],
        "number": [1],
        "section": ["raters"],
    }
    names = list(pattern.pattern.converters)
    if set(names) <= set(values) and pattern.name not in NOT_OPENED:
        for chosen in product(*(values[name] for name in names)):
            yield reverse(str(pattern.name), kwargs=dict(zip(names, chosen, strict=True)))


def get(client: Client, path: str) -> int:
    """Return the status of a GET that must not write."""
    connection.queries_log.clear()  # it forgets the oldest of many statements, which would shift those of this GET
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)
        if response.streaming:
            assert b"".join(response)
    assert list_writes(queries) == [], path
    return response.status_code


def find_status_for_stranger(path: str) -> int:
    """Return 410 for a link that no longer works, else 200."""
    return 410 if path.rstrip("/").endswith(("/a-link-that-is-closed", "/spent")) else 200


def test_no_get_locks_or_changes_a_row(settings: Settings, tmp_path: Path) -> None:
    settings.IMPORT_ROOTS = [tmp_path]
    world = site_world.build_world()
    clip = Clip.objects.earliest("pk")
    files = {name: getattr(clip, name) for name in FILE_FIELDS}
    ClipVersion.objects.create(clip=clip, number=1, replaced_by=world.people[Role.LEAD], reason="Blurred.", **files)
    rater = world.people[Role.ANNOTATOR]
    _token, secret = issue_token(actor=world.people[Role.LEAD], name="reads")
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    people = [Client() for _person in world.people]
    for client, person in zip(people, world.people.values(), strict=True):
        client.force_login(person)
    for campaign in Campaign.objects.all():
        compute_figures(campaign)  # a GET of figures that are not current asks a worker for new ones
    unopened = set()
    for patterns, clients in ((page_urls, people), (api_urls, [api])):
        for pattern in patterns:
            assert isinstance(pattern, URLPattern)
            statuses = {get(client, path) for path in list_paths(pattern, rater) for client in clients}
            if not statuses & {200, 204, 405}:
                unopened.add(pattern.name)
    for path in world.pages.list_paths(site_world.STRANGER):
        assert (path, get(Client(), path)) == (path, find_status_for_stranger(path))
    assert unopened == set(NOT_OPENED)


@pytest.mark.parametrize("kind", ["repeat", "gold", "qualification", "seat"])
def test_the_guess_at_the_next_clip_locks_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = factories.make_campaign(14, overlap=1, qualification_mark=0.5 if kind == "qualification" else None)
    rater = factories.make_user()
    if kind in ("gold", "qualification"):
        Item.objects.update(gold=dict.fromkeys(AXES, 3), is_qualification=kind == "qualification")
    for _number in range(12 if kind == "repeat" else 1):
        factories.submit(rater, factories.claim(rater, campaign))
    if kind == "gold":
        factories.rate_all(factories.make_user(), campaign)  # so that no rating slot of a gold is left
    monkeypatch.setattr(checks, "draw_check_kind", lambda *_args: kind)
    with CaptureQueriesContext(connection) as queries:
        guess = guess_next_clip(rater=rater, campaign=campaign)
    assert list_writes(queries) == []
    slot = factories.claim(rater, campaign)
    assert (slot.item.clip, slot.kind) == (guess, kind)
