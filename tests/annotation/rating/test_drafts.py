import pytest

from annotation.models import Arm, Draft, Item, Slot
from annotation.rating import drafts
from annotation.rating.drafts import DraftRefused
from qsave.proposal import Proposal
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def record(item: Item, critic: str = "starter@1", score: float = 3) -> Draft:
    return factories.store_draft(item.pk, critic=critic, proposal=factories.make_proposal(score))


def test_a_draft_is_stored_once_a_critic_and_never_changed() -> None:
    item = factories.make_campaign(1).items.get()

    first, again = record(item, score=2), record(item, score=5)

    assert again == first
    assert drafts.read_proposal(again) == factories.make_proposal(2)


@pytest.mark.parametrize("split", ["val", "test"])
def test_val_and_test_items_are_never_drafted(split: str) -> None:
    campaign = factories.make_campaign(1, split=split)

    with pytest.raises(DraftRefused, match=split):
        record(campaign.items.get())
    assert drafts.list_items_without_draft(campaign=campaign, critic="starter@1", limit=9) == []


def test_drafts_are_wanted_for_items_with_an_open_assisted_slot_and_no_draft_of_this_critic() -> None:
    campaign = factories.make_campaign(4, overlap=2, assisted_share=1)
    drafted, blind, done, wanting = campaign.items.order_by("pk")
    record(drafted)
    blind.slots.update(arm=Arm.BLIND)
    for slot in done.slots.all():
        slot.state, slot.rater = Slot.State.DONE, factories.make_user()
        slot.save()

    assert drafts.list_items_without_draft(campaign=campaign, critic="starter@1", limit=9) == [wanting]
    assert set(drafts.list_items_without_draft(campaign=campaign, critic="better@2", limit=9)) == {drafted, wanting}
    assert len(drafts.list_items_without_draft(campaign=campaign, critic="better@2", limit=1)) == 1


def test_the_draft_of_the_active_critic_shows_in_the_assisted_arm_and_none_in_the_blind() -> None:
    campaign = factories.make_campaign(1, overlap=2, assisted_share=1)
    assisted, blind = campaign.slots.order_by("number")
    Slot.objects.filter(pk=blind.pk).update(arm=Arm.BLIND)
    blind.refresh_from_db()
    assert drafts.find_draft(assisted) is None
    former = record(assisted.item)
    newer = record(assisted.item, "better@2")
    assert drafts.find_draft(assisted) == newer
    assert drafts.find_draft(blind) is None
    drafts.set_active_critic(campaign, "starter@1")
    assert drafts.find_draft(assisted) == former
    drafts.set_active_critic(campaign, "")
    assert drafts.find_draft(assisted) is None


def test_a_critic_that_says_nothing_of_a_clip_hides_what_the_former_one_said() -> None:
    campaign = factories.make_campaign(1, assisted_share=1)
    (slot,) = campaign.slots.filter(number=1)
    record(slot.item)
    factories.store_draft(slot.item_id, critic="better@2", proposal=Proposal())
    assert drafts.find_draft(slot) is None
