"""Take back what an act on many clips did, as far as nobody has changed the clips since then."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from annotation.campaigns.item_acts import Outcome
from annotation.campaigns.marking import mark_item, mark_items
from annotation.campaigns.more_ratings import request_ratings
from annotation.campaigns.policy import update_policy
from annotation.campaigns.undo import find_entries, restore_priorities, withdraw_ratings
from annotation.models import Campaign, Item, ItemSummary, Slot
from tests.annotation.factories import claim, make_campaign, make_user, submit

pytestmark = pytest.mark.django_db


def make_items(clips: int) -> tuple[Campaign, list[Item]]:
    campaign = make_campaign(clips, overlap=2, order="priority")
    return campaign, list(Item.objects.filter(campaign=campaign).select_related("campaign").order_by("pk"))


def set_priority(items: list[Item], priority: int) -> dict[int, AuditEntry]:
    outcome = mark_items(actor=items[0].campaign.created_by, items=items, priority=priority)
    return find_entries(items[0].campaign, "item.priority", outcome.entries)


def ask_for_ratings(items: list[Item], ratings: int) -> dict[int, AuditEntry]:
    outcome = request_ratings(actor=items[0].campaign.created_by, items=items, ratings=ratings)
    return find_entries(items[0].campaign, "item.more_ratings", outcome.entries)


def restore(items: list[Item], entries: dict[int, AuditEntry]) -> Outcome:
    chosen = [item for item in items if item.pk in entries]
    return restore_priorities(actor=items[0].campaign.created_by, items=chosen, entries=entries)


def withdraw(items: list[Item], entries: dict[int, AuditEntry]) -> Outcome:
    chosen = [item for item in items if item.pk in entries]
    return withdraw_ratings(actor=items[0].campaign.created_by, items=chosen, entries=entries)


def read_priorities(items: list[Item]) -> list[tuple[int, int, set[float]]]:
    """Return the priority of each item, as itself, its summary and its open slots have it."""
    return [
        (
            Item.objects.get(pk=item.pk).priority,
            ItemSummary.objects.get(pk=item.pk).priority,
            set(item.slots.values_list("rank", flat=True)),
        )
        for item in items
    ]


def test_each_clip_gets_its_own_former_priority_back() -> None:
    campaign, items = make_items(4)
    for item, priority in zip(items, (0, 5, -3, 7), strict=True):
        mark_item(actor=campaign.created_by, item=item, priority=priority)
    before = read_priorities(items)
    entries = set_priority(items, 7)
    assert len(entries) == 3  # the last one had it already
    outcome = restore(items, entries)
    assert [item.pk for item in outcome.changed] == [item.pk for item in items[:3]]
    assert outcome.left == {}
    assert read_priorities(items) == before
    trail = AuditEntry.objects.filter(action="item.priority", data__has_key="undoes").order_by("pk")
    assert [(entry.data["before"], entry.data["after"]) for entry in trail] == [(7, 0), (7, 5), (7, -3)]
    assert [entry.data["undoes"] for entry in trail] == [entries[item.pk].pk for item in items[:3]]


def test_a_priority_that_was_changed_again_stays_and_one_restored_by_hand_needs_nothing() -> None:
    campaign, items = make_items(3)
    entries = set_priority(items, 7)
    mark_item(actor=campaign.created_by, item=items[0], priority=9)
    mark_item(actor=campaign.created_by, item=items[1], priority=0)
    outcome = restore(items, entries)
    assert [item.pk for item in outcome.changed] == [items[2].pk]
    assert outcome.describe_left() == {items[0].pk: "The priority of this clip has been changed again since then."}
    assert [priority for priority, _summary, _ranks in read_priorities(items)] == [9, 0, 0]
    again = restore(items, entries)
    assert (again.changed, set(again.left)) == ([], {items[0].pk})


def test_only_the_free_slots_that_the_request_added_are_removed() -> None:
    campaign, (first, second) = make_items(2)
    ask_for_ratings([first], 3)  # an earlier request stays
    entries = ask_for_ratings([first, second], 5)
    mark_item(actor=campaign.created_by, item=second, priority=-1)
    for _ in range(4):  # of the first clip: its own two slots, the earlier one, and one of the request's two
        submit(rater := make_user(), claim(rater, campaign))
    outcome = withdraw([first, second], entries)
    assert [item.pk for item in outcome.changed] == [first.pk, second.pk]
    assert sorted(first.slots.values_list("number", "state")) == [(n, "done") for n in (1, 2, 3, 4)]
    assert sorted(second.slots.values_list("number", "state")) == [(1, "free"), (2, "free")]
    assert [ItemSummary.objects.get(pk=item.pk).slot_count for item in (first, second)] == [4, 2]
    trail = AuditEntry.objects.filter(action="item.ratings_withdrawn").order_by("pk")
    assert [(entry.data["before"], entry.data["after"]) for entry in trail] == [(5, 4), (5, 2)]
    again = withdraw([first, second], entries)
    assert again.changed == []
    assert again.describe_left() == {first.pk: "Raters have taken the added slots of this clip."}


def test_slots_that_the_campaign_gives_by_now_stay() -> None:
    campaign, (item,) = make_items(1)
    entries = ask_for_ratings([item], 4)
    update_policy(actor=campaign.created_by, campaign=campaign, overlap=4)
    outcome = withdraw([item], entries)
    words = "The settings of the campaign now ask for as many ratings of each clip."
    assert (outcome.changed, outcome.describe_left()) == ([], {item.pk: words})
    assert item.slots.count() == 4


def test_a_slot_that_a_rater_holds_stays() -> None:
    campaign, (item,) = make_items(1)
    entries = ask_for_ratings([item], 3)
    Slot.objects.filter(number__lt=3).delete()
    held = claim(make_user(), campaign)
    outcome = withdraw([item], entries)
    assert set(outcome.left) == {item.pk}
    assert list(item.slots.values_list("pk", "state")) == [(held.pk, "leased")]


def test_entries_of_another_act_or_campaign_are_not_found() -> None:
    _campaign, items = make_items(2)
    other, _items = make_items(1)
    entries = set_priority(items, 7)
    keys = [entry.pk for entry in entries.values()]
    assert set(entries) == {item.pk for item in items}
    assert find_entries(items[0].campaign, "item.more_ratings", keys) == {}
    assert find_entries(other, "item.priority", keys) == {}
    with pytest.raises(PermissionDenied):
        restore_priorities(actor=make_user(), items=items, entries=entries)
    with pytest.raises(PermissionDenied):
        withdraw_ratings(actor=make_user(), items=items, entries=entries)


def test_the_queries_do_not_grow_with_the_clips() -> None:
    counts = []
    for clips in (3, 100):
        _campaign, items = make_items(clips)
        priorities, requests = set_priority(items, 7), ask_for_ratings(items, 4)
        with CaptureQueriesContext(connection) as queries:
            restore(items, priorities)
            withdraw(items, requests)
        counts.append(len(queries))
    assert counts[1] < counts[0] + 10  # Django deletes, and on SQLite also inserts, many rows in batches
