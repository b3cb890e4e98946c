"""The guess at a rater's next clip, compared with the queue's next claim."""

import pytest

from annotation.models import Campaign, Item, Slot
from annotation.rating import queue
from annotation.rating.upcoming import guess_next_clip
from qsave.axes import AXES
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def list_hits(campaign: Campaign) -> list[bool]:
    """Say for each clip of one rater after the first whether the guess was right."""
    rater, right = factories.make_user(), []
    slot = queue.claim(rater=rater, campaign=campaign)
    while slot is not None:
        guess = guess_next_clip(rater=rater, campaign=campaign)
        factories.submit(rater, slot)
        slot = queue.claim(rater=rater, campaign=campaign)
        right.append(guess == (slot.item.clip if slot else None))
    return right


def test_the_guess_follows_the_campaigns_order() -> None:
    campaign = factories.make_campaign(6)
    for number, slot in enumerate(Slot.objects.order_by("-item")):
        Slot.objects.filter(pk=slot.pk).update(rank=number // 4)
    assert list_hits(campaign) == [True] * 6


def test_the_guess_is_right_for_golds_and_repeats() -> None:
    campaign = factories.make_campaign(30, overlap=1, gold_share=0.2, repeat_share=0.2)
    for item in Item.objects.order_by("pk")[:6]:
        Item.objects.filter(pk=item.pk).update(gold=dict.fromkeys(AXES, 3))
    right = list_hits(campaign)
    assert len(right) >= 30
    assert all(right)


def test_the_guess_is_right_for_qualification_clips() -> None:
    campaign = factories.make_campaign(6, qualification_mark=0.5)
    for item in Item.objects.order_by("pk")[:3]:
        Slot.objects.filter(item=item).delete()
        Item.objects.filter(pk=item.pk).update(gold=dict.fromkeys(AXES, 3), is_qualification=True)
    assert list_hits(campaign)[:2] == [True, True]
    assert Slot.objects.filter(kind=Slot.Kind.QUALIFICATION).count() == 3


def test_guessing_changes_no_slot() -> None:
    campaign, rater = factories.make_campaign(3, gold_share=0.5), factories.make_user()
    queue.claim(rater=rater, campaign=campaign)
    before = list(Slot.objects.order_by("pk").values())
    guess_next_clip(rater=rater, campaign=campaign)
    assert list(Slot.objects.order_by("pk").values()) == before
