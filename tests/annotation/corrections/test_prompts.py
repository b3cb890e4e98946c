"""A prompt is edited until a rater gets the clip; afterwards a new clip has the new prompt and the old is withdrawn."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEntry, User
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.marking import mark_item
from annotation.campaigns.overlap import draw_arm
from annotation.corrections.prompts import change_prompt, choose_name
from annotation.corrections.withdrawal import withdraw_clips
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import group_prompts
from annotation.models import Clip, Draft, Item, PromptGroup, Slot
from annotation.rating import queue
from tests.annotation.factories import claim, get_lease, make_campaign, make_clip, make_draft, make_user, submit
from tests.annotation.summaries import check_summaries

pytestmark = pytest.mark.django_db
PROMPT = "A red kite above the dunes"


def test_the_prompt_of_a_clip_that_nobody_has_opened_is_edited_and_grouped_again(lead: User) -> None:
    campaign = make_campaign(1, actor=lead, split="train", assisted_share=0.5, overlap=6)
    item = Item.objects.get()
    make_draft(item)
    group_prompts([Row(video="", prompt=PROMPT, generator="toy-1")], seed=campaign.seed)
    PromptGroup.objects.filter(prompts__text=PROMPT).update(split="val")

    corrected = change_prompt(actor=lead, clip=item.clip, prompt=PROMPT, reason="A typing error.")

    clip = Clip.objects.get()
    assert (corrected.pk, clip.prompt, clip.prompt_group.split) == (clip.pk, PROMPT, "val")
    assert set(Slot.objects.values_list("arm", flat=True)) == {"blind"}
    assert not Draft.objects.exists()
    entry = AuditEntry.objects.get(action="clip.prompt_changed")
    assert (entry.data["after"], entry.campaign) == ({"prompt": PROMPT, "split": "val"}, campaign.name)
    check_summaries(campaign)


def test_arms_are_drawn_again_when_a_clip_moves_to_train(lead: User) -> None:
    campaign = make_campaign(1, actor=lead, split="test", assisted_share=0.5, overlap=8)
    group_prompts([Row(video="", prompt=PROMPT, generator="toy-1")], seed=campaign.seed)
    PromptGroup.objects.filter(prompts__text=PROMPT).update(split="train")
    clip = change_prompt(actor=lead, clip=Clip.objects.get(), prompt=PROMPT, reason="A typing error.")
    arms = {slot.number: slot.arm for slot in Slot.objects.all()}
    assert arms == {number: draw_arm(campaign, clip.clip_id, number, "train") for number in arms}
    assert set(arms.values()) == {"assisted", "blind"}


@pytest.mark.parametrize("way", ["held", "rated", "handed back"])
def test_once_a_rater_got_the_clip_a_new_one_has_the_prompt_and_the_old_is_withdrawn(lead: User, way: str) -> None:
    campaign, other = make_campaign(1, actor=lead, overlap=2), make_campaign(actor=lead, overlap=3)
    clip = Clip.objects.get()
    add_clips(actor=lead, campaign=other, clips=[clip])
    item = Item.objects.get(campaign=campaign)
    mark_item(actor=lead, item=item, mark="gold", scores={"visual": 4.0}, priority=5)
    rater = make_user()
    slot = claim(rater, campaign)
    if way == "rated":
        submit(rater, slot)
    elif way == "handed back":
        queue.hand_back(rater=rater, lease=get_lease(slot))

    successor = change_prompt(actor=lead, clip=clip, prompt=PROMPT, reason="It shows a kite.")

    clip.refresh_from_db()
    assert (successor.clip_id, successor.prompt, successor.sha256) == (f"{clip.clip_id}-2", PROMPT, clip.sha256)
    assert (clip.is_withdrawn, clip.successor, clip.prompt != PROMPT) == (True, successor, True)
    assert set(clip.items.values_list("availability", flat=True)) == {"withdrawn"}
    copies = {copy.campaign_id: copy for copy in successor.items.all()}
    assert {key: copy.slots.count() for key, copy in copies.items()} == {campaign.pk: 2, other.pk: 3}
    assert (copies[campaign.pk].gold, copies[campaign.pk].priority) == ({"visual": 4.0}, 5)
    assert claim(rater, campaign).item_id == copies[campaign.pk].pk
    for one in (campaign, other):
        check_summaries(one)


@pytest.mark.parametrize(
    ("present", "name", "expected"),
    [
        (["boat"], "boat", "boat-2"),
        (["boat", "boat-2"], "boat", "boat-3"),
        (["boat", "boat-2"], "boat-2", "boat-3"),
        (["take-7"], "take-7", "take-7-2"),
        (["take-7", "take-7-2"], "take-7-2", "take-7-3"),
        (["n" * 200], "n" * 200, "n" * 192 + "-2"),
    ],
)
def test_a_successor_has_the_next_free_name(present: list[str], name: str, expected: str) -> None:
    for clip_id in present:
        make_clip(clip_id)
    assert choose_name(name) == expected


def test_a_clip_whose_group_was_named_stays_in_it(lead: User) -> None:
    row = Row(video="", prompt="A kite", generator="toy-1", prompt_group="kites")
    group_prompts([row], seed=0)
    group = PromptGroup.objects.get(name="kites")
    clip = change_prompt(actor=lead, clip=make_clip(group=group), prompt=PROMPT, reason="Mended.")
    assert clip.prompt_group == group


def test_a_clip_whose_video_is_in_another_split_bridges_after_its_prompt_moved(lead: User) -> None:
    clip, twin = make_clip(), make_clip(split="test")
    Clip.objects.filter(pk=twin.pk).update(sha256=clip.sha256)
    group_prompts([Row(video="", prompt=PROMPT, generator="toy-1")], seed=0)
    PromptGroup.objects.filter(prompts__text=PROMPT).update(split="train")
    assert change_prompt(actor=lead, clip=clip, prompt=PROMPT, reason="Mended.").bridges_splits
    withdraw_clips(actor=lead, clips=[twin], reason="A copy.")
    assert not change_prompt(actor=lead, clip=clip, prompt=f"{PROMPT}.", reason="Mended.").bridges_splits


@pytest.mark.parametrize("prompt", ["", "  ", "p" * 8001])
def test_a_prompt_that_no_manifest_may_have_is_refused(lead: User, prompt: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        change_prompt(actor=lead, clip=make_clip(), prompt=prompt, reason="Mended.")
    assert "prompt" in refusal.value.message_dict


def test_the_prompt_of_a_withdrawn_clip_stays(lead: User) -> None:
    (clip,) = withdraw_clips(actor=lead, clips=[make_clip()], reason="Bad.")
    with pytest.raises(ValidationError, match="Restore it first"):
        change_prompt(actor=lead, clip=clip, prompt=PROMPT, reason="Mended.")
