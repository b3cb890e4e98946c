"""More slots where raters disagree, and which items come first."""

import pytest

from annotation.campaigns import overlap
from annotation.models import Campaign, Item, Rating, Slot
from annotation.rating import queue
from qsave.axes import Axis
from tests.annotation import factories
from tests.support.threads import run_at_once

pytestmark = pytest.mark.django_db


def count_slots(campaign: Campaign) -> int:
    return Slot.objects.filter(campaign=campaign, kind="seat").count()


def rate(campaign: Campaign, *scores: int) -> None:
    for score in scores:
        factories.rate_all(factories.make_user(), campaign, score)


def edit(rating: Rating, score: int) -> None:
    factories.revise(rating, answers=factories.make_answers(score))


def test_scores_within_the_bound_open_nothing() -> None:
    campaign = factories.make_campaign(1, overlap=2, overlap_cap=4, disagreement_bound=2)
    rate(campaign, 2, 4)
    assert count_slots(campaign) == 2


def test_a_gap_beyond_the_bound_opens_slots_one_by_one_up_to_the_cap() -> None:
    campaign = factories.make_campaign(1, overlap=2, overlap_cap=4, disagreement_bound=2)
    rate(campaign, 1)
    assert count_slots(campaign) == 2
    for expected, score in ((3, 5), (4, 3), (4, 3), (4, 3)):
        rate(campaign, score)
        assert count_slots(campaign) == expected
    assert Rating.objects.count() == 4


def test_one_axis_is_enough() -> None:
    campaign = factories.make_campaign(1, overlap=2, overlap_cap=3)
    for score in (1, 5):
        rater = factories.make_user()
        slot = factories.claim(rater, campaign)
        given = factories.make_answers({Axis.VISUAL: 3, Axis.DYNAMIC: score, Axis.ALIGNMENT: 3})
        factories.submit(rater, slot, answers=given)
    assert count_slots(campaign) == 3


def test_without_a_cap_nothing_ever_opens() -> None:
    campaign = factories.make_campaign(1, overlap=2)
    rate(campaign, 1, 5)
    assert count_slots(campaign) == 2


def test_an_edit_that_brings_disagreement_opens_a_slot_too() -> None:
    campaign = factories.make_campaign(1, overlap=2, overlap_cap=3)
    rate(campaign, 3, 3)
    first, second = Rating.objects.order_by("pk")
    edit(first, 5)
    assert count_slots(campaign) == 2
    edit(second, 1)
    assert count_slots(campaign) == 3


def test_slots_of_val_and_test_items_are_opened_blind() -> None:
    campaign = factories.make_campaign(1, split="test", overlap=2, overlap_cap=3, assisted_share=1.0)
    rate(campaign, 1, 5)
    assert set(Slot.objects.values_list("arm", flat=True)) == {"blind"}


@pytest.mark.django_db(transaction=True)
def test_the_last_two_slots_filled_at_once_open_one_more_slot() -> None:
    campaign = factories.make_campaign(1, overlap=2, overlap_cap=5)
    raters = [factories.make_user() for _ in range(2)]
    slots = [queue.claim(rater=rater, campaign=campaign) for rater in raters]
    given = [factories.make_answers(1), factories.make_answers(5)]

    outcomes = run_at_once(
        *[
            lambda rater=rater, slot=slot, answers=answers: factories.submit(rater, slot, answers=answers)
            for rater, slot, answers in zip(raters, slots, given, strict=True)
        ]
    )

    assert [type(outcome) for outcome in outcomes] == [Rating, Rating]
    assert count_slots(campaign) == 3


def list_offered(campaign: Campaign, count: int) -> list[int]:
    rater, items = factories.make_user(), []
    for _ in range(count):
        slot = factories.claim(rater, campaign)
        items.append(slot.item_id)
        factories.submit(rater, slot)
    return items


def make_ordered_campaign(order: str, **values: list[float | None]) -> tuple[Campaign, list[int]]:
    """A campaign of four items with values that its order goes by."""
    campaign = factories.make_campaign(4, overlap=2, order=order)
    items = list(Item.objects.filter(campaign=campaign).order_by("pk"))
    for name, numbers in values.items():
        for item, number in zip(items, numbers, strict=True):
            setattr(item, name, number)
            item.save()
            Slot.objects.filter(item=item).update(rank=overlap.compute_rank(campaign, item))
    return campaign, [item.pk for item in items]


def test_by_score_the_highest_comes_first_and_those_without_one_last() -> None:
    campaign, (low, none, high, middle) = make_ordered_campaign("score", order_score=[-1.5, None, 7.0, 0.0])
    assert list_offered(campaign, 4) == [high, middle, low, none]


def test_by_priority_a_class_is_served_before_the_next_one_and_breadth_first_within() -> None:
    campaign, (first, second, third, fourth) = make_ordered_campaign("priority", priority=[0, 5, 5, 0])
    assert set(list_offered(campaign, 2)) == {second, third}
    slots = [queue.claim(rater=factories.make_user(), campaign=campaign) for _ in range(3)]
    assert [slot.item_id in {second, third} for slot in slots if slot] == [True, True, False]
    assert {slot.item_id for slot in slots if slot} - {second, third} <= {first, fourth}


def test_evenly_ignores_priorities() -> None:
    campaign, _ = make_ordered_campaign("balanced", priority=[0, 5, 5, 0])
    assert set(Slot.objects.filter(campaign=campaign).values_list("rank", flat=True)) == {0.0}
