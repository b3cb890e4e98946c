"""Which settings of a campaign may change when, and what a change does to its slots."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEntry
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.policy import update_policy
from annotation.models import Campaign, Item, Slot
from annotation.rating import queue
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def read_slots(campaign: Campaign) -> dict[tuple[str, int], str]:
    slots = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT)
    return {(clip, number): arm for clip, number, arm in slots.values_list("item__clip__clip_id", "number", "arm")}


def test_a_change_holds_and_leaves_before_and_after_in_the_trail() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(lease_minutes=20)

    update_policy(actor=lead, campaign=campaign, lease_minutes=30, title=campaign.title, gold_share=0.1)

    campaign.refresh_from_db()
    assert (campaign.lease_minutes, campaign.gold_share) == (30, 0.1)
    entry = AuditEntry.objects.get(action="campaign.policy")
    assert entry.data == {
        "before": {"lease_minutes": 20, "gold_share": 0.0},
        "after": {"lease_minutes": 30, "gold_share": 0.1},
    }


def test_the_same_settings_again_leave_no_trail() -> None:
    campaign = factories.make_campaign(lease_minutes=20)
    update_policy(actor=factories.make_lead(), campaign=campaign, lease_minutes=20, overlap=3)
    assert not AuditEntry.objects.filter(action="campaign.policy").exists()


def test_annotators_change_nothing() -> None:
    with pytest.raises(PermissionDenied):
        update_policy(actor=factories.make_user(), campaign=factories.make_campaign(), overlap=5)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"overlap": 0}, "overlap"),
        ({"overlap": "many"}, "overlap"),
        ({"overlap": 4, "overlap_cap": 3}, "overlap_cap"),
        ({"gold_share": 0.6}, "gold_share"),
        ({"gold_share": float("nan")}, "gold_share"),
        ({"repeat_share": -0.1}, "repeat_share"),
        ({"qualification_mark": 1.01}, "qualification_mark"),
        ({"disagreement_bound": 5}, "disagreement_bound"),
        ({"order": "any"}, "order"),
        ({"open_to": ""}, "open_to"),
        ({"title": ""}, "title"),
        ({"edit_hours": -1}, "edit_hours"),
        ({"state": "open"}, "state"),
        ({"name": "other"}, "name"),
        ({"taxonomy": []}, "taxonomy"),
        ({"seed": 2}, "seed"),
        ({"assisted_share": 0.9}, "assisted_share"),
    ],
)
def test_a_refused_change_is_named_by_field_and_changes_nothing(changes: dict[str, Any], field: str) -> None:
    campaign = factories.make_campaign(2)
    before = Campaign.objects.values().get()

    with pytest.raises(ValidationError) as caught:
        update_policy(actor=factories.make_lead(), campaign=campaign, **changes)

    assert list(caught.value.message_dict) == [field]
    assert Campaign.objects.values().get() == before
    assert Slot.objects.count() == 6


def test_more_overlap_adds_the_slots_that_a_new_campaign_would_have_drawn() -> None:
    lead, clips = factories.make_lead(), [factories.make_clip() for _ in range(30)]
    grown, wide = factories.make_campaign(overlap=2, seed=5), factories.make_campaign(overlap=4, seed=5)
    for campaign in (grown, wide):
        add_clips(actor=lead, campaign=campaign, clips=clips)

    update_policy(actor=lead, campaign=grown, overlap=4)

    assert read_slots(grown) == read_slots(wide)
    assert Slot.objects.filter(campaign=grown).count() == 120


def test_more_overlap_leaves_a_slot_alone_that_disagreement_opened() -> None:
    campaign = factories.make_campaign(1, overlap=2, overlap_cap=5, disagreement_bound=1)
    for score in (1, 5):
        factories.rate_all(factories.make_user(), campaign, score)
    assert Slot.objects.count() == 3

    update_policy(actor=factories.make_lead(), campaign=campaign, overlap=4)

    assert sorted(Slot.objects.values_list("number", flat=True)) == [1, 2, 3, 4]


def test_clips_added_after_a_change_get_slots_by_the_new_settings() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(overlap=2)
    stale = Campaign.objects.get(pk=campaign.pk)
    update_policy(actor=lead, campaign=campaign, overlap=5)

    add_clips(actor=lead, campaign=stale, clips=[factories.make_clip()])

    assert Slot.objects.count() == 5


def test_less_overlap_deletes_free_slots_and_stops_at_those_that_are_taken() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(2, overlap=4)
    rater = factories.make_user()
    factories.rate_all(rater, campaign)
    queue.claim(rater=factories.make_user(), campaign=campaign)

    with pytest.raises(ValidationError) as caught:
        update_policy(actor=lead, campaign=campaign, overlap=1)
    assert "at least 2 ratings" in caught.value.message_dict["overlap"][0]
    assert Slot.objects.count() == 8

    update_policy(actor=lead, campaign=campaign, overlap=2)
    assert Slot.objects.count() == 4


def test_a_draft_campaign_may_change_its_seed_and_share_and_its_arms_are_drawn_again() -> None:
    lead, clips = factories.make_lead(), [factories.make_clip() for _ in range(20)]
    changed = factories.make_campaign(state="draft", seed=1, assisted_share=0.2)
    fresh = factories.make_campaign(state="draft", seed=9, assisted_share=0.7, overlap=4)
    for campaign in (changed, fresh):
        add_clips(actor=lead, campaign=campaign, clips=clips)

    update_policy(actor=lead, campaign=changed, seed=9, assisted_share=0.7, overlap=4)

    assert read_slots(changed) == read_slots(fresh)
    places = [sorted(Slot.objects.filter(campaign=one).values_list("place", flat=True)) for one in (changed, fresh)]
    assert places[0] == places[1]


def test_the_order_is_written_into_open_slots_only() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(3, overlap=1)
    first, second, third = Item.objects.order_by("pk")
    Item.objects.filter(pk=second.pk).update(priority=7, order_score=0.5)
    Item.objects.filter(pk=third.pk).update(priority=-1)
    rated = factories.claim(factories.make_user(), campaign)
    factories.submit(rated.rater, rated)  # type: ignore[arg-type]  # a leased slot has a rater

    def ranks() -> dict[int, float]:
        return dict(Slot.objects.exclude(pk=rated.pk).values_list("item", "rank"))

    for order, expected in (
        ("priority", {first.pk: 0.0, second.pk: 7.0, third.pk: -1.0}),
        ("score", {first.pk: -1e308, second.pk: 0.5, third.pk: -1e308}),
        ("balanced", {first.pk: 0.0, second.pk: 0.0, third.pk: 0.0}),
    ):
        update_policy(actor=lead, campaign=campaign, order=order)
        expected.pop(rated.item_id)
        assert ranks() == expected
        assert Slot.objects.get(pk=rated.pk).rank == 0.0
