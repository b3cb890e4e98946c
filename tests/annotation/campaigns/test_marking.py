"""Gold scores, the qualification set, priorities, and order scores."""

import re
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.audit_trail import describe_entries
from accounts.models import AuditEntry
from annotation.campaigns.marking import mark_item, read_order_scores, set_order_scores
from annotation.campaigns.policy import update_policy
from annotation.models import Campaign, Item, Qualification, Slot
from annotation.rating import queue
from tests.annotation import factories

pytestmark = pytest.mark.django_db
KNOWN = {"visual": 2.0, "dynamic": 4.5}


def get_first_item(campaign: Campaign) -> Item:
    return Item.objects.filter(campaign=campaign).order_by("pk")[0]


def test_a_gold_keeps_its_known_scores_and_its_rating_slots() -> None:
    lead, item = factories.make_lead(), get_first_item(factories.make_campaign(1, overlap=2))
    mark_item(actor=lead, item=item, mark="gold", scores={"dynamic": 4.5, "visual": 2})
    item.refresh_from_db()
    assert (item.gold, item.is_qualification, item.slots.count()) == (KNOWN, False, 2)
    mark_item(actor=lead, item=item, mark="plain")
    item.refresh_from_db()
    assert item.gold is None
    first, second = AuditEntry.objects.filter(action="item.marked").order_by("pk")
    assert first.data["after"] == second.data["before"] == {"mark": "gold", "gold": KNOWN, "feedback": ""}


def test_the_audit_trail_tells_each_change_of_a_mark_in_words() -> None:
    lead, item = factories.make_lead(), get_first_item(factories.make_campaign(1))
    mark_item(actor=lead, item=item, mark="gold", scores=KNOWN)
    mark_item(actor=lead, item=item, mark="gold", scores={"visual": 5})
    mark_item(actor=lead, item=item, mark="qualification", scores=KNOWN, feedback="The edge melts.")
    mark_item(actor=lead, item=item, mark="qualification", scores={"visual": 3}, feedback="The edge melts.")
    mark_item(actor=lead, item=item, mark="plain")
    mark_item(actor=lead, item=item, mark="gold", scores=KNOWN)
    mark_item(actor=lead, item=item, mark="plain")

    clip, campaign = item.clip.clip_id, item.campaign.name
    rows = describe_entries(AuditEntry.objects.filter(action="item.marked").order_by("pk"))
    sentences = [re.sub(r"<[^>]+>", "", row.sentence) for row in rows]
    made, feedback = f"{lead} made clip {clip} of {campaign} a", "Feedback to raters: The edge melts."
    assert sentences == [
        f"{made} gold with known scores visual 2, dynamic 4.5.",
        f"{lead} changed the known scores of the gold {clip} of {campaign} to visual 5. Before: visual 2, dynamic 4.5.",
        f"{made} qualification clip with known scores visual 2, dynamic 4.5. {feedback}",
        f"{lead} changed the qualification clip {clip} of {campaign}. Known scores: visual 3. {feedback}",
        f"{lead} decided that clip {clip} of {campaign} is no longer a qualification clip.",
        f"{made} gold with known scores visual 2, dynamic 4.5.",
        f"{lead} decided that clip {clip} of {campaign} is no longer a gold.",
    ]


def test_a_qualification_item_has_no_rating_slots_and_gets_the_same_ones_back() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(1, overlap=3)
    item = get_first_item(campaign)
    drawn = list(item.slots.order_by("number").values_list("number", "arm", "place", "rank"))

    mark_item(actor=lead, item=item, mark="qualification", scores=KNOWN, feedback="The edge melts.")
    assert not item.slots.exists()
    assert Item.objects.get().feedback == "The edge melts."
    mark_item(actor=lead, item=item, mark="qualification", scores=KNOWN, feedback="The edge melts away.")
    update_policy(actor=lead, campaign=campaign, overlap=4)
    assert not item.slots.exists()

    mark_item(actor=lead, item=item, mark="gold", scores=KNOWN)
    slots = list(item.slots.order_by("number").values_list("number", "arm", "place", "rank"))
    assert slots[:3] == drawn
    assert len(slots) == 4
    assert Item.objects.get().feedback == ""


@pytest.mark.parametrize("deed", ["claimed", "rated", "met as a gold"])
def test_a_clip_that_somebody_has_met_cannot_join_the_qualification(deed: str) -> None:
    campaign, rater = factories.make_campaign(1, overlap=3), factories.make_user()
    item = get_first_item(campaign)
    slot = factories.claim(rater, campaign)
    if deed == "rated":
        factories.submit(rater, slot)
    if deed == "met as a gold":
        Slot.objects.filter(pk=slot.pk).update(kind="gold")

    with pytest.raises(ValidationError) as caught:
        mark_item(actor=factories.make_lead(), item=item, mark="qualification", scores=KNOWN)

    assert list(caught.value.message_dict) == ["mark"]
    item.refresh_from_db()
    assert (item.is_qualification, item.gold, item.slots.count()) == (False, None, 3)


def test_raters_qualify_on_marked_items_and_then_rate() -> None:
    lead, campaign, rater = factories.make_lead(), factories.make_campaign(2), factories.make_user()
    test_item = get_first_item(campaign)
    mark_item(actor=lead, item=test_item, mark="qualification", scores={"visual": 3.0})
    update_policy(actor=lead, campaign=campaign, qualification_mark=1.0)

    slot = factories.claim(rater, campaign)
    assert (slot.item_id, slot.kind) == (test_item.pk, "qualification")
    factories.submit(rater, slot)

    assert Qualification.objects.get().passed
    following = factories.claim(rater, campaign)
    assert following.kind == "seat"


