"""The page of the audit trail: a sentence for every act, filters by index, pages by key."""

import ast
import csv
import itertools
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts import audit_trail, services
from accounts.audit import record
from accounts.audit_trail import PAGE_SIZE, Filters, describe_entries, read_page
from accounts.models import AuditEntry, Role, User
from annotation.campaigns import reports
from annotation.models import Item
from tests.annotation.factories import make_campaign, make_clip, make_lead, make_user
from tests.support.markup import collapse_space

PACKAGES = ("accounts", "operations", "annotation", "datasets", "modelassist")
GIVEN = {"actor", "target", "campaign"}


def find_recorded_acts() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield the place, the action and the names of the data of every call that records an act.

    The names are None if the call does not show them: `record_all`, or data that is passed on.
    """
    for package in PACKAGES:
        for path in sorted((Path(settings.BASE_DIR) / package).rglob("*.py")):
            module = ast.parse(path.read_text())
            named = dict(_read_constants(module))
            for node in ast.walk(module):
                if isinstance(node, ast.Call) and _get_name(node.func) in ("record", "record_all", "_store"):
                    yield from _read_call(f"{path.name}:{node.lineno}", node, named)


def _read_constants(module: ast.Module) -> Iterator[tuple[str, ast.Constant]]:
    """Yield the constants of a module by name, `A = "a"`."""
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield _get_name(node.targets[0]), node.value


def _get_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _read_call(
    place: str, call: ast.Call, named: dict[str, ast.Constant]
) -> Iterator[tuple[str, str, set[str] | None]]:
    """Read an action that is a constant, by keyword or, in the taxonomy's `_store`, by position.

    `named` has the constants of the module by name.
    """
    constants = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    action = keywords.get("action")
    action = named.get(action.id, action) if isinstance(action, ast.Name) else action
    if isinstance(action, ast.Constant):
        constants.append(action.value)
    elif isinstance(action, ast.Name):
        assert "_store" in place or place.startswith(("taxonomy.py", "audit.py")), f"{place}: which action?"
    for name in constants:
        if isinstance(name, str) and re.fullmatch(r"[a-z]+\.[a-z_]+", name):
            shows_all = None not in keywords and _get_name(call.func) != "record_all"
            yield place, name, {str(key) for key in keywords} - {"actor", "action", "target"} if shows_all else None


RECORDED = list(find_recorded_acts())


def test_every_act_that_the_code_records_has_a_sentence_and_no_sentence_is_idle() -> None:
    assert len(RECORDED) > 40
    without = [f"{place}: {action}" for place, action, _names in RECORDED if audit_trail.find_act(action) is None]
    assert without == []
    assert {action for action, _label in audit_trail.list_acts()} == {action for _place, action, _names in RECORDED}


@pytest.mark.parametrize(("place", "action", "names"), [row for row in RECORDED if row[2] is not None])
def test_a_sentence_names_only_what_its_entry_has(place: str, action: str, names: set[str]) -> None:
    act = audit_trail.find_act(action)
    assert act is not None
    sentence = act.sentence(dict.fromkeys(names, "x")) if callable(act.sentence) else act.sentence
    used = set(re.findall(r"%\((\w+)\)s", str(sentence)))
    assert used <= names | GIVEN, place
    assert "actor" in used


def test_every_kind_of_target_can_be_named() -> None:
    """A target that is never read would be shown as a bare number."""
    labels = {"accounts.user", "accounts.invitation", "accounts.apitoken", "operations.job", "annotation.campaign"}
    labels |= {"annotation.judgementimport", "annotation.clip", "annotation.promptgroup"}
    labels |= {"annotation.item", "annotation.panel", "datasets.release", "modelassist.run", "modelassist.critic"}
    labels |= {"modelassist.scoring"}
    assert set(audit_trail._target_readers) == labels


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada", role=Role.LEAD, display_name="Ada")


@pytest.fixture
def as_ada(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def read_sentences(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/audit?{query}").content.decode()
    cells = re.findall(r'<td role="cell">(.*?)</td>', page, re.DOTALL)
    return [collapse_space(re.sub(r"<[^>]+>", "", cell)).strip() for cell in cells]


def test_the_page_tells_each_act_in_a_sentence_with_a_link_and_its_time(ada: User, as_ada: Client) -> None:
    campaign = make_campaign(actor=ada, name="winter", title="Winter")
    item = Item.objects.create(campaign=campaign, clip=make_clip("fox-12"))
    reports.exclude(actor=ada, item=item, reason="the file is <b>broken</b>.")
    reports.give_out_again(actor=ada, item=item, reason="it plays.")
    newest, older = read_sentences(as_ada)[:2]
    assert newest == "Ada returned clip fox-12 to the queue of winter: it plays."
    assert older == "Ada excluded clip fox-12 from winter: the file is &lt;b&gt;broken&lt;/b&gt;."
    page = as_ada.get("/audit").content.decode()
    assert f'<a href="/campaigns/winter/items/{item.pk}"><bdi>fox-12</bdi></a>' in page
    assert '<time datetime="2' in page


def test_an_entry_of_an_earlier_version_or_without_its_target_is_still_told(ada: User) -> None:
    common = {"actor": ada, "target_type": "annotation.item", "target_id": "987"}
    AuditEntry.objects.create(action="item.given_out_again", data={"before": {}, "reports": 1}, **common)
    AuditEntry.objects.create(action="item.marked", data={}, **common)
    AuditEntry.objects.create(action="thing.done", data={"odd": [1, None, {"a_b": True}]}, **common)
    sentences = [re.sub(r"<[^>]+>", "", row.sentence) for row in describe_entries(AuditEntry.objects.order_by("pk"))]
    assert sentences == [
        "Ada returned clip #987 to the queue of –.",
        "Ada removed the mark of clip #987 of –.",
        "Ada: thing.done, #987.",
    ]


def test_the_site_itself_acts_by_name(ada: User) -> None:
    record(actor=None, action="drafting.resumed", target=make_campaign(actor=ada, title="Winter"), critic="toy@1")
    (row, *_rest) = read_page(Filters()).rows
    assert re.sub(r"<[^>]+>", "", row.sentence) == "The site resumed drafting by toy@1 for Winter."


def test_filters_by_person_campaign_and_act_work_alone_and_together(ada: User, as_ada: Client) -> None:
    bob = make_lead("bob")
    for actor, name in ((ada, "winter"), (ada, "summer"), (bob, "winter-2"), (bob, "spring")):
        campaign = make_campaign(1, actor=actor, name=name, title=name.title())
        reports.exclude(actor=ada, item=Item.objects.get(campaign=campaign), reason="Gore.")
    assert len(read_sentences(as_ada, "action=item.excluded")) == 4
    assert len(read_sentences(as_ada, "action=item.excluded&campaign=winter")) == 1
    assert read_sentences(as_ada, "person=bob&action=item.excluded") == []
    assert {one.split()[0] for one in read_sentences(as_ada, "person=BOB")} == {"bob"}
    assert {one.split()[0] for one in read_sentences(as_ada, "campaign=winter-2")} == {"Ada", "bob"}
    assert len(read_sentences(as_ada, "campaign=winter-2&person=ada")) == 1
    assert read_sentences(as_ada, "person=nobody") == []
    assert "No entry fits these filters." in as_ada.get("/audit?action=x&before=x").content.decode()


def test_pages_by_key_show_every_entry_once_in_both_directions(ada: User) -> None:
    AuditEntry.objects.all().delete()
    count = 2 * PAGE_SIZE + 3
    for number in range(count):
        record(actor=ada, action="user.renamed", target=ada, number=number)
    pages, before = [], None
    while True:
        page = read_page(Filters(person="ada"), before=before)
        pages.append([row.entry.pk for row in page.rows])
        before = page.older
        if before is None:
            break
    assert [len(keys) for keys in pages] == [PAGE_SIZE, PAGE_SIZE, 3]
    assert [key for keys in pages for key in keys] == sorted((key for keys in pages for key in keys), reverse=True)
    back = read_page(Filters(person="ada"), after=pages[2][0])
    assert [row.entry.pk for row in back.rows] == pages[1]
    assert (back.newer, back.older) == (pages[1][0], pages[1][-1])
    first = read_page(Filters(person="ada"), after=back.newer)
    assert [row.entry.pk for row in first.rows] == pages[0]
    assert first.newer is None


def test_only_leads_and_engineers_read_it(ada: User) -> None:
    for user, status in ((make_user(), 403), (ada, 200), (make_user(role=Role.ENGINEER), 200)):
        client = Client()
        client.force_login(user)
        assert client.get("/audit").status_code == status
    assert Client().get("/audit").status_code == 302


def test_a_page_takes_as_many_queries_whatever_it_shows(
    ada: User, as_ada: Client, django_assert_num_queries: Any
) -> None:
    campaign = make_campaign(60, actor=ada)
    services.invite(actor=ada, role=Role.ANNOTATOR, note="Bob")
    for item in Item.objects.filter(campaign=campaign)[:40]:
        reports.exclude(actor=ada, item=item, reason="Gore.")
    # session, person, entries, campaigns, and three kinds of target; on PostgreSQL, the setting for the plan
    with django_assert_num_queries(7 + (connection.vendor == "postgresql")):
        as_ada.get("/audit")


@pytest.mark.parametrize(
    "names",
    [
        [],
        *([n] for n in ("actor", "campaign", "action")),
        ["actor", "campaign"],
        ["actor", "action"],
        ["campaign", "action"],
        ["actor", "campaign", "action"],
    ],
)
@pytest.mark.parametrize("direction", ["-pk", "pk"])
def test_no_filter_scans_or_sorts(ada: User, names: list[str], direction: str) -> None:
    values: dict[str, Any] = {"actor": ada, "campaign": "winter", "action": "item.excluded"}
    entries = AuditEntry.objects.filter(**{name: values[name] for name in names}, pk__lt=10**9).order_by(direction)
    if connection.vendor == "postgresql":
        # With a table that is nearly empty every index costs the same, and the plan is any of them.
        other = make_user()
        AuditEntry.objects.bulk_create(
            AuditEntry(actor=other, action="item.marked", target_type="a.b", target_id="1", campaign="summer")
            for _number in range(1000)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE operations_auditentry")
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"
            )
    plan = entries[:PAGE_SIZE].explain()
    assert "audit_by" in plan or not names, plan
    assert not re.search(r"Seq Scan|Sort|TEMP B-TREE|^\s*SCAN (?!.*USING)", plan), plan


def test_every_combination_of_filters_has_an_index_of_its_own() -> None:
    names = ("actor", "campaign", "action")
    combinations = {frozenset(chosen) for size in (1, 2, 3) for chosen in itertools.combinations(names, size)}
    indexes = [index.fields for index in AuditEntry._meta.indexes]
    assert {frozenset(fields[:-1]) for fields in indexes if fields[-1] == "id"} == combinations


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL keeps a plan for any value")
def test_a_rare_value_is_found_by_its_index_also_when_the_same_query_has_run_often(ada: User) -> None:
    AuditEntry.objects.bulk_create(
        AuditEntry(actor=ada, action="item.marked", target_type="a.b", target_id="1", campaign=f"c{number % 3}")
        for number in range(20_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE operations_auditentry")
        for _ in range(12):
            assert read_page(Filters(campaign="none")).rows == []
        cursor.execute(
            "SELECT sum(generic_plans) FROM pg_prepared_statements WHERE statement LIKE '%operations_auditentry%'"
        )
        assert cursor.fetchone()[0] == 0


def read_csv(client: Client, **query: str) -> list[dict[str, str]]:
    """Return the rows of the download."""
    answer: Any = client.get("/audit.csv", query)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline="")))


def test_the_download_has_what_the_filters_select_newest_first_over_batches(
    client: Client, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(lead)
    monkeypatch.setattr(audit_trail, "BATCH_SIZE", 3)
    campaign = make_campaign(7, name="spring")
    items = list(Item.objects.select_related("clip", "campaign").order_by("pk"))
    for item in items:
        reports.exclude(actor=lead, item=item, reason='=Gore, "žluté"')
    rows = read_csv(client, action="item.excluded", campaign="spring", person=lead.username)
    assert [row["target_id"] for row in rows] == [str(item.pk) for item in reversed(items)]
    first = rows[-1]
    entry = AuditEntry.objects.filter(action="item.excluded").earliest("pk")
    assert first == {
        "time": entry.at.isoformat(timespec="seconds"),
        "person": lead.username,
        "act": "item.excluded",
        "target_type": "annotation.item",
        "target_id": str(items[0].pk),
        "target": items[0].clip.clip_id,
        "campaign": campaign.name,
        "data": json.dumps(entry.data, ensure_ascii=False),
    }
    assert len(read_csv(client)) == AuditEntry.objects.count()
    assert read_csv(client, person="nobody") == []
    page = client.get("/audit", {"action": "item.excluded"}).content.decode()
    assert 'href="/audit.csv?action=item.excluded"' in page
    assert "audit.csv" not in client.get("/audit", {"person": "nobody"}).content.decode()


def test_the_download_is_for_leads_and_names_what_is_gone_by_its_key(client: Client, lead: User) -> None:
    client.force_login(lead)
    AuditEntry.objects.create(action="item.reviewed", target_type="a.b", target_id="987654", campaign="=gone")
    (row,) = read_csv(client, action="item.reviewed")
    assert (row["person"], row["target_id"], row["target"], row["campaign"]) == ("", "987654", "", "'=gone")
    client.force_login(make_user())
    assert client.get("/audit.csv").status_code == 403


def test_a_batch_of_the_download_takes_as_many_queries_as_it_has_kinds_of_targets(
    lead: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(audit_trail, "BATCH_SIZE", 5)
    make_campaign(10)
    for item in Item.objects.select_related("campaign"):
        reports.exclude(actor=lead, item=item, reason="Gore.")
    transaction_queries = 1 if connection.vendor == "postgresql" else 0
    with django_assert_num_queries(3 * (1 + transaction_queries) + 2):
        entries = list(audit_trail.read_entries(Filters(action="item.excluded")))
    assert len(entries) == 10
