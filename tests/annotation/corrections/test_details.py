"""What a manifest said of a clip can be edited, with a reason and an audit entry in each of its campaigns."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEntry, User
from annotation.campaigns.campaigns import add_clips
from annotation.corrections.correct import correct_clip
from annotation.corrections.details import edit_details
from annotation.models import Campaign, Clip, Item, ItemSummary
from tests.annotation.factories import make_campaign, make_clip, make_lead
from tests.annotation.summaries import check_summaries

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("generator", " wan-2.2 ", "wan-2.2"),
        ("seed", "1e5", "100000"),
        ("seed", str(2**64 - 1), str(2**64 - 1)),
        ("seed", "", ""),
        ("content_warning", "blood", "blood"),
        ("content_warning", "", ""),
        ("metadata", {"steps": 30, "sampler": "euler"}, {"steps": 30, "sampler": "euler"}),
        ("metadata", {}, {}),
    ],
)
def test_a_detail_is_stored_as_a_manifest_would_store_it(lead: User, name: str, value: Any, stored: Any) -> None:
    clip = make_clip(seed="7", content_warning="gore", metadata={"old": 1})
    edited = edit_details(actor=lead, clip=clip, details={name: value}, reason="It was wrong.")
    clip.refresh_from_db()
    assert getattr(edited, name) == getattr(clip, name) == stored


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("generator", "", "empty"),
        ("generator", "g" * 121, "120"),
        ("seed", "many", "seed"),
        ("seed", str(2**64), "seed"),
        ("content_warning", "w" * 201, "200"),
        ("metadata", {"prompt": "another"}, "prompt"),
        ("metadata", {"long": "x" * 20_000}, "too large"),
        ("colour", "red", "no such value"),
    ],
)
def test_a_detail_that_no_manifest_may_have_is_refused_at_its_field(
    lead: User, name: str, value: Any, words: str
) -> None:
    clip = make_clip()
    with pytest.raises(ValidationError) as refusal:
        edit_details(actor=lead, clip=clip, details={name: value, "seed": "5"} | {name: value}, reason="Why not.")
    assert words in " ".join(refusal.value.message_dict[name])
    assert Clip.objects.get().seed == clip.seed
    assert not AuditEntry.objects.filter(action="clip.edited").exists()


def test_a_correction_is_in_the_trail_of_each_campaign_with_both_values(lead: User) -> None:
    clip = make_clip(generator="toy-1")
    campaigns = [make_campaign(actor=lead), make_campaign(actor=lead)]
    for campaign in campaigns:
        add_clips(actor=lead, campaign=campaign, clips=[clip])
    edit_details(actor=lead, clip=clip, details={"generator": "toy-2", "seed": ""}, reason="Mixed up.")
    entries = AuditEntry.objects.filter(action="clip.edited").order_by("campaign")
    assert [entry.campaign for entry in entries] == sorted(campaign.name for campaign in campaigns)
    expected = {"before": {"generator": "toy-1"}, "after": {"generator": "toy-2"}, "reason": "Mixed up."}
    assert all(entry.data == expected for entry in entries)
    assert set(ItemSummary.objects.values_list("generator", flat=True)) == {"toy-2"}
    for campaign in campaigns:
        check_summaries(campaign)


def test_the_same_values_again_change_nothing(lead: User) -> None:
    clip = make_clip(generator="toy-1")
    edit_details(actor=lead, clip=clip, details={"generator": "toy-1"}, reason="The same.")
    assert not AuditEntry.objects.filter(action="clip.edited").exists()


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_correction_needs_a_reason_and_a_lead(lead: User, rater: User, reason: str) -> None:
    clip = make_clip()
    with pytest.raises(ValidationError, match="Write why"):
        edit_details(actor=lead, clip=clip, details={"seed": "5"}, reason=reason)
    with pytest.raises(PermissionDenied):
        edit_details(actor=rater, clip=clip, details={"seed": "5"}, reason="I like it.")


def test_several_values_are_corrected_together_or_not_at_all(campaign: Campaign) -> None:
    lead, item = make_lead(), Item.objects.earliest("pk")
    values: dict[str, Any] = {"generator": "toy-9", "gold": {"visual": 4.0}, "prompt": "A red kite above dunes"}
    with pytest.raises(ValidationError, match="between 1 and 5"):
        correct_clip(
            actor=lead, clip=item.clip, values=values | {"gold": {"visual": 9}}, reason="All.", campaign=campaign
        )
    item.clip.refresh_from_db()
    assert item.clip.generator == "toy-1"

    corrected = correct_clip(actor=lead, clip=item.clip, values=values, reason="All.", campaign=campaign)
    item = Item.objects.select_related("clip").get(pk=item.pk)
    assert (corrected.pk, item.clip.generator, item.clip.prompt) == (item.clip_id, "toy-9", "A red kite above dunes")
    assert item.gold == {"visual": 4.0}
    with pytest.raises(ValidationError, match="no such value"):
        correct_clip(actor=lead, clip=item.clip, values={"colour": "red"}, reason="All.")
