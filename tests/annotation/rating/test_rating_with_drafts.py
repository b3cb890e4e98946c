"""What a rating records of the critic's draft, and when it counts as blind."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from annotation.models import (
    Arm,
    AxisAnswer,
    Campaign,
    Item,
    Rating,
    RatingRevision,
    Slot,
    make_blind_condition,
)
from annotation.rating import drafts, queue, ratings
from annotation.rating.answers import Answer
from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal
from qsave.report_card import Evidence
from tests.annotation import factories
from tests.annotation.rating.refusals import expect_refusal

pytestmark = pytest.mark.django_db


def claim_assisted_slot(rater: User) -> tuple[Slot, int]:
    """Claim a slot in the assisted arm; return it with the id of its draft."""
    campaign = factories.make_campaign(1, assisted_share=1)
    item = campaign.items.get()
    draft = factories.store_draft(item.pk)
    return factories.claim(rater, campaign), draft.pk


@pytest.mark.parametrize("claimed", AxisAnswer.DraftUse.values)
def test_a_blind_rating_carries_no_draft_whatever_the_client_claims(
    rater: User, campaign: Campaign, claimed: str
) -> None:
    item = Item.objects.filter(campaign=campaign).values_list("pk", flat=True)
    for pk in item:
        factories.store_draft(pk, critic="c@1")
    Slot.objects.update(arm=Arm.BLIND)
    rating = factories.submit(
        rater, factories.claim(rater, campaign), answers=factories.make_answers(draft_use=claimed)
    )
    assert (rating.draft, rating.exposure) == (None, "none")
    assert set(rating.revisions.get().answers.values_list("draft_use", "draft_edit_distance")) == {("none", None)}


def test_the_database_itself_refuses_a_draft_on_a_blind_rating(rater: User, campaign: Campaign) -> None:
    slot = factories.claim(rater, campaign)
    rating = factories.submit(rater, slot)
    draft = factories.store_draft(slot.item_id, critic="c@1")

    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(draft=draft)
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(exposure="late")


def test_an_assisted_rating_keeps_its_draft_and_how_far_each_reason_moved(rater: User) -> None:
    slot, draft_id = claim_assisted_slot(rater)
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
    slot, _draft = claim_assisted_slot(rater)
    card = factories.make_card()
    as_drafted = {axis: Answer(3, card.axis(axis).evidence, card.axis(axis).reason, draft_use=claimed) for axis in AXES}

    problems = expect_refusal(lambda: factories.submit(rater, slot, answers=as_drafted))

    assert set(problems) == {"visual.draft_use", "dynamic.draft_use", "alignment.draft_use"}
    assert not Rating.objects.exists()


@pytest.mark.parametrize(
    ("claimed", "stored"),
    [("none", "edited"), ("edited", "edited"), ("confirmed", "edited"), ("cleared", "cleared")],
)
def test_the_site_decides_how_a_draft_was_used_whatever_the_client_claims(
    rater: User, claimed: str, stored: str
) -> None:
    slot, draft_id = claim_assisted_slot(rater)
    rating = factories.submit(rater, slot, answers=factories.make_answers(draft_use=claimed))
    assert (rating.draft_id, rating.exposure) == (draft_id, "from_start")
    rows = rating.revisions.get().answers.all()
    assert {row.draft_use for row in rows} == {stored}
    assert all((row.draft_edit_distance or 0) > 0 for row in rows)


def test_a_draft_that_was_not_shown_is_not_recorded(rater: User) -> None:
    """The draft came after the rater's claim, and they did not request it."""
    campaign = factories.make_campaign(1, assisted_share=1.0)
    slot = factories.claim(rater, campaign)
    factories.store_draft(slot.item_id, critic="c@1")
    rating = factories.submit(rater, slot, answers=factories.make_answers(draft_use="confirmed"))
    assert (rating.draft, rating.exposure) == (None, "none")


