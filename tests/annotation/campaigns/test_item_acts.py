"""Acts on many clips at once: the same rules and entries as for one, in a number of queries that does not grow."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, User
from annotation.campaigns.item_acts import MAX_ITEMS, Outcome, act_on_keys
from annotation.campaigns.marking import mark_items
from annotation.campaigns.more_ratings import request_ratings
from annotation.campaigns.overlap import open_extra_slot
from annotation.campaigns.policy import update_policy
from annotation.campaigns.reports import exclude_items, give_out_items
from annotation.corrections.withdrawal import restore_items, withdraw_items
from annotation.models import Campaign, Item, Rating, Slot
from annotation.rating import queue
from tests.annotation import factories

pytestmark = pytest.mark.django_db
KNOWN = {"visual": 3.0}


def _leave_alone(_campaign: Campaign) -> None:
    pass


def _exclude_all(campaign: Campaign) -> None:
    items = Item.objects.filter(campaign=campaign)
    exclude_items(actor=campaign.created_by, items=list(items), reason="Gore.")


def _withdraw_all(campaign: Campaign) -> None:
    items = Item.objects.filter(campaign=campaign)
    withdraw_items(actor=campaign.created_by, items=list(items), reason="Gore.")


ACTS: dict[str, tuple[Callable[..., Outcome], dict[str, Any], Callable[[Campaign], None], str]] = {
    "exclude": (exclude_items, {"reason": "Gore."}, _leave_alone, "item.excluded"),
    "give out again": (give_out_items, {"reason": "No gore."}, _exclude_all, "item.given_out_again"),
    "gold": (mark_items, {"mark": "gold", "scores": KNOWN}, _leave_alone, "item.marked"),
    "qualification": (mark_items, {"mark": "qualification", "scores": KNOWN}, _leave_alone, "item.marked"),
    "priority": (mark_items, {"priority": 7}, _leave_alone, "item.priority"),
    "more ratings": (request_ratings, {"ratings": 5}, _leave_alone, "item.more_ratings"),
    "withdraw": (withdraw_items, {"reason": "Gore."}, _leave_alone, "clip.withdrawn"),
    "restore": (restore_items, {"reason": "No gore."}, _withdraw_all, "clip.restored"),
}


def make_queries(
    act: Callable[..., Outcome], values: dict[str, Any], prepare: Callable[[Campaign], None], n: int
) -> int:
    """Do an act on all of n clips, half of which a rater has reported or holds; return its number of queries."""
    campaign = factories.make_campaign(n, overlap=3)
    reporter, holder = factories.make_user(), factories.make_user()
    factories.skip(reporter, factories.claim(reporter, campaign), kind="broken")
    prepare(campaign)
    queue.claim(rater=holder, campaign=campaign)
    with CaptureQueriesContext(connection) as queries:
        act(actor=campaign.created_by, items=list(Item.objects.filter(campaign=campaign)), **values)
    return len(queries)


@pytest.mark.parametrize("act", ACTS)
def test_an_act_on_200_clips_takes_no_query_for_each(act: str) -> None:
    function, values, prepare, _action = ACTS[act]
    few, many = (make_queries(function, values, prepare, n) for n in (3, 200))
    assert many < few + 25  # Django deletes, and on SQLite also inserts, many rows in batches


@pytest.mark.parametrize("act", ACTS)
def test_every_changed_clip_has_an_entry_of_its_own_and_a_second_time_changes_nothing(act: str) -> None:
    function, values, prepare, action = ACTS[act]
    campaign, items = make_items(3)
    prepare(campaign)
    outcome = function(actor=campaign.created_by, items=items, **values)
    assert [item.pk for item in outcome.changed] == [item.pk for item in items]
    assert outcome.left == {}
    entries = AuditEntry.objects.filter(action=action)
    assert {entry.target_id for entry in entries} == {str(item.pk) for item in items}
    again = function(actor=campaign.created_by, items=items, **values)
    assert (again.changed, again.left) == ([], {})
    assert AuditEntry.objects.filter(action=action).count() == 3


def make_items(clips: int) -> tuple[Campaign, list[Item]]:
    campaign = factories.make_campaign(clips, overlap=2)
    return campaign, list(Item.objects.filter(campaign=campaign).order_by("pk"))


def have_it_opened(item: Item) -> None:
    rater = factories.make_user()
    while factories.claim(rater, item.campaign).item_id != item.pk:
        factories.skip(rater, Slot.objects.get(rater=rater, state="leased"))


def exclude_it(item: Item) -> None:
    exclude_items(actor=item.campaign.created_by, items=[item], reason="Gore.")


def make_qualification(item: Item) -> None:
    mark_items(actor=item.campaign.created_by, items=[item], mark="qualification", scores=KNOWN)


@pytest.mark.parametrize(
    ("act", "values", "spoil", "words"),
    [
        ("qualification", {}, have_it_opened, "Raters already have this clip"),
        ("give out again", {"reason": ""}, exclude_it, "Write why you return this clip."),
        ("more ratings", {}, exclude_it, "This clip is excluded. Return it to the queue first."),
        ("more ratings", {}, make_qualification, "This is a qualification clip"),
    ],
)
def test_one_bad_clip_is_left_with_a_sentence_and_stops_no_other(
    act: str, values: dict[str, Any], spoil: Callable[[Item], None], words: str
) -> None:
    campaign, items = make_items(3)
    function, usual, _prepare, action = ACTS[act]
    if act == "give out again":
        Item.objects.exclude(pk=items[1].pk).update(availability="reported")
    spoil(items[1])
    before = Item.objects.values().get(pk=items[1].pk), items[1].slots.count()
    keys = [items[2].pk, items[1].pk, items[0].pk, 987654]

    outcome = act_on_keys(
        campaign, keys, lambda chosen: function(actor=campaign.created_by, items=chosen, **usual | values)
    )

    assert [item.pk for item in outcome.changed] == [items[0].pk, items[2].pk]
    left = outcome.describe_left()
    assert set(left) == {items[1].pk, 987654}
    assert left[items[1].pk].startswith(words)
    assert left[987654] == "There is no such clip in this campaign."
    assert (Item.objects.values().get(pk=items[1].pk), items[1].slots.count()) == before
    entries = AuditEntry.objects.filter(action=action, target_id__in=[item.pk for item in items])
    assert entries.exclude(target_id=items[1].pk).count() == 2


def test_an_act_stays_in_its_campaign_has_a_limit_and_is_for_leads() -> None:
    campaign, _items = make_items(1)
    other, (stranger,) = make_items(1)

    def exclude(items: list[Item], actor: User = campaign.created_by) -> Outcome:
        return exclude_items(actor=actor, items=items, reason="Gore.")

    assert list(act_on_keys(campaign, [stranger.pk], exclude).left) == [stranger.pk]
    stranger.refresh_from_db()
    assert stranger.availability == "available"
    with pytest.raises(ValidationError, match="at most"):
        act_on_keys(other, range(MAX_ITEMS + 1), exclude)
    for function, values, _prepare, _action in ACTS.values():
        with pytest.raises(PermissionDenied):
            function(actor=factories.make_user(), items=[stranger], **values)


def test_more_ratings_are_free_slots_that_raters_get_and_a_lower_overlap_leaves_no_clash() -> None:
    campaign, (item, other) = make_items(2)
    update_policy(actor=campaign.created_by, campaign=campaign, overlap_cap=6, disagreement_bound=0)
    request_ratings(actor=campaign.created_by, items=[item], ratings=4)
    assert sorted(item.slots.values_list("number", "state")) == [(n, "free") for n in (1, 2, 3, 4)]
    assert other.slots.count() == 2
    with pytest.raises(ValidationError):
        request_ratings(actor=campaign.created_by, items=[item], ratings=51)

    Slot.objects.filter(item=item, number=3).delete()  # as a lower overlap may leave them
    for score in (1, 5, 3):
        rater = factories.make_user()
        factories.rate_all(rater, campaign, score)
    assert Rating.objects.filter(item=item).count() == 3
    assert sorted(item.slots.values_list("number", flat=True)) == [1, 2, 3, 4]  # disagreement filled the gap
    assert open_extra_slot(Rating.objects.filter(item=item)[0], campaign) is None