@pytest.mark.parametrize(
    ("marks", "fields"),
    [
        ({"mark": "golden"}, {"mark"}),
        ({"mark": "gold"}, {"scores"}),
        ({"mark": "qualification", "scores": {}}, {"scores"}),
        ({"mark": "gold", "scores": {"visual": 5.5, "dynamic": 0}}, {"visual", "dynamic"}),
        ({"mark": "gold", "scores": {"visual": float("nan")}}, {"visual"}),
        ({"mark": "gold", "scores": {"sound": 3}}, {"sound"}),
        ({"mark": "qualification", "scores": {"visual": 3}, "feedback": "x" * 2001}, {"feedback"}),
    ],
)
def test_invalid_marks_are_refused_by_field(marks: dict[str, object], fields: set[str]) -> None:
    item = get_first_item(factories.make_campaign(1))
    with pytest.raises(ValidationError) as caught:
        mark_item(actor=factories.make_lead(), item=item, **marks)  # type: ignore[arg-type]  # wrong on purpose
    assert set(caught.value.message_dict) == fields
    item.refresh_from_db()
    assert item.gold is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scores": {"visual": 2.0}}, "gold"),
        ({"feedback": "Look again."}, "feedback"),
        ({"priority": 7}, "priority"),
        ({"mark": "qualification"}, ""),
        ({}, ""),
    ],
)
def test_marks_that_are_not_given_stay(change: dict[str, Any], field: str) -> None:
    lead, item = factories.make_lead(), get_first_item(factories.make_campaign(1))
    fields = ("gold", "is_qualification", "feedback", "priority")
    mark_item(actor=lead, item=item, mark="qualification", scores=KNOWN, feedback="The edge melts.", priority=2)
    before = Item.objects.values(*fields).get()
    mark_item(actor=lead, item=item, **change)
    after = Item.objects.values(*fields).get()
    assert {name for name in fields if before[name] != after[name]} == ({field} if field else set())


@pytest.mark.parametrize(("order", "rank"), [("balanced", 0.0), ("priority", 9.0)])
def test_a_priority_ranks_open_slots_if_the_campaign_orders_by_priority(order: str, rank: float) -> None:
    item = get_first_item(factories.make_campaign(2, order=order))
    mark_item(actor=factories.make_lead(), item=item, priority=9)
    assert set(item.slots.values_list("rank", flat=True)) == {rank}
    assert set(Slot.objects.exclude(item=item).values_list("rank", flat=True)) == {0.0}


def test_a_priority_has_bounds() -> None:
    with pytest.raises(ValidationError):
        mark_item(actor=factories.make_lead(), item=get_first_item(factories.make_campaign(1)), priority=1001)


def test_scores_order_the_queue_and_a_score_taken_away_comes_last() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(3, overlap=1, order="score")
    names = list(Item.objects.order_by("pk").values_list("clip__clip_id", flat=True))
    assert set_order_scores(actor=lead, campaign=campaign, scores={names[0]: -1.0, names[1]: 2.5, names[2]: 7.0}) == 3
    assert set_order_scores(actor=lead, campaign=campaign, scores={names[1]: 2.5, names[2]: None}) == 1

    order = []
    rater = factories.make_user()
    while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
        order.append(slot.item.clip.clip_id)
        factories.submit(rater, slot)
    assert order == [names[1], names[0], names[2]]


def test_one_unknown_clip_or_odd_score_stores_no_score_at_all() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(1, order="score")
    name = Item.objects.get().clip.clip_id
    for scores in ({name: 1.0, "stranger": 2.0}, {name: float("inf")}):
        with pytest.raises(ValidationError) as caught:
            set_order_scores(actor=lead, campaign=campaign, scores=scores)
        assert list(caught.value.message_dict) == ["scores"]
    assert Item.objects.get().order_score is None


def read_scores(text: str, name: str = "scores.csv") -> dict[str, float | None]:
    return read_order_scores(BytesIO(text.encode()), name)


def test_scores_are_read_from_csv() -> None:
    text = 'score,clip_id,note\n0.5,one,x\r\n,two,\n-1e3,"three, four",\n'
    assert read_scores(text) == {"one": 0.5, "two": None, "three, four": -1000.0}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.csv", "Clip ID;Score\n7.0;0,5\nb;NaN\n"),
        ("s.tsv", "score\tclip_id\n5e-1\t7\n\tb\n"),
        ("s.json", '[{"clip_id": 7.0, "score": 0.5}, {"clip_id": "b", "score": NaN}]'),
        ("s.jsonl", '{"clip_id": 7, "score": "0.5"}\n{"clip_id": "b", "score": null}\n'),
    ],
)
def test_scores_are_read_as_other_tools_write_them(name: str, text: str) -> None:
    assert read_scores(text, name) == {"7": 0.5, "b": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("clip,score\na,1\n", "lacks the column clip_id"),
        ("clip_id,score\na,many\n", "Line 2"),
        ("clip_id,score\na,inf\n", "Line 2"),
        ("clip_id,score\na,1\na,2\n", "repeats a clip"),
        ("clip_id,score\n,1\n", "no clip_id"),
        ('clip_id,score\na,"' + "x" * 140_000 + '"\n', "Line 2: The row is malformed"),
    ],
)
def test_csv_that_cannot_be_read_says_where(text: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        read_scores(text)


def test_annotators_mark_nothing() -> None:
    annotator, campaign = factories.make_user(), factories.make_campaign(1)
    with pytest.raises(PermissionDenied):
        mark_item(actor=annotator, item=get_first_item(campaign), mark="gold", scores=KNOWN)
    with pytest.raises(PermissionDenied):
        mark_item(actor=annotator, item=get_first_item(campaign), priority=1)
    with pytest.raises(PermissionDenied):
        set_order_scores(actor=annotator, campaign=campaign, scores={})
