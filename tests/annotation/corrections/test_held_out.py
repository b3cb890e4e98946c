"""A clip that gets a held-out generator goes to test with its group, or somebody is told why not."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from annotation.corrections.correct import correct_clip
from annotation.corrections.held_out import explain_hold_out
from annotation.groups.holding_out import hold_out_generator
from annotation.models import Campaign, Clip, Draft, Item, Slot
from tests.annotation.api.scripts import make_script, post_json
from tests.annotation.factories import claim, make_campaign, make_clip, make_user
from tests.datasets.world import engineer

pytestmark = pytest.mark.django_db
HELD_OUT = "veo-3"


@pytest.fixture
def campaign(lead: User) -> Campaign:
    """A campaign with one clip in train; another generator is held out."""
    campaign = make_campaign(1, actor=lead, overlap=2, assisted_share=1.0)
    hold_out_generator(actor=engineer(), generator=HELD_OUT, reason="To test on it.")
    assert Clip.objects.get().prompt_group.split == "train"
    return campaign


def correct(lead: User, generator: str = HELD_OUT) -> Clip:
    return correct_clip(
        actor=lead, clip=Clip.objects.order_by("pk")[0], values={"generator": generator}, reason="Mislabelled."
    )


def test_a_group_that_only_a_held_out_generator_has_moves_to_test(lead: User, campaign: Campaign) -> None:
    correct(lead)

    clip = Clip.objects.get()
    assert (clip.prompt_group.split, clip.prompt_group.generator) == ("test", HELD_OUT)
    assert set(Slot.objects.values_list("arm", flat=True)) == {"blind"}
    assert not Draft.objects.exists()
    entry = AuditEntry.objects.get(action="groups.moved")
    assert (entry.data["before"], entry.data["after"], entry.data["reason"]) == ("train", "test", "Mislabelled.")
    assert explain_hold_out(clip) == ""


def test_a_group_of_which_a_rater_was_given_a_clip_stays_and_it_is_said(
    as_lead: Client, lead: User, campaign: Campaign
) -> None:
    claim(make_user(), campaign)
    item = Item.objects.get()
    clip = item.clip
    values = {"generator": HELD_OUT, "seed": clip.seed, "metadata": "{}", "reason": "Mislabelled.", "act": "details"}
    path = f"/campaigns/{campaign.name}/items/{item.pk}/correct"

    page = as_lead.post(path, values, follow=True).content.decode()

    assert Clip.objects.get().prompt_group.split == "train"
    assert "Raters were given a clip of its prompt group, so the group stays in train." in page
    answer = post_json(make_script(lead), f"/api{path}", {"generator": HELD_OUT, "reason": "Again."})
    assert "Releases leave this clip out." in answer.json()["remark"]


def test_a_group_that_others_have_too_stays_and_it_is_said(lead: User, campaign: Campaign) -> None:
    first = Clip.objects.get()
    make_clip("other", prompt_group=first.prompt_group, generator="toy-1")

    clip = correct(lead)

    assert Clip.objects.order_by("pk")[0].prompt_group.split == "train"
    assert "Other generators have its prompt group too" in explain_hold_out(clip)


def test_letting_a_clip_out_of_the_hold_out_moves_nothing(lead: User, campaign: Campaign) -> None:
    correct(lead)
    clip = correct(lead, "toy-1")

    assert Clip.objects.get().prompt_group.split == "test"
    assert Clip.objects.get().prompt_group.generator == "toy-1"
    assert explain_hold_out(clip) == ""
