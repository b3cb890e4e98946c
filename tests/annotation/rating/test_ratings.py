import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns import campaigns, guidelines
from annotation.models import (
    Arm,
    AxisAnswer,
    Campaign,
    Item,
    Rating,
    RatingRevision,
    SavedWork,
    Slot,
    make_blind_condition,
)
from annotation.rating import drafts, queue, ratings
from annotation.rating.answers import Answer, AnswersRefused, parse_answers
from annotation.rating.queue import LeaseLost
from annotation.rating.ratings import EditRefused, SavedWorkConflict
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence, TimeRange
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def claim(rater: User, campaign: Campaign) -> Slot:
    slot = queue.claim(rater=rater, campaign=campaign)
    assert slot is not None
    return slot


def assisted(rater: User) -> tuple[Slot, int]:
    """A seat in the assisted arm, and the id of its draft."""
    campaign = factories.make_campaign(1, assisted_share=1)
    item = campaign.items.get()
    draft = drafts.record_draft(item_id=item.pk, critic="starter@1", card=factories.make_card(), text="", latency_ms=5)
    return claim(rater, campaign), draft.pk


def refused(call: Callable[..., object]) -> dict[str, list[str]]:
    with pytest.raises(AnswersRefused) as caught:
        call()
    assert not Rating.objects.exists()
    return caught.value.problems


def test_a_submit_stores_scores_evidence_and_reasons_of_the_three_axes(rater: User, campaign: Campaign) -> None:
    slot = claim(rater, campaign)
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
    slot, key = claim(rater, campaign), uuid.uuid4()

    first = factories.submit(rater, slot, key=key)
    again = factories.submit(rater, slot, key=key)

    assert again == first
    assert (Rating.objects.count(), RatingRevision.objects.count()) == (1, 1)
    assert not SavedWork.objects.exists()


def test_a_key_of_somebody_else_gives_nothing_away(rater: User, campaign: Campaign) -> None:
    key = uuid.uuid4()
    factories.submit(rater, claim(rater, campaign), key=key)
    other = factories.make_user()

    with pytest.raises(AnswersRefused) as caught:
        factories.submit(other, claim(other, campaign), key=key)

    assert "key" in caught.value.problems


def test_a_late_submit_counts_while_nobody_took_the_seat(rater: User, campaign: Campaign) -> None:
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False) as clock:
        slot = claim(rater, campaign)
        clock.shift(timedelta(hours=9))

        assert factories.submit(rater, slot).slot_id == slot.pk


def test_a_submit_for_a_seat_that_went_to_another_becomes_saved_work(rater: User) -> None:
    campaign, other, given = factories.make_campaign(1, overlap=1), factories.make_user(), factories.make_answers(4)
    with time_machine.travel(datetime(2026, 3, 2, 9, tzinfo=UTC), tick=False) as clock:
        slot = claim(rater, campaign)
        clock.shift(timedelta(minutes=21))
        claim(other, campaign)

        with pytest.raises(LeaseLost, match="kept"):
            factories.submit(rater, slot, answers=given)

    assert not Rating.objects.exists()
    assert parse_answers(rater.saved_work.get().answers) == given


def test_a_closed_campaign_keeps_late_answers_as_saved_work(rater: User, campaign: Campaign) -> None:
    slot = claim(rater, campaign)
    campaigns.set_state(actor=factories.make_lead(), campaign=campaign, state="closed")

    with pytest.raises(LeaseLost):
        factories.submit(rater, slot)

    assert rater.saved_work.get().item_id == slot.item_id


def test_a_seat_never_held_takes_no_rating_and_keeps_nothing(rater: User, campaign: Campaign) -> None:
    slot = claim(rater, campaign)

    with pytest.raises(LeaseLost):
        factories.submit(factories.make_user(), slot)

    assert not SavedWork.objects.exists()


