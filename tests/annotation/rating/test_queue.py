import uuid
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns import campaigns
from annotation.models import Arm, Campaign, Offer, PromptGroup, Skip, Slot
from annotation.rating import queue, ratings
from annotation.rating.queue import LeaseLost
from tests.annotation import factories
from tests.annotation.factories import START

pytestmark = pytest.mark.django_db


def test_a_claim_leases_a_slot_for_the_campaigns_lease_time(clock: time_machine.Traveller) -> None:
    campaign, rater = factories.make_campaign(1, lease_minutes=7), factories.make_user()

    slot = factories.claim(rater, campaign)

    slot.refresh_from_db()
    assert (slot.state, slot.rater, slot.lease_expires_at) == ("leased", rater, START + timedelta(minutes=7))


def test_claiming_again_gives_the_same_slot_and_restarts_its_lease(clock: time_machine.Traveller) -> None:
    campaign, rater = factories.make_campaign(3), factories.make_user()
    first = factories.claim(rater, campaign)
    clock.shift(timedelta(minutes=5))

    again = factories.claim(rater, campaign)

    assert (again.pk, again.lease) == (first.pk, first.lease)
    assert again.lease_expires_at == START + timedelta(minutes=25)


def test_a_rater_who_comes_back_late_gets_the_slot_that_nobody_took(clock: time_machine.Traveller) -> None:
    campaign, rater = factories.make_campaign(3), factories.make_user()
    first = factories.claim(rater, campaign)
    clock.shift(timedelta(days=3))

    assert (factories.claim(rater, campaign).pk, factories.claim(rater, campaign).lease) == (first.pk, first.lease)


def test_a_slot_is_not_given_twice_while_its_lease_runs_and_is_free_when_it_ends(
    clock: time_machine.Traveller,
) -> None:
    campaign = factories.make_campaign(1, overlap=1)
    first, second = factories.make_user(), factories.make_user()
    slot = factories.claim(first, campaign)

    clock.shift(timedelta(minutes=19, seconds=59))
    assert queue.claim(rater=second, campaign=campaign) is None
    clock.shift(timedelta(seconds=1))
    taken = factories.claim(second, campaign)

    assert taken.pk == slot.pk
    assert taken.lease != slot.lease


def test_a_clock_that_jumps_back_takes_no_slot_from_anybody(clock: time_machine.Traveller) -> None:
    campaign = factories.make_campaign(1, overlap=1)
    first, second = factories.make_user(), factories.make_user()
    slot = factories.claim(first, campaign)
    clock.move_to(START - timedelta(hours=5))

    assert queue.claim(rater=second, campaign=campaign) is None
    assert factories.submit(first, slot).rater == first


def test_every_item_gets_its_first_rater_before_any_gets_its_second() -> None:
    campaign = factories.make_campaign(4, overlap=2)
    raters = [factories.make_user() for _ in range(8)]

    taken = [factories.claim(rater, campaign).item_id for rater in raters]

    assert len(set(taken[:4])) == 4
    assert Counter(taken) == dict.fromkeys(set(taken), 2)


def test_a_rater_gets_every_item_once_and_then_nothing() -> None:
    campaign, rater = factories.make_campaign(5, overlap=3), factories.make_user()

    assert factories.rate_all(rater, campaign) == 5

    assert queue.claim(rater=rater, campaign=campaign) is None
    assert rater.ratings.values("item").distinct().count() == 5


def test_raters_meet_the_items_in_orders_of_their_own() -> None:
    def order(rater: User, campaign: Campaign) -> list[int]:
        return [
            factories.submit(rater, slot).item_id
            for slot in iter(lambda: queue.claim(rater=rater, campaign=campaign), None)
        ]

    campaign = factories.make_campaign(12, overlap=4)
    orders = [order(factories.make_user(), campaign) for _ in range(4)]

    assert len({tuple(one) for one in orders}) == 4


def test_raters_begin_with_different_items() -> None:
    campaign = factories.make_campaign(12, overlap=15)
    first = [queue.claim(rater=factories.make_user(), campaign=campaign) for _ in range(15)]
    assert len({slot.item_id for slot in first if slot}) > 1


def test_siblings_of_a_prompt_do_not_follow_each_other_while_another_clip_is_left() -> None:
    campaign, rater = factories.make_campaign(), factories.make_user()
    groups = [PromptGroup.objects.create(representative=name, split="train") for name in ("one", "two")]
    clips = [factories.make_clip(group=group) for group in groups for _ in range(3)]
    campaigns.add_clips(actor=factories.make_lead(), campaign=campaign, clips=clips)

    met = []
    while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
        met.append(slot.item.clip.prompt_group_id)
        factories.submit(rater, slot)

    assert len(met) == len(clips)
    assert all(one != next_one for one, next_one in pairwise(met))


def test_siblings_are_served_when_nothing_else_is_left() -> None:
    campaign, rater = factories.make_campaign(), factories.make_user()
    group = PromptGroup.objects.create(representative="one", split="train")
    clips = [factories.make_clip(group=group) for _ in range(3)]
    campaigns.add_clips(actor=factories.make_lead(), campaign=campaign, clips=clips)

    assert factories.rate_all(rater, campaign) == 3


def test_items_that_were_handed_back_come_last_and_in_turn() -> None:
    campaign, rater = factories.make_campaign(3, overlap=1), factories.make_user()
    met = []
    for _ in range(6):
        slot = factories.claim(rater, campaign)
        met.append(slot.item_id)
        queue.hand_back(rater=rater, lease=factories.get_lease(slot))

    assert len(set(met[:3])) == 3
    assert met[3:] == met[:3]


