"""A rater's own ratings, and their edits."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from annotation.models import Arm, AxisAnswer, Campaign, Item, Rating, RatingRevision, Slot
from qsave.axes import AXES
from tests.annotation.factories import make_campaign, make_clip, make_draft, make_user
from tests.annotation.rating.desk.world import drafted_form, form_of, post, put_clip, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def rated(client: Client, rater: User, campaign: Campaign) -> Rating:
    put_clip(campaign, prompt="a prompt to remember")
    post(client, campaign, data=form_of(take(client, campaign)))
    return Rating.objects.get()


def edit_form(**changes: Any) -> dict[str, Any]:
    form = form_of(Slot(pk=1, lease=uuid.uuid4()))
    return form | changes


def test_my_ratings_lists_mine_and_nobody_elses(client: Client, rated: Rating) -> None:
    page = client.get("/my-ratings/").content.decode()
    assert "a prompt to remember" in page
    assert "<strong>4</strong>" in page
    client.force_login(make_user("other"))
    assert "You have not rated a clip yet" in client.get("/my-ratings/").content.decode()
    assert client.get(f"/my-ratings/{rated.pk}/").status_code == 404


def test_an_edit_adds_a_revision_and_keeps_the_first(client: Client, rated: Rating) -> None:
    response = client.post(f"/my-ratings/{rated.pk}/", edit_form(**{"visual-score": "1"}))
    assert response.status_code == 302
    scores = AxisAnswer.objects.filter(axis="visual").order_by("revision__number")
    assert list(scores.values_list("score", flat=True)) == [4, 1]


def test_a_refused_edit_shows_what_was_typed(client: Client, rated: Rating) -> None:
    response = client.post(f"/my-ratings/{rated.pk}/", edit_form(**{"visual-reason": "too short"}))
    assert response.status_code == 422
    assert "too short" in response.content.decode()
    assert rated.revisions.count() == 1


def test_an_edited_rating_is_marked_and_shows_its_earlier_versions(client: Client, rated: Rating) -> None:
    assert "edited</span>" not in client.get("/my-ratings/").content.decode()
    edit = edit_form(**{"visual-score": "1", "visual-reason": "On a second look it is bad."})
    client.post(f"/my-ratings/{rated.pk}/", edit)
    assert "edited</span>" in client.get("/my-ratings/").content.decode()
    page = client.get(f"/my-ratings/{rated.pk}/").content.decode()
    assert "1 earlier version" in page
    assert "visual <strong>4</strong> good" in page


def test_an_edit_is_possible_for_the_hours_that_the_campaign_gives(client: Client, rated: Rating) -> None:
    Campaign.objects.update(edit_hours=2)
    assert "You can change it until" in client.get(f"/my-ratings/{rated.pk}/").content.decode()
    Rating.objects.update(created_at=timezone.now() - timedelta(hours=3))
    page = client.get(f"/my-ratings/{rated.pk}/").content.decode()
    assert "The time to edit this rating is over" in page
    assert "<fieldset disabled>" in page
    assert "Save the change" not in page
    assert "stands as it is" in client.get("/my-ratings/").content.decode()
    assert client.post(f"/my-ratings/{rated.pk}/", edit_form()).status_code == 422


def test_my_ratings_cost_as_many_queries_for_many_as_for_one(
    client: Client, rater: User, campaign: Campaign, django_assert_num_queries: Any
) -> None:
    for name in ("one", "two", "three"):
        put_clip(campaign, name)
        words = {f"{axis}-reason": f"Words for {name} and {axis}, all different" for axis in AXES}
        post(client, campaign, data=form_of(take(client, campaign)) | words)
    assert Rating.objects.count() == 3
    with django_assert_num_queries(7):  # session, user, what the menu asks, campaigns, ratings, revisions, answers
        client.get("/my-ratings/")


def test_a_closed_campaign_takes_no_edit_and_says_so(client: Client, rated: Rating) -> None:
    Campaign.objects.update(state="closed")
    assert "stand as they are" in client.get(f"/my-ratings/{rated.pk}/").content.decode()
    response = client.post(f"/my-ratings/{rated.pk}/", edit_form(**{"visual-score": "1"}))
    assert response.status_code == 422
    assert "stand as they are" in response.content.decode()


def test_an_edit_after_a_confirmed_draft_makes_that_axis_edited_and_leaves_the_others(
    client: Client, rater: User, campaign: Campaign
) -> None:
    draft = make_draft(put_clip(campaign, arm=Arm.ASSISTED))
    slot = take(client, campaign)
    data = drafted_form(slot, draft, **{f"{axis}-confirm": "1" for axis in AXES})
    post(client, campaign, data=data)
    rating = Rating.objects.get()
    page = client.get(f"/my-ratings/{rating.pk}/").content.decode()
    assert "starter@1" not in page
    changed = data | {"key": uuid.uuid4(), "visual-reason": "Now I have words of my own for this."}
    assert client.post(f"/my-ratings/{rating.pk}/", changed).status_code == 302
    now = AxisAnswer.objects.filter(revision__is_current=True)
    assert dict(now.values_list("axis", "draft_use")) == {
        "visual": "edited",
        "dynamic": "confirmed",
        "alignment": "confirmed",
    }


def test_the_page_of_an_edit_sends_its_own_time_and_viewing_record(client: Client, rated: Rating) -> None:
    edit = edit_form(seconds="7.5", viewing='{"watched_share": 0.5}', **{"visual-score": "1"})
    client.post(f"/my-ratings/{rated.pk}/", edit)
    stored = rated.revisions.order_by("number").values_list("seconds_spent", "viewing")
    assert list(stored) == [(12.5, {}), (7.5, {"watched_share": 0.5})]


def test_a_cleared_draft_stays_cleared_when_the_rating_is_edited(
    client: Client, rater: User, campaign: Campaign
) -> None:
    draft = make_draft(put_clip(campaign, arm=Arm.ASSISTED))
    mine = {f"{axis}-reason": f"My own words on {axis}, from an empty box." for axis in AXES}
    cleared = mine | {f"{axis}-cleared": "1" for axis in AXES}
    post(client, campaign, data=drafted_form(take(client, campaign), draft, **cleared))
    rating = Rating.objects.get()
    client.post(f"/my-ratings/{rating.pk}/", edit_form(**mine | {"visual-reason": "Other words, also my own."}))
    now = AxisAnswer.objects.filter(revision__is_current=True)
    assert set(now.values_list("draft_use", flat=True)) == {"cleared"}


def test_earlier_ratings_come_on_the_next_page(client: Client, rater: User, campaign: Campaign) -> None:
    other = make_campaign(name="other", actor=campaign.created_by)
    for number in range(16):
        clip = make_clip(f"clip-{number}", content=b"x")
        for each in (campaign, other):
            item = Item.objects.create(campaign=each, clip=clip)
            slot = Slot.objects.create(item=item, campaign=each, number=1, arm="blind", state="done", rater=rater)
            rating = Rating.objects.create(slot=slot, item=item, rater=rater, arm="blind")
            RatingRevision.objects.create(rating=rating, number=1)
    first = client.get("/my-ratings/").content.decode()
    oldest = Rating.objects.order_by("-pk")[29].pk
    assert f"?before={oldest}" in first
    second = client.get(f"/my-ratings/?before={oldest}").content.decode()
    assert second.count("<tr>") == 1 + 2
    one_campaign = client.get("/my-ratings/?campaign=other").content.decode()
    assert one_campaign.count("<tr>") == 1 + 16
    assert "before=" not in one_campaign