def test_a_submit_clears_the_saved_work_and_pins_the_guidelines_that_stood(rater: User, campaign: Campaign) -> None:
    boss = factories.make_lead()
    shown = guidelines.set_guidelines(actor=boss, campaign=campaign, text="Look twice.")
    slot = claim(rater, campaign)
    ratings.save_work(rater=rater, item_id=slot.item_id, answers={}, base_version=0, tab=uuid.uuid4())
    guidelines.set_guidelines(actor=boss, campaign=campaign, text="Look three times.")
    queue.renew(rater=rater, lease=factories.get_lease(slot))

    rating = factories.submit(rater, slot)

    assert rating.guideline == shown
    assert not SavedWork.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"score": 6}, "visual.score"),
        ({"score": 0}, "visual.score"),
        ({"reason": ""}, "visual.reason"),
        ({"reason": "  too short   "}, "visual.reason"),
        ({"reason": "! ? ! ? ! ? ! ? ! ? ! ? ! ?"}, "visual.reason"),
        ({"reason": "x" * 5000}, "visual.reason"),
        ({"evidence": (Evidence("sliding"),)}, "visual.evidence"),
        ({"evidence": (Evidence("blur", TimeRange(0, 99)),)}, "visual.evidence"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_refused_by_field(
    rater: User, campaign: Campaign, change: dict[str, object], field: str
) -> None:
    slot, given = claim(rater, campaign), factories.make_answers()
    given[Axis.VISUAL] = replace(given[Axis.VISUAL], **change)  # type: ignore[arg-type]  # wrong on purpose

    problems = refused(lambda: factories.submit(rater, slot, answers=given))

    assert set(problems) == {field}


def test_a_missing_axis_is_named(rater: User, campaign: Campaign) -> None:
    given = factories.make_answers()
    del given[Axis.DYNAMIC]

    assert set(refused(lambda: factories.submit(rater, claim(rater, campaign), answers=given))) == {"dynamic"}


def test_the_prompt_is_no_reason(rater: User, campaign: Campaign) -> None:
    slot = claim(rater, campaign)
    shouted = slot.item.clip.prompt.upper() + "!"

    problems = refused(lambda: factories.submit(rater, slot, answers=factories.make_answers(reason=shouted)))

    assert "prompt" in problems["visual.reason"][0]


def test_the_words_of_ones_last_rating_are_refused_and_a_lapse_of_one_rating_forgets_them(
    rater: User, campaign: Campaign
) -> None:
    given = factories.make_answers()
    factories.submit(rater, claim(rater, campaign), answers=given)

    with pytest.raises(AnswersRefused, match="last rating"):
        factories.submit(rater, claim(rater, campaign), answers=given)
    factories.submit(rater, claim(rater, campaign))
    factories.submit(rater, claim(rater, campaign), answers=given)


def test_the_reason_may_be_waived_for_excellent_without_a_defect(rater: User) -> None:
    campaign = factories.make_campaign(2, waives_reason_when_excellent=True)
    slot = claim(rater, campaign)
    refused(lambda: factories.submit(rater, slot, answers=factories.make_answers(4, reason="")))

    assert factories.submit(rater, slot, answers=factories.make_answers(5, reason="")).slot_id == slot.pk


def test_hostile_characters_in_a_reason_are_dropped_not_stored(rater: User, campaign: Campaign) -> None:
    words = "The colours \x00 swim \ud800 all over <script>"

    rating = factories.submit(rater, claim(rater, campaign), answers=factories.make_answers(reason=words))

    stored = rating.revisions.get().answers.get(axis="visual").reason
    assert stored == "The colours  swim ? all over <script>"


@pytest.mark.parametrize("claimed", AxisAnswer.DraftUse.values)
def test_a_blind_rating_carries_no_draft_whatever_the_client_claims(
    rater: User, campaign: Campaign, claimed: str
) -> None:
    item = Item.objects.filter(campaign=campaign).values_list("pk", flat=True)
    for pk in item:
        drafts.record_draft(item_id=pk, critic="c@1", card=factories.make_card(), text="", latency_ms=1)
    Slot.objects.update(arm=Arm.BLIND)
    rating = factories.submit(rater, claim(rater, campaign), answers=factories.make_answers(draft_use=claimed))
    assert (rating.draft, rating.exposure) == (None, "none")
    assert set(rating.revisions.get().answers.values_list("draft_use", "draft_edit_distance")) == {("none", None)}


def test_the_database_itself_refuses_a_draft_on_a_blind_rating(rater: User, campaign: Campaign) -> None:
    slot = claim(rater, campaign)
    rating = factories.submit(rater, slot)
    draft = drafts.record_draft(item_id=slot.item_id, critic="c@1", card=factories.make_card(), text="", latency_ms=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(draft=draft)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(exposure="late")


def test_an_assisted_rating_keeps_its_draft_and_how_far_each_reason_moved(rater: User) -> None:
    slot, draft_id = assisted(rater)
    given = factories.make_answers()
    proposed = factories.make_card().visual.reason
    given[Axis.VISUAL] = Answer(
        3, factories.make_card().visual.evidence, proposed, draft_use="confirmed", confirm_ms=900
    )
    given[Axis.DYNAMIC] = replace(
        given[Axis.DYNAMIC], reason=factories.make_card().dynamic.reason + " indeed", draft_use="edited"
    )
    given[Axis.ALIGNMENT] = replace(given[Axis.ALIGNMENT], draft_use="cleared")

    rating = factories.submit(rater, slot, answers=given)

    rows = {answer.axis: answer for answer in rating.revisions.get().answers.all()}
    assert (rating.arm, rating.draft_id, rating.exposure) == (Arm.ASSISTED, draft_id, "from_start")
    assert (rows["visual"].draft_edit_distance, rows["visual"].confirm_ms) == (0, 900)
    assert rows["dynamic"].draft_edit_distance == len(" indeed")
    assert {axis: row.draft_use for axis, row in rows.items()} == {
        "visual": "confirmed",
        "dynamic": "edited",
        "alignment": "cleared",
    }


@pytest.mark.parametrize("claimed", ["none", "edited", "cleared"])
def test_a_draft_seen_from_the_start_is_confirmed_edited_or_cleared_on_every_axis(rater: User, claimed: str) -> None:
    slot, _draft = assisted(rater)
    card = factories.make_card()
    as_drafted = {axis: Answer(3, card.axis(axis).evidence, card.axis(axis).reason, draft_use=claimed) for axis in AXES}

    problems = refused(lambda: factories.submit(rater, slot, answers=as_drafted))

    assert set(problems) == {"visual.draft_use", "dynamic.draft_use", "alignment.draft_use"}
    assert not Rating.objects.exists()


@pytest.mark.parametrize(
    ("claimed", "stored"),
    [("none", "edited"), ("edited", "edited"), ("confirmed", "edited"), ("cleared", "cleared")],
)
def test_what_was_shown_and_what_became_of_it_is_the_sites_to_say(rater: User, claimed: str, stored: str) -> None:
    slot, draft_id = assisted(rater)
    rating = factories.submit(rater, slot, answers=factories.make_answers(draft_use=claimed))
    assert (rating.draft_id, rating.exposure) == (draft_id, "from_start")
    rows = rating.revisions.get().answers.all()
    assert {row.draft_use for row in rows} == {stored}
    assert all((row.draft_edit_distance or 0) > 0 for row in rows)


def test_a_draft_that_was_not_shown_is_not_taken_for_one(rater: User) -> None:
    """It came after the rater, who was never given it."""
    campaign = factories.make_campaign(1, assisted_share=1.0)
    slot = claim(rater, campaign)
    drafts.record_draft(item_id=slot.item_id, critic="c@1", card=factories.make_card(), text="", latency_ms=1)
    rating = factories.submit(rater, slot, answers=factories.make_answers(draft_use="confirmed"))
    assert (rating.draft, rating.exposure) == (None, "none")


def test_a_draft_that_came_late_is_shown_once_asked_for_and_recorded(rater: User) -> None:
    campaign = factories.make_campaign(1, assisted_share=1.0)
    slot = claim(rater, campaign)
    asked: dict[str, Any] = {"rater": rater, "lease": factories.get_lease(slot)}
    assert drafts.show_late_draft(**asked) is None
    draft = drafts.record_draft(item_id=slot.item_id, critic="c@1", card=factories.make_card(), text="", latency_ms=1)
    assert drafts.find_late_draft(slot) == draft
    assert drafts.show_late_draft(**asked | {"rater": factories.make_user()}) is None
    assert drafts.show_late_draft(**asked) == drafts.show_late_draft(**asked) == draft
    assert drafts.find_late_draft(slot) is None

    given = factories.make_answers()
    given[Axis.DYNAMIC] = replace(given[Axis.DYNAMIC], draft_use="edited")
    rating = factories.submit(rater, slot, answers=given)

    assert (rating.draft, rating.exposure) == (draft, "late")
    uses = dict(rating.revisions.get().answers.values_list("axis", "draft_use"))
    assert uses == {"visual": "none", "dynamic": "edited", "alignment": "none"}


def test_a_newer_draft_does_not_take_the_place_of_the_one_that_was_shown(rater: User) -> None:
    slot, draft_id = assisted(rater)
    drafts.record_draft(item_id=slot.item_id, critic="newer@2", card=factories.make_card(), text="", latency_ms=1)
    queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    again = claim(rater, slot.campaign)
    assert factories.submit(rater, again, answers=factories.make_answers()).draft_id == draft_id


def test_who_has_typed_without_a_draft_is_not_given_one_from_the_start(rater: User) -> None:
    campaign = factories.make_campaign(1, assisted_share=1.0)
    slot = claim(rater, campaign)
    ratings.save_work(rater=rater, item_id=slot.item_id, answers={"visual": {}}, base_version=0, tab=uuid.uuid4())
    queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    drafts.record_draft(item_id=slot.item_id, critic="c@1", card=factories.make_card(), text="", latency_ms=1)
    again = claim(rater, campaign)
    assert drafts.find_shown_draft(rater, again.item_id) == (None, "none")
    assert drafts.find_late_draft(again) is not None


def test_a_rating_by_a_program_is_stored_as_simulated(campaign: Campaign) -> None:
    robot, person = factories.make_user(is_simulated=True), factories.make_user()

    assert factories.submit(robot, claim(robot, campaign)).is_simulated
    assert not factories.submit(person, claim(person, campaign)).is_simulated


def test_an_edit_adds_a_revision_and_leaves_the_first_as_it_was(rater: User, campaign: Campaign) -> None:
    rating = factories.submit(rater, claim(rater, campaign))
    edit, key = factories.make_answers(1), uuid.uuid4()

    for _ in range(2):  # the second is the same key again
        factories.revise(rating, answers=edit, key=key)

    first, second = rating.revisions.order_by("number")
    assert [(one.number, one.is_current) for one in (first, second)] == [(1, False), (2, True)]
    assert set(first.answers.values_list("score", flat=True)) == {3}
    assert set(second.answers.values_list("score", flat=True)) == {1}


def test_an_edit_may_keep_its_own_words(rater: User, campaign: Campaign) -> None:
    given = factories.make_answers()
    rating = factories.submit(rater, claim(rater, campaign), answers=given)

    factories.revise(rating, answers=given)

    assert rating.revisions.count() == 2


def test_nobody_edits_anothers_rating_and_nobody_edits_in_a_closed_campaign(rater: User, campaign: Campaign) -> None:
    rating = factories.submit(rater, claim(rater, campaign))

    with pytest.raises(Rating.DoesNotExist):
        ratings.revise(rater=factories.make_user(), rating_id=rating.pk, submission=factories.make_submission())
    campaigns.set_state(actor=factories.make_lead(), campaign=campaign, state="closed")
    with pytest.raises(EditRefused):
        factories.revise(rating)
    assert rating.revisions.count() == 1


def test_saved_work_rises_in_version_and_a_stale_tab_is_told(rater: User, campaign: Campaign) -> None:
    item_id, one, two = claim(rater, campaign).item_id, uuid.uuid4(), uuid.uuid4()

    def save(text: str, base: int, tab: uuid.UUID) -> int:
        saved = ratings.save_work(rater=rater, item_id=item_id, answers={"t": text}, base_version=base, tab=tab)
        return saved.version

    assert save("a", 0, one) == 1
    assert save("b", 1, two) == 2
    with pytest.raises(SavedWorkConflict) as caught:
        save("c", 1, one)
    assert caught.value.saved.answers == {"t": "b"}
    assert save("d", 2, one) == 3
    assert save("e", 2, one) == 4  # its own last answer was lost on the way


def test_saved_work_is_for_items_that_were_on_the_desk_and_of_bounded_size(rater: User, campaign: Campaign) -> None:
    item_id = claim(rater, campaign).item_id
    values: dict[str, Any] = {"item_id": item_id, "base_version": 0, "tab": uuid.uuid4()}

    with pytest.raises(PermissionDenied):
        ratings.save_work(rater=factories.make_user(), answers={}, **values)
    with pytest.raises(ValueError, match="too large"):
        ratings.save_work(rater=rater, answers={"reason": "x" * 70_000}, **values)
    saved = ratings.save_work(rater=rater, answers={"a\x00": float("nan")}, **values)
    assert saved.answers == {"a": None}


def test_a_viewing_record_that_is_too_large_is_refused(rater: User, campaign: Campaign) -> None:
    slot = claim(rater, campaign)

    assert "viewing" in refused(lambda: factories.submit(rater, slot, viewing={"stalls": "x" * 9000}))


@pytest.mark.parametrize("earlier", [2, 4])
def test_a_submit_takes_as_many_queries_however_much_was_rated(
    rater: User, campaign: Campaign, earlier: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(earlier):
        factories.submit(rater, claim(rater, campaign))
    slot = claim(rater, campaign)

    with django_assert_num_queries(10):
        factories.submit(rater, slot)


@pytest.mark.parametrize(
    ("arm", "active", "with_draft", "is_blind"),
    [
        (Arm.BLIND, False, False, True),
        (Arm.BLIND, True, False, True),
        (Arm.ASSISTED, False, False, True),
        (Arm.ASSISTED, True, False, False),
        (Arm.ASSISTED, True, True, False),
        (Arm.ASSISTED, False, True, False),  # deactivated between the showing and the submit
    ],
)
def test_a_rating_is_blind_unless_a_critic_could_have_influenced_it(
    rater: User, arm: str, active: bool, with_draft: bool, is_blind: bool
) -> None:
    campaign = factories.make_campaign(1, overlap=1, assisted_share=float(arm == Arm.ASSISTED))
    Campaign.objects.filter(pk=campaign.pk).update(critic_active=active)
    if with_draft:
        item = campaign.items.get()
        drafts.record_draft(item_id=item.pk, critic="c@1", card=factories.make_card(), text="", latency_ms=1)
    slot = claim(rater, campaign)

    rating = factories.submit(rater, slot, **factories.make_desk_values(slot, 3))

    rating = Rating.objects.get(pk=rating.pk)
    assert (rating.arm, rating.is_blind) == (arm, is_blind)
    assert list(Rating.objects.filter(make_blind_condition())) == [rating] * is_blind
    assert RatingRevision.objects.filter(make_blind_condition("rating__")).count() == is_blind


def test_what_was_active_when_first_rated_stays_with_the_rating_through_edits(rater: User) -> None:
    campaign = factories.make_campaign(1, overlap=1, assisted_share=1)
    rating = factories.submit(rater, claim(rater, campaign))
    Campaign.objects.filter(pk=campaign.pk).update(critic_active=True)
    factories.revise(rating, answers=factories.make_answers(5))
    assert Rating.objects.get().is_blind


def test_the_database_refuses_a_shown_draft_without_an_active_critic(rater: User) -> None:
    slot, _ = assisted(rater)
    rating = factories.submit(rater, slot, **factories.make_desk_values(slot, 3))
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(critic_active=False)