def test_handing_back_twice_or_what_is_not_held_changes_nothing() -> None:
    campaign, first, second = factories.make_campaign(1, overlap=1), factories.make_user(), factories.make_user()
    slot = factories.claim(first, campaign)
    queue.hand_back(rater=first, lease=factories.get_lease(slot))
    taken = factories.claim(second, campaign)

    queue.hand_back(rater=first, lease=factories.get_lease(slot))

    taken.refresh_from_db()
    assert taken.rater == second


def test_a_rater_who_saw_an_item_in_one_arm_never_gets_it_in_the_other() -> None:
    campaign, rater, other = factories.make_campaign(1, overlap=2), factories.make_user(), factories.make_user()
    Slot.objects.filter(number=1).update(arm=Arm.ASSISTED)
    Slot.objects.filter(number=2).update(arm=Arm.BLIND)
    slot = factories.claim(rater, campaign)
    assert slot.arm == Arm.ASSISTED
    queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    factories.claim(other, campaign)  # the assisted slot

    assert queue.claim(rater=rater, campaign=campaign) is None


def test_a_skipped_item_goes_to_others_and_never_comes_back() -> None:
    campaign, rater, other = factories.make_campaign(1, overlap=1), factories.make_user(), factories.make_user()
    slot = factories.claim(rater, campaign)

    skipped = factories.skip(rater, slot, reason=" black \x00 picture ")

    assert (skipped.kind, skipped.reason) == (Skip.Kind.SKIPPED, "black  picture")
    assert queue.claim(rater=rater, campaign=campaign) is None
    assert factories.claim(other, campaign).pk == slot.pk


def test_skipping_twice_is_one_skip() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    slot = factories.claim(rater, campaign)
    for _ in range(2):
        factories.skip(rater, slot, kind="skipped", reason="too dark")

    assert Skip.objects.count() == 1


def test_nobody_skips_or_renews_for_another() -> None:
    campaign, rater, other = factories.make_campaign(1), factories.make_user(), factories.make_user()
    slot = factories.claim(rater, campaign)

    with pytest.raises(LeaseLost):
        factories.skip(other, slot, kind="skipped", reason="")
    with pytest.raises(LeaseLost):
        queue.renew(rater=other, lease=factories.get_lease(slot))
    with pytest.raises(LeaseLost):
        queue.renew(rater=rater, lease=uuid.uuid4())


def test_renewing_moves_the_end_of_the_lease(clock: time_machine.Traveller) -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    slot = factories.claim(rater, campaign)
    clock.shift(timedelta(minutes=10))

    ends = queue.renew(rater=rater, lease=factories.get_lease(slot))

    assert ends == START + timedelta(minutes=30)


@pytest.mark.parametrize("state", ["draft", "paused", "closed"])
def test_a_campaign_that_is_not_open_hands_out_nothing_new(state: str) -> None:
    campaign = factories.make_campaign(2)
    Campaign.objects.update(state=state)

    assert queue.claim(rater=factories.make_user(), campaign=campaign) is None


def test_a_paused_campaign_lets_what_is_held_be_finished() -> None:
    campaign, rater = factories.make_campaign(2), factories.make_user()
    slot = factories.claim(rater, campaign)
    campaigns.set_state(actor=factories.make_lead(), campaign=campaign, state="paused")

    assert factories.claim(rater, campaign).pk == slot.pk
    factories.submit(rater, slot)
    assert queue.claim(rater=rater, campaign=campaign) is None


def test_a_deactivated_person_gets_nothing() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user(is_active=False)

    with pytest.raises(PermissionDenied):
        queue.claim(rater=rater, campaign=campaign)


def test_work_that_outlived_its_lease_is_offered_before_what_is_new(clock: time_machine.Traveller) -> None:
    campaign, rater, other = (
        factories.make_campaign(1, overlap=2, assisted_share=0),
        factories.make_user(),
        factories.make_user(),
    )
    slot = factories.claim(rater, campaign)
    typed = factories.make_answers()
    clock.shift(timedelta(hours=1))
    clips = [factories.make_clip() for _ in range(3)]
    assert factories.claim(other, campaign).pk == slot.pk
    campaigns.add_clips(actor=factories.make_lead(), campaign=campaign, clips=clips)
    with pytest.raises(LeaseLost):
        factories.submit(rater, slot, answers=typed)

    assert factories.claim(rater, campaign).item_id == slot.item_id


def test_the_database_itself_refuses_a_second_slot_for_a_rater() -> None:
    campaign, rater = factories.make_campaign(2), factories.make_user()
    slot = factories.claim(rater, campaign)
    values = {"rater": rater, "state": "leased", "lease": uuid.uuid4(), "lease_expires_at": START}

    with pytest.raises(IntegrityError), transaction.atomic():
        Slot.objects.exclude(item=slot.item_id).filter(number=1).update(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Slot.objects.filter(item=slot.item_id).exclude(pk=slot.pk).filter(number=2).update(rater=rater, state="done")


@pytest.mark.parametrize("earlier", [10, 20])
def test_a_claim_takes_as_many_queries_however_much_was_rated(
    rater: User, earlier: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = factories.make_campaign(30, overlap=1)
    for _ in range(earlier):
        factories.submit(rater, factories.claim(rater, campaign))

    with django_assert_num_queries(5):
        factories.claim(rater, campaign)
    assert Offer.objects.filter(rater=rater).count() == earlier + 1


def test_saved_work_survives_the_next_claim() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    slot = factories.claim(rater, campaign)
    ratings.save_work(
        rater=rater, item_id=slot.item_id, answers={"visual": {"reason": "so"}}, base_version=0, tab=uuid.uuid4()
    )

    factories.claim(rater, campaign)

    assert rater.saved_work.get(item=slot.item_id).answers == {"visual": {"reason": "so"}}
