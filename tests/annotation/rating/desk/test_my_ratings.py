"""A rater's own ratings, and their edits."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.models import Arm, AxisAnswer, Campaign, Item, Rating, RatingRevision, Slot
from qsave.axes import AXES
from tests.annotation.factories import make_campaign, make_clip, make_draft, make_user
from tests.annotation.rating.desk.forms import add_clip, make_drafted_form, make_form, post, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def rated(as_rater: Client, empty_campaign: Campaign) -> Rating:
    add_clip(empty_campaign, prompt="a prompt to remember")
    post(as_rater, empty_campaign, data=make_form(start(as_rater, empty_campaign)))
    return Rating.objects.get()


def make_edit_form(**changes: Any) -> dict[str, Any]:
    form = make_form(Slot(pk=1, lease=uuid.uuid4()))
    return form | changes


def test_my_ratings_lists_mine_and_nobody_elses(as_rater: Client, rated: Rating) -> None:
    page = as_rater.get("/my-ratings/").content.decode()
    assert "a prompt to remember" in page
    assert "<strong>4</strong>" in page
    as_rater.force_login(make_user("other"))
    assert "You have not rated a clip yet" in as_rater.get("/my-ratings/").content.decode()
    assert as_rater.get(f"/my-ratings/{rated.pk}/").status_code == 404


def test_an_edit_adds_a_revision_and_keeps_the_first(as_rater: Client, rated: Rating) -> None:
    response = as_rater.post(f"/my-ratings/{rated.pk}/", make_edit_form(**{"visual-score": "1"}))
    assert response.status_code == 302
    scores = AxisAnswer.objects.filter(axis="visual").order_by("revision__number")
    assert list(scores.values_list("score", flat=True)) == [4, 1]


def test_a_refused_edit_shows_what_was_typed(as_rater: Client, rated: Rating) -> None:
    response = as_rater.post(f"/my-ratings/{rated.pk}/", make_edit_form(**{"visual-reason": "too short"}))
    assert response.status_code == 422
    assert "too short" in response.content.decode()
    assert rated.revisions.count() == 1


def test_an_edited_rating_is_marked_and_shows_its_earlier_versions(as_rater: Client, rated: Rating) -> None:
    assert "edited</span>" not in as_rater.get("/my-ratings/").content.decode()
    edit = make_edit_form(**{"visual-score": "1", "visual-reason": "On a second look it is bad."})
    as_rater.post(f"/my-ratings/{rated.pk}/", edit)
    assert "edited</span>" in as_rater.get("/my-ratings/").content.decode()
    page = as_rater.get(f"/my-ratings/{rated.pk}/").content.decode()
    assert "1 earlier version" in page
    assert "visual <strong>4</strong> good" in page


def test_an_edit_is_possible_for_the_hours_that_the_campaign_gives(as_rater: Client, rated: Rating) -> None:
    Campaign.objects.update(edit_hours=2)
    assert "You can change it until" in as_rater.get(f"/my-ratings/{rated.pk}/").content.decode()
    Rating.objects.update(created_at=timezone.now() - timedelta(hours=3))
    page = as_rater.get(f"/my-ratings/{rated.pk}/").content.decode()
    assert "The time to edit this rating is over" in page
    assert "<fieldset disabled>" in page
    assert "Save changes" not in page
    assert "no longer editable" in as_rater.get("/my-ratings/").content.decode()
    assert as_rater.post(f"/my-ratings/{rated.pk}/", make_edit_form()).status_code == 422


@pytest.mark.parametrize("names", [("one", "two"), ("one", "two", "three", "four")])
def test_my_ratings_take_as_many_queries_for_many_as_for_few(
    as_rater: Client,
    empty_campaign: Campaign,
    names: tuple[str, ...],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for name in names:
        add_clip(empty_campaign, name)
        words = {f"{axis}-reason": f"Words for {name} and {axis}, all different" for axis in AXES}
        post(as_rater, empty_campaign, data=make_form(start(as_rater, empty_campaign)) | words)
    assert Rating.objects.count() == len(names)
    with django_assert_num_queries(7):  # session, user, menu, campaigns, ratings, revisions, answers
        as_rater.get("/my-ratings/")


def test_a_closed_campaign_takes_no_edit_and_says_so(as_rater: Client, rated: Rating) -> None:
    Campaign.objects.update(state="closed")
    assert "can no longer be edited" in as_rater.get(f"/my-ratings/{rated.pk}/").content.decode()
    response = as_rater.post(f"/my-ratings/{rated.pk}/", make_edit_form(**{"visual-score": "1"}))
    assert response.status_code == 422
    assert "can no longer be edited" in response.content.decode()


def test_an_edit_after_a_confirmed_draft_makes_that_axis_edited_and_leaves_the_others(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    draft = make_draft(add_clip(empty_campaign, arm=Arm.ASSISTED))
    slot = start(as_rater, empty_campaign)
    data = make_drafted_form(slot, draft, **{f"{axis}-confirm": "1" for axis in AXES})
    post(as_rater, empty_campaign, data=data)
    rating = Rating.objects.get()
    page = as_rater.get(f"/my-ratings/{rating.pk}/").content.decode()
    assert "starter@1" not in page
    changed = data | {"key": uuid.uuid4(), "visual-reason": "Now I have words of my own for this."}
    assert as_rater.post(f"/my-ratings/{rating.pk}/", changed).status_code == 302
    now = AxisAnswer.objects.filter(revision__is_current=True)
    assert dict(now.values_list("axis", "draft_use")) == {
        "visual": "edited",
        "dynamic": "confirmed",
        "alignment": "confirmed",
    }


def test_the_page_of_an_edit_sends_its_own_time_and_viewing_record(as_rater: Client, rated: Rating) -> None:
    edit = make_edit_form(seconds="7.5", viewing='{"watched_share": 0.5}', **{"visual-score": "1"})
    as_rater.post(f"/my-ratings/{rated.pk}/", edit)
    stored = rated.revisions.order_by("number").values_list("seconds_spent", "viewing")
    assert list(stored) == [(12.5, {}), (7.5, {"watched_share": 0.5})]


def test_a_cleared_draft_stays_cleared_when_the_rating_is_edited(as_rater: Client, empty_campaign: Campaign) -> None:
    draft = make_draft(add_clip(empty_campaign, arm=Arm.ASSISTED))
    mine = {f"{axis}-reason": f"My own words on {axis}, from an empty box." for axis in AXES}
    cleared = mine | {f"{axis}-cleared": "1" for axis in AXES}
    post(as_rater, empty_campaign, data=make_drafted_form(start(as_rater, empty_campaign), draft, **cleared))
    rating = Rating.objects.get()
    as_rater.post(f"/my-ratings/{rating.pk}/", make_edit_form(**mine | {"visual-reason": "Other words, also my own."}))
    now = AxisAnswer.objects.filter(revision__is_current=True)
    assert set(now.values_list("draft_use", flat=True)) == {"cleared"}


def test_earlier_ratings_come_on_the_next_page(as_rater: Client, rater: User, empty_campaign: Campaign) -> None:
    other = make_campaign(name="other", actor=empty_campaign.created_by)
    for number in range(16):
        clip = make_clip(f"clip-{number}", content=b"x")
        for each in (empty_campaign, other):
            item = Item.objects.create(campaign=each, clip=clip)
            slot = Slot.objects.create(item=item, campaign=each, number=1, arm="blind", state="done", rater=rater)
            rating = Rating.objects.create(slot=slot, item=item, rater=rater, arm="blind")
            RatingRevision.objects.create(rating=rating, number=1)
    first = as_rater.get("/my-ratings/").content.decode()
    oldest = Rating.objects.order_by("-pk")[29].pk
    assert f"?before={oldest}" in first
    second = as_rater.get(f"/my-ratings/?before={oldest}").content.decode()
    assert second.count("<tr ") == 1 + 2
    one_campaign = as_rater.get("/my-ratings/?campaign=other").content.decode()
    assert one_campaign.count("<tr ") == 1 + 16
    assert "before=" not in one_campaign
