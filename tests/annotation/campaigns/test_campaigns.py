from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEntry
from annotation.campaigns import campaigns
from annotation.campaigns.campaigns import StateRefused
from annotation.models import Arm, Campaign, Clip, Item, Slot
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_a_new_campaign_is_a_draft_with_its_guidelines_and_a_trail() -> None:
    lead = factories.make_lead()

    campaign = campaigns.create_campaign(
        actor=lead, name="first", title="The first", overlap=4, guidelines="Look twice.", lease_minutes=9
    )

    assert (campaign.state, campaign.overlap, campaign.lease_minutes) == ("draft", 4, 9)
    assert campaign.guidelines.get().text == "Look twice."
    assert AuditEntry.objects.filter(action="campaign.created", actor=lead).exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "no spaces please"}, "name"),
        ({"overlap": 0}, "overlap"),
        ({"assisted_share": 1.5}, "assisted_share"),
        ({"state": "open"}, "state"),
        ({"title": ""}, "title"),
    ],
)
def test_invalid_values_are_refused_by_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        campaigns.create_campaign(actor=factories.make_lead(), **({"name": "first", "title": "The first"} | values))

    assert field in caught.value.message_dict
    assert not Campaign.objects.exists()


def test_annotators_set_no_campaign_up() -> None:
    annotator, campaign = factories.make_user(), factories.make_campaign()

    with pytest.raises(PermissionDenied):
        campaigns.create_campaign(actor=annotator, name="x", title="x")
    with pytest.raises(PermissionDenied):
        campaigns.set_state(actor=annotator, campaign=campaign, state="closed")
    with pytest.raises(PermissionDenied):
        campaigns.add_clips(actor=annotator, campaign=campaign, clips=[])


def test_a_campaign_changes_its_state_only_along_allowed_steps() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(state="draft")

    with pytest.raises(StateRefused, match="open"):
        campaigns.set_state(actor=lead, campaign=campaign, state="paused")
    for state in ("open", "open", "paused", "open", "closed", "archived", "closed", "open"):
        assert campaigns.set_state(actor=lead, campaign=campaign, state=state).state == state
    with pytest.raises(StateRefused, match="no state"):
        campaigns.set_state(actor=lead, campaign=campaign, state="gone")


def test_each_clip_gets_one_item_with_k_rating_slots_however_often_it_is_added() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(overlap=3)
    clips = [factories.make_clip() for _ in range(5)]

    counts = [campaigns.add_clips(actor=lead, campaign=campaign, clips=some) for some in (clips[:3], clips, clips)]

    assert counts == [3, 2, 0]
    assert [item.slots.count() for item in Item.objects.all()] == [3] * 5
    assert set(Slot.objects.values_list("campaign", flat=True)) == {campaign.pk}


def test_arms_are_drawn_by_the_seed_and_not_by_the_order_of_arrival() -> None:
    lead, clips = factories.make_lead(), [factories.make_clip() for _ in range(40)]

    def arms(seed: int, some: list[Clip]) -> dict[tuple[str, int], str]:
        campaign = factories.make_campaign(seed=seed)
        campaigns.add_clips(actor=lead, campaign=campaign, clips=some)
        return {
            (slot.item.clip.clip_id, slot.number): slot.arm
            for slot in Slot.objects.filter(campaign=campaign).select_related("item__clip")
        }

    drawn = arms(1, clips)
    assert arms(1, clips[::-1]) == drawn
    assert arms(2, clips) != drawn
    assert 35 <= list(drawn.values()).count(Arm.ASSISTED) <= 85  # of 120; outside it once in 100,000 seeds


@pytest.mark.parametrize("split", ["val", "test"])
def test_val_and_test_items_are_blind_whatever_the_share(split: str) -> None:
    factories.make_campaign(5, split=split, assisted_share=1)

    assert set(Slot.objects.values_list("arm", flat=True)) == {Arm.BLIND}
