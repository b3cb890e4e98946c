"""Clips are removed only while no rater was given one of them and nothing refers to them."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from annotation.campaigns.guidelines import Example, set_guidelines
from annotation.corrections.removal import remove_clips
from annotation.models import Campaign, Clip, Draft, Item, ItemSummary, Slot
from annotation.rating import queue
from tests.annotation.factories import claim, get_lease, make_draft

pytestmark = pytest.mark.django_db


def test_clips_that_nobody_opened_are_removed_with_all_that_was_made_for_them(
    lead: User, campaign: Campaign, clips: list[Clip]
) -> None:
    make_draft(Item.objects.earliest("pk"))
    assert remove_clips(actor=lead, clips=clips[:4]) == 4
    assert list(Clip.objects.order_by("pk")) == clips[4:]
    assert (Item.objects.count(), ItemSummary.objects.count(), Draft.objects.count()) == (2, 2, 0)
    assert set(Slot.objects.values_list("item__clip__clip_id", flat=True)) == {clip.clip_id for clip in clips[4:]}


@pytest.mark.parametrize("way", ["held", "handed back", "an example"])
def test_none_is_removed_if_one_was_given_out_or_is_referred_to(
    lead: User, rater: User, campaign: Campaign, clips: list[Clip], way: str
) -> None:
    if way == "an example":
        examples = [Example("visual", 3, clips[0], "So.")]
        set_guidelines(actor=lead, campaign=campaign, text="Look.", examples=examples)
    else:
        slot = claim(rater, campaign)
        if way == "handed back":
            queue.hand_back(rater=rater, lease=get_lease(slot))
    with pytest.raises(ValidationError, match=r"refer to" if way == "an example" else r"Raters were given"):
        remove_clips(actor=lead, clips=clips)
    assert Clip.objects.count() == len(clips)
