"""The list of clips: every order, every filter, pages both ways, figures of record, a bounded number of queries."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.agreement import clip_list, clip_order
from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_filter import COLUMN_SORTS, SORTS, ClipFilter
from annotation.agreement.clip_list import ClipPage, find_neighbours, read_clip_page
from annotation.agreement.clip_order import ClipOrder, Position
from annotation.agreement.mos_rows import read_mos_rows
from annotation.agreement.reviews import screen
from annotation.campaigns import reports
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.marking import mark_item
from annotation.models import Campaign, Item, ItemSummary
from annotation.rating import queue
from annotation.rating.answers import Answer
from qsave.axes import AXES
from qsave.report_card import Evidence
from tests.annotation import factories

pytestmark = pytest.mark.django_db
CLIPS = 23
PAGE = 5


@pytest.fixture
def lead(rated: Campaign) -> User:
    return rated.created_by


@pytest.fixture
def rated(rated_key: int, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """A campaign whose clips differ in all that the list sorts by; a page has five of them."""
    monkeypatch.setattr(clip_list, "PAGE_SIZE", PAGE)
    return Campaign.objects.get(pk=rated_key)


@pytest.fixture(scope="module")
def rated_key(module_db: None) -> int:
    lead = factories.make_lead()
    campaign = factories.make_campaign(actor=lead, overlap=3, assisted_share=0.5, disagreement_bound=1)
    splits = ["train", "train", "val", "test"]
    clips = [
        factories.make_clip(f"clip{number:02}", split=splits[number % 4], generator=f"model-{number % 3}")
        for number in range(CLIPS)
    ]
    add_clips(actor=lead, campaign=campaign, clips=clips)
    items = list(Item.objects.order_by("pk"))
    mark_item(actor=lead, item=items[0], mark="gold", scores={"visual": 2})
    mark_item(actor=lead, item=items[1], mark="qualification", scores={"visual": 2})
    raters = [factories.make_user(f"rater{number}") for number in range(3)]
    for number, rater in enumerate(raters):
        for turn in range(CLIPS - 5 * number):
            rate(rater, campaign, turn, number)
    for number, item in enumerate(items):
        mark_item(actor=lead, item=item, priority=number % 4)
    reports.exclude(actor=lead, item=items[2], reason="The file is broken.")
    screen(actor=lead, campaign=campaign, rater=raters[2], verdict="screened", reason="See the golds.")
    return campaign.pk


def rate(rater: User, campaign: Campaign, turn: int, number: int) -> None:
    slot = queue.claim(rater=rater, campaign=campaign)
    if slot is None:
        return
    if turn == 7:
        factories.skip(rater, slot, kind="broken")
        return
    answers = factories.make_answers({axis: (turn * (number + 1) + step) % 5 + 1 for step, axis in enumerate(AXES)})
    if turn % 4 == 0:
        answers[AXES[0]] = Answer(answers[AXES[0]].score, (Evidence("blur"),), answers[AXES[0]].reason)
    factories.submit(rater, slot, answers=answers)


def list_items(page: ClipPage) -> list[int]:
    return [row.item.pk for row in page.rows]


def sort_value(campaign: Campaign, wanted: ClipFilter) -> Callable[[int], Any]:
    """Return what an item is sorted by, computed from the statistics of record."""
    summaries = {summary.pk: summary for summary in ItemSummary.objects.filter(campaign=campaign)}
    if wanted.sort in COLUMN_SORTS:
        return lambda item: getattr(summaries[item], COLUMN_SORTS[wanted.sort])
    figures = {row.item: row.mos[wanted.axis] for row in read_mos_rows(campaign) if wanted.axis in row.mos}
    sign = -1 if wanted.descending else 1

    def read(item: int) -> tuple[bool, float]:
        if item not in figures:
            return True, 0.0
        figure = figures[item]
        return False, sign * round(figure.mos if wanted.sort == "mos" else figure.high - figure.low, 9)

    return read


ORDERS = [
    (sort, descending, axis)
    for sort, descending, axis in product(SORTS, [False, True], AXES)
    if sort not in COLUMN_SORTS or axis is AXES[0]
]
"""Every order of the list. A column of a clip does not depend on the axis."""


@pytest.mark.parametrize(("sort", "descending", "axis"), ORDERS)
def test_pages_go_through_every_clip_in_order_both_ways(
    rated: Campaign, sort: str, descending: bool, axis: Any
) -> None:
    wanted = ClipFilter(sort=sort, descending=descending, axis=axis)
    page = read_clip_page(rated, wanted)
    assert (page.previous, page.count) == (None, CLIPS)
    pages = [list_items(page)]
    while page.next:
        page = read_clip_page(rated, wanted, after=page.next)
        pages.append(list_items(page))
    assert [len(each) for each in pages] == [5, 5, 5, 5, 3]
    order = [item for each in pages for item in each]
    assert sorted(order) == sorted(Item.objects.values_list("pk", flat=True))
    values = list(map(sort_value(rated, wanted), order))
    assert values == sorted(values, reverse=descending and sort in COLUMN_SORTS)

    for expected in reversed(pages[:-1]):
        assert page.previous
        page = read_clip_page(rated, wanted, before=page.previous)
        assert list_items(page) == expected
    assert page.previous is None

    for position, item in enumerate(order):
        neighbours = [None, *order, None]
        pair = find_neighbours(rated, wanted, item, read_axis_tallies(rated, wanted.axis))
        assert pair == (neighbours[position], neighbours[position + 2])


def test_figures_are_those_of_record(rated: Campaign) -> None:
    rows = list(read_mos_rows(rated))
    for axis in AXES:
        record = {row.item: row.mos[axis] for row in rows if axis in row.mos}
        page = read_clip_page(rated, ClipFilter(axis=axis))
        while True:
            for row in page.rows:
                expected = record.get(row.item.pk)
                assert (row.figure is None) == (expected is None)
                if row.figure and expected:
                    assert (row.figure.mos, row.figure.low, row.figure.high, row.figure.n) == pytest.approx(
                        (expected.mos, expected.low, expected.high, expected.n), abs=1e-9
                    )
            if page.next is None:
                break
            page = read_clip_page(rated, ClipFilter(axis=axis), after=page.next)


@pytest.mark.parametrize("few", [clip_order.COUNT_LIMIT, 1])
def test_every_filter_lists_what_it_says_in_every_order(
    rated: Campaign, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_order, "COUNT_LIMIT", few)
    monkeypatch.setattr(clip_order, "FIRST_PART", few)
    rater = User.objects.get(username="rater1").pk
    every = {summary.pk: summary for summary in ItemSummary.objects.select_related("item__clip")}
    by_mos, by_width = (sort_value(rated, ClipFilter(sort=sort)) for sort in ("mos", "width"))
    cases: list[tuple[ClipFilter, Callable[[ItemSummary], bool]]] = [
        (ClipFilter(state="rated"), lambda row: row.state == "rated"),
        (ClipFilter(state="excluded"), lambda row: row.item.availability == "excluded"),
        (ClipFilter(generator="model-1"), lambda row: row.item.clip.generator == "model-1"),
        (ClipFilter(split="val"), lambda row: row.item.clip.prompt_group.split == "val"),
        (ClipFilter(rater=rater), lambda row: row.item.slots.filter(rater=rater, state="done", kind="seat").exists()),
        (ClipFilter(defect="blur"), lambda row: row.item.defects.filter(defect="blur").exists()),
        (ClipFilter(is_gold=True), lambda row: row.item.gold is not None and not row.item.is_qualification),
        (ClipFilter(has_reports=True), lambda row: row.item.skips.filter(kind="broken", settled_at=None).exists()),
        (ClipFilter(least_spread=2), lambda row: row.spread >= 2),
        (ClipFilter(text="CLIP1"), lambda row: "clip1" in row.item.clip.clip_id),
        (ClipFilter(mos_from=3), lambda row: by_mos(row.pk) >= (False, 3) and not by_mos(row.pk)[0]),
        (ClipFilter(mos_to=2), lambda row: by_mos(row.pk) <= (False, 2)),
        (ClipFilter(least_width=2), lambda row: by_width(row.pk) >= (False, 2) and not by_width(row.pk)[0]),
    ]
    for wanted, fits in cases:
        expected = {pk for pk, row in every.items() if fits(row)}
        assert 0 < len(expected) < CLIPS, wanted
        for sort in SORTS:
            order = ClipOrder.of(rated, replace(wanted, sort=sort), read_axis_tallies(rated, wanted.axis))
            keys = order.read_keys(None, limit=100)
            assert {item for _value, item in keys} == expected
            assert order.count == (min(len(expected), few + 1) if wanted.limits_columns else len(expected))
            _assert_walks_both_ways(order, keys)


def _assert_walks_both_ways(order: ClipOrder, keys: list[Position]) -> None:
    """Assert that parts of the list, read from any position, are those of the whole list."""
    for index, position in enumerate(keys):
        assert order.read_keys(position, limit=2) == keys[index + 1 : index + 3]
        assert order.read_keys(position, limit=2, backward=True) == keys[max(index - 2, 0) : index][::-1]


def test_a_page_goes_on_from_where_the_reader_was_when_clips_change(rated: Campaign, lead: User) -> None:
    wanted = ClipFilter(sort="spread", descending=True)
    first = read_clip_page(rated, wanted)
    rest = list_items(read_clip_page(rated, wanted, after=first.next))
    moved = first.rows[-1].item  # its spread becomes 0
    reports.exclude(actor=lead, item=moved, reason="The file is broken.")
    assert list_items(read_clip_page(rated, wanted, after=first.next)) == rest


@pytest.mark.parametrize(
    "query", ["", "sort=-width&state=rated", "sort=spread&rater=rater0&defect=blur&mos_to=4&q=clip"]
)
@pytest.mark.parametrize("clips", [0, 40])
def test_the_list_takes_as_many_queries_with_more_clips(
    as_lead: Client, rated: Campaign, clips: int, query: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add_clips(actor=rated.created_by, campaign=rated, clips=[factories.make_clip() for _ in range(clips)])
    queries = {"": 12, "sort=-width&state=rated": 12}.get(query, 13)
    settings_of_plans = 2 if "q=" in query and connection.vendor == "postgresql" else 0
    with django_assert_num_queries(queries + settings_of_plans):
        page = as_lead.get(f"/campaigns/{rated.name}/items?{query}")
    assert page.context["page"].rows
