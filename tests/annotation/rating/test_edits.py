"""Edits of a rating, and work that is saved before the submit."""

import uuid
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import User
from annotation.campaigns import campaigns
from annotation.models import Campaign, Rating
from annotation.rating import ratings
from annotation.rating.ratings import EditRefused, SavedWorkConflict
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_an_edit_adds_a_revision_and_leaves_the_first_as_it_was(rater: User, campaign: Campaign) -> None:
    rating = factories.submit(rater, factories.claim(rater, campaign))
    edit, key = factories.make_answers(1), uuid.uuid4()

    for _ in range(2):  # the second is the same key again
        factories.revise(rating, answers=edit, key=key)

    first, second = rating.revisions.order_by("number")
    assert [(one.number, one.is_current) for one in (first, second)] == [(1, False), (2, True)]
    assert set(first.answers.values_list("score", flat=True)) == {3}
    assert set(second.answers.values_list("score", flat=True)) == {1}


def test_an_edit_may_keep_its_own_words(rater: User, campaign: Campaign) -> None:
    given = factories.make_answers()
    rating = factories.submit(rater, factories.claim(rater, campaign), answers=given)

    factories.revise(rating, answers=given)

    assert rating.revisions.count() == 2


def test_nobody_edits_anothers_rating_and_nobody_edits_in_a_closed_campaign(rater: User, campaign: Campaign) -> None:
    rating = factories.submit(rater, factories.claim(rater, campaign))

    with pytest.raises(Rating.DoesNotExist):
        ratings.revise(rater=factories.make_user(), rating_id=rating.pk, submission=factories.make_submission())
    campaigns.set_state(actor=factories.make_lead(), campaign=campaign, state="closed")
    with pytest.raises(EditRefused):
        factories.revise(rating)
    assert rating.revisions.count() == 1


def test_saved_work_rises_in_version_and_a_stale_tab_is_refused(rater: User, campaign: Campaign) -> None:
    item_id, one, two = factories.claim(rater, campaign).item_id, uuid.uuid4(), uuid.uuid4()

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
    item_id = factories.claim(rater, campaign).item_id
    values: dict[str, Any] = {"item_id": item_id, "base_version": 0, "tab": uuid.uuid4()}

    with pytest.raises(PermissionDenied):
        ratings.save_work(rater=factories.make_user(), answers={}, **values)
    with pytest.raises(ValueError, match="too large"):
        ratings.save_work(rater=rater, answers={"reason": "x" * 70_000}, **values)
    saved = ratings.save_work(rater=rater, answers={"a\x00": float("nan")}, **values)
    assert saved.answers == {"a": None}
