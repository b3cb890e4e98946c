"""Submits: what they store, and those that come late or twice."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns import campaigns, guidelines
from annotation.models import Campaign, Rating, RatingRevision, SavedWork, Slot
from annotation.rating import queue, ratings
from annotation.rating.answers import AnswersRefused, parse_answers
from annotation.rating.queue import LeaseLost
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence, TimeRange
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_a_submit_stores_scores_evidence_and_reasons_of_the_three_axes(rater: User, campaign: Campaign) -> None:
    slot = factories.claim(rater, campaign)
    given = factories.make_answers({Axis.VISUAL: 2, Axis.DYNAMIC: 4, Axis.ALIGNMENT: 5})
    given[Axis.VISUAL] = replace(given[Axis.VISUAL], evidence=(Evidence("blur", TimeRange(0.25, 0.5)),))

    rating = factories.submit(
        rater, slot, answers=given, viewing={"watched_share": 0.9, "plays": 2}, seconds_spent=31.5
    )

    revision = rating.revisions.get()
    stored = {answer.axis: (answer.score, answer.reason) for answer in revision.answers.all()}
    assert stored == {axis.value: (given[axis].score, given[axis].reason) for axis in AXES}
    assert revision.answers.get(axis="visual").evidence == [{"defect": "blur", "time": [0.25, 0.5], "box": None}]
    assert (revision.viewing, revision.seconds_spent) == ({"watched_share": 0.9, "plays": 2}, 31.5)
    slot.refresh_from_db()
    assert (slot.state, slot.rater) == (Slot.State.DONE, rater)


def test_the_same_key_again_stores_nothing_twice_and_gives_the_same_rating(rater: User, campaign: Campaign) -> None:
    slot, key = factories.claim(rater, campaign), uuid.uuid4()

    first = factories.submit(rater, slot, key=key)
    again = factories.submit(rater, slot, key=key)

    assert again == first
    assert (Rating.objects.count(), RatingRevision.objects.count()) == (1, 1)
    assert not SavedWork.objects.exists()


def test_a_key_of_somebody_else_gives_nothing_away(rater: User, campaign: Campaign) -> None:
    key = uuid.uuid4()
    factories.submit(rater, factories.claim(rater, campaign), key=key)
    other = factories.make_user()

    with pytest.raises(AnswersRefused) as caught:
        factories.submit(other, factories.claim(other, campaign), key=key)

    assert "key" in caught.value.problems


def test_a_late_submit_counts_while_nobody_took_the_slot(rater: User, campaign: Campaign) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False) as clock:
        slot = factories.claim(rater, campaign)
        clock.shift(timedelta(hours=9))

        assert factories.submit(rater, slot).slot_id == slot.pk


def test_a_submit_for_a_slot_that_went_to_another_becomes_saved_work(rater: User) -> None:
    campaign, other, given = factories.make_campaign(1, overlap=1), factories.make_user(), factories.make_answers(4)
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False) as clock:
        slot = factories.claim(rater, campaign)
        clock.shift(timedelta(minutes=21))
        factories.claim(other, campaign)

        with pytest.raises(LeaseLost, match="kept"):
            factories.submit(rater, slot, answers=given)

    assert not Rating.objects.exists()
    assert parse_answers(rater.saved_work.get().answers) == given


def test_a_closed_campaign_keeps_late_answers_as_saved_work(rater: User, campaign: Campaign) -> None:
    slot = factories.claim(rater, campaign)
    campaigns.set_state(actor=factories.make_lead(), campaign=campaign, state="closed")

    with pytest.raises(LeaseLost):
        factories.submit(rater, slot)

    assert rater.saved_work.get().item_id == slot.item_id


def test_a_slot_never_held_takes_no_rating_and_saves_nothing(rater: User, campaign: Campaign) -> None:
    slot = factories.claim(rater, campaign)

    with pytest.raises(LeaseLost):
        factories.submit(factories.make_user(), slot)

    assert not SavedWork.objects.exists()


def test_a_submit_clears_the_saved_work_and_pins_the_guidelines_that_stood(rater: User, campaign: Campaign) -> None:
    lead = factories.make_lead()
    version = guidelines.set_guidelines(actor=lead, campaign=campaign, text="Look twice.")
    slot = factories.claim(rater, campaign)
    ratings.save_work(rater=rater, item_id=slot.item_id, answers={}, base_version=0, tab=uuid.uuid4())
    guidelines.set_guidelines(actor=lead, campaign=campaign, text="Look three times.")
    queue.renew(rater=rater, lease=factories.get_lease(slot))

    rating = factories.submit(rater, slot)

    assert rating.guideline == version
    assert not SavedWork.objects.exists()


def test_a_rating_by_a_program_is_stored_as_simulated(campaign: Campaign) -> None:
    robot, person = factories.make_user(is_simulated=True), factories.make_user()

    assert factories.submit(robot, factories.claim(robot, campaign)).is_simulated
    assert not factories.submit(person, factories.claim(person, campaign)).is_simulated


@pytest.mark.parametrize("earlier", [2, 4])
def test_a_submit_takes_as_many_queries_however_much_was_rated(
    rater: User, campaign: Campaign, earlier: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(earlier):
        factories.submit(rater, factories.claim(rater, campaign))
    slot = factories.claim(rater, campaign)

    with django_assert_num_queries(14):
        factories.submit(rater, slot)