def test_a_late_draft_is_shown_and_recorded_when_the_rater_requests_it(rater: User) -> None:
    campaign = factories.make_campaign(1, assisted_share=1.0)
    slot = factories.claim(rater, campaign)
    asked: dict[str, Any] = {"rater": rater, "lease": factories.get_lease(slot)}
    assert drafts.show_late_draft(**asked) is None
    draft = factories.store_draft(slot.item_id, critic="c@1")
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


def test_the_draft_of_a_former_critic_stays_for_those_who_saw_it_and_nobody_else(rater: User) -> None:
    slot, draft_id = claim_assisted_slot(rater)
    newer = factories.store_draft(slot.item_id, critic="newer@2")
    queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    again = factories.claim(rater, slot.campaign)
    assert factories.submit(rater, again, answers=factories.make_answers()).draft_id == draft_id
    other = factories.make_user()
    assert factories.submit(other, factories.claim(other, slot.campaign)).draft == newer


def test_a_rater_who_typed_without_a_draft_is_not_shown_one_from_the_start(rater: User) -> None:
    campaign = factories.make_campaign(1, assisted_share=1.0)
    slot = factories.claim(rater, campaign)
    ratings.save_work(rater=rater, item_id=slot.item_id, answers={"visual": {}}, base_version=0, tab=uuid.uuid4())
    queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    factories.store_draft(slot.item_id, critic="c@1")
    again = factories.claim(rater, campaign)
    assert drafts.find_shown_draft(rater, again.item_id) == (None, "none")
    assert drafts.find_late_draft(again) is not None


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
    if with_draft:
        factories.store_draft(campaign.items.get().pk)
    slot = factories.claim(rater, campaign)
    drafts.set_active_critic(campaign, "starter@1" if active else "")

    rating = factories.submit(rater, slot, **factories.make_desk_values(slot, 3))

    rating = Rating.objects.get(pk=rating.pk)
    assert (rating.arm, rating.is_blind) == (arm, is_blind)
    assert list(Rating.objects.filter(make_blind_condition())) == [rating] * is_blind
    assert RatingRevision.objects.filter(make_blind_condition("rating__")).count() == is_blind


def test_a_rating_stays_blind_through_edits_if_no_critic_was_active_at_first(rater: User) -> None:
    campaign = factories.make_campaign(1, overlap=1, assisted_share=1)
    rating = factories.submit(rater, factories.claim(rater, campaign))
    drafts.set_active_critic(campaign, "starter@1")
    factories.revise(rating, answers=factories.make_answers(5))
    assert Rating.objects.get().is_blind


def test_the_database_refuses_a_shown_draft_without_an_active_critic(rater: User) -> None:
    slot, _ = claim_assisted_slot(rater)
    rating = factories.submit(rater, slot, **factories.make_desk_values(slot, 3))
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(critic_active=False)


def test_each_axis_has_its_own_exposure_also_after_an_edit(rater: User) -> None:
    campaign = factories.make_campaign(1, assisted_share=1)
    proposal = replace(factories.make_proposal(), alignment=None, dynamic=AxisProposal((Evidence("frozen"),)))
    factories.store_draft(campaign.items.get().pk, proposal=proposal)
    rating = factories.submit(rater, factories.claim(rater, campaign))
    factories.revise(rating)
    expected = {"visual": ("from_start", True), "dynamic": ("from_start", False), "alignment": ("none", False)}
    for revision in rating.revisions.all():
        answers = revision.answers.all()
        assert {one.axis: (one.exposure, one.draft_edit_distance is not None) for one in answers} == expected
    with pytest.raises(IntegrityError), transaction.atomic():
        AxisAnswer.objects.filter(axis="alignment").update(draft_use="edited")


def test_the_database_refuses_an_exposure_without_a_draft(rater: User) -> None:
    campaign = factories.make_campaign(1, assisted_share=1)
    rating = factories.submit(rater, factories.claim(rater, campaign))
    with pytest.raises(IntegrityError), transaction.atomic():
        Rating.objects.filter(pk=rating.pk).update(exposure="late")
