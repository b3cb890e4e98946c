"""Copies of a campaign."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.duplicate import CopiedParts, duplicate_campaign
from annotation.campaigns.guidelines import Example, read_examples, set_guidelines
from annotation.campaigns.marking import mark_item, set_order_scores
from annotation.campaigns.policy import POLICY_FIELDS
from annotation.campaigns.taxonomy import retire_defect
from annotation.models import Campaign, CampaignMember, Item, Rating, Slot
from tests.annotation import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Campaign:
    """A campaign with marks, scores, a retired defect, guidelines and a member."""
    lead = factories.make_lead()
    campaign = factories.make_campaign(
        0, overlap=2, overlap_cap=4, seed=8, order="score", gold_share=0.2, qualification_mark=0.5, edit_hours=3
    )
    clips = [factories.make_clip(name) for name in ("one", "two", "gold", "test")]
    add_clips(actor=lead, campaign=campaign, clips=clips)
    items = {item.clip.clip_id: item for item in Item.objects.select_related("clip")}
    mark_item(actor=lead, item=items["gold"], mark="gold", scores={"visual": 2})
    mark_item(actor=lead, item=items["test"], mark="qualification", scores={"visual": 4}, feedback="Look again.")
    set_order_scores(actor=lead, campaign=campaign, scores={"one": 1.5})
    retire_defect(actor=lead, campaign=campaign, defect="blur")
    set_guidelines(actor=lead, campaign=campaign, text="Old")
    set_guidelines(actor=lead, campaign=campaign, text="New", examples=[Example("visual", 1, clips[0], "see")])
    CampaignMember.objects.create(campaign=campaign, user=factories.make_user("mona"))
    return campaign


def read_slots(campaign: Campaign) -> set[tuple[str, int, str, int, float]]:
    return set(campaign.slots.values_list("item__clip__clip_id", "number", "arm", "place", "rank"))


def test_settings_defects_and_newest_guidelines_come_along_and_nothing_else(source: Campaign) -> None:
    made = duplicate_campaign(actor=factories.make_lead(), campaign=source, name="again", title="Again")

    assert made.state == "draft"
    assert made.salt != source.salt
    assert {f: getattr(made, f) for f in POLICY_FIELDS} == {f: getattr(source, f) for f in POLICY_FIELDS}
    source.refresh_from_db()
    assert made.taxonomy == source.taxonomy
    guideline = made.guidelines.get()
    assert (guideline.number, guideline.text, read_examples(guideline)) == (1, "New", [])
    assert not made.items.exists()
    assert not made.members.exists()


def test_clips_with_marks_and_members_are_copied_on_request(source: Campaign) -> None:
    factories.rate_all(factories.make_user(), source)
    ratings, slots = Rating.objects.count(), read_slots(source)

    made = duplicate_campaign(
        actor=factories.make_lead(),
        campaign=source,
        name="again",
        title="Again",
        parts=CopiedParts(clips=True, golds=True, qualification=True, members=True),
    )

    fields = ("clip__clip_id", "gold", "is_qualification", "feedback", "priority", "order_score")
    assert list(made.items.order_by("pk").values_list(*fields)) == list(
        source.items.order_by("pk").values_list(*fields)
    )
    assert {slot[:3] for slot in read_slots(made)} >= {slot[:3] for slot in slots if slot[1] <= 2}
    assert not Slot.objects.filter(campaign=made, item__is_qualification=True).exists()
    assert set(made.slots.filter(item__clip__clip_id="one").values_list("rank", "state")) == {(1.5, "free")}
    assert [one.clip.clip_id for one in read_examples(made.guidelines.get())] == ["one"]
    assert [member.user.username for member in made.members.all()] == ["mona"]
    assert Rating.objects.count() == ratings


def test_clips_come_without_their_marks_as_plain_ones(source: Campaign) -> None:
    made = duplicate_campaign(
        actor=factories.make_lead(), campaign=source, name="again", title="Again", parts=CopiedParts(clips=True)
    )
    assert set(made.items.values_list("gold", "is_qualification")) == {(None, False)}
    assert made.slots.count() == 8


def test_an_invalid_copy_is_refused_by_field_and_makes_nothing(source: Campaign) -> None:
    lead = factories.make_lead()
    for changes, field in (
        ({"name": source.name}, "name"),
        ({"name": "two words"}, "name"),
        ({"title": ""}, "title"),
        ({"parts": CopiedParts(golds=True)}, "clips"),
    ):
        with pytest.raises(ValidationError) as caught:
            duplicate_campaign(actor=lead, campaign=source, **({"name": "x", "title": "X"} | changes))
        assert list(caught.value.message_dict) == [field]
    with pytest.raises(PermissionDenied):
        duplicate_campaign(actor=factories.make_user(), campaign=source, name="x", title="X")
    assert Campaign.objects.count() == 1
