"""What a submit stores, what it refuses, and what it does with bad posts."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from annotation.models import Arm, AxisAnswer, Campaign, Rating, Slot
from qsave.axes import AXES
from tests.annotation.factories import make_draft
from tests.annotation.rating.desk.world import SCRIPT, drafted_form, form_of, post, put_clip, take

pytestmark = pytest.mark.django_db
QUERIES_WITH_A_DRAFT = 20


def test_a_submit_stores_the_rating_and_brings_the_next_clip_to_a_script(
    client: Client, rater: User, campaign: Campaign
) -> None:
    put_clip(campaign, "one")
    put_clip(campaign, "two")
    slot = take(client, campaign)
    marks = '[{"defect": "blur", "time": [0.25, 0.75], "box": [0.1, 0.2, 0.3, 0.4]}, {"defect": "noise"}]'
    data = form_of(slot, viewing='{"plays": 2, "watched_share": 1}')
    del data["visual-none"]
    data |= {"visual-defect": ["blur", "banding"], "visual-evidence": marks, "visual-score": "2"}
    response = post(client, campaign, data=data, headers=SCRIPT)
    assert response.status_code == 200
    next_slot = Slot.objects.get(state=Slot.State.LEASED)
    assert next_slot != slot
    assert f'data-lease="{next_slot.lease}"' in response.content.decode()
    rating = Rating.objects.get()
    revision = rating.revisions.get()
    assert (revision.seconds_spent, revision.viewing) == (12.5, {"plays": 2, "watched_share": 1})
    visual = revision.answers.get(axis="visual")
    assert visual.score == 2
    assert visual.evidence == [
        {"defect": "blur", "time": [0.25, 0.75], "box": [0.1, 0.2, 0.3, 0.4]},
        {"defect": "banding", "time": None, "box": None},
    ]


def test_a_plain_post_stores_and_redirects_to_the_next(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    put_clip(campaign, "two")
    response = post(client, campaign, data=form_of(take(client, campaign)))
    assert (response.status_code, response["Location"]) == (302, f"/rate/floor/?rated={Rating.objects.get().pk}")
    assert Rating.objects.count() == 1


def test_the_same_post_twice_stores_once_and_goes_on(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    put_clip(campaign, "two")
    data = form_of(take(client, campaign))
    first, second = (post(client, campaign, data=data, headers=SCRIPT) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert Rating.objects.count() == 1


def test_problems_come_by_axis_to_a_script(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign)
    data = form_of(take(client, campaign), **{"dynamic-score": "6"})
    del data["visual-none"]
    response = post(client, campaign, data=data, headers=SCRIPT)
    assert response.status_code == 422
    problems = response.json()["problems"]
    assert set(problems["axes"]) == {"visual", "dynamic"}
    assert "1 (bad) to 5 (excellent)" in problems["axes"]["dynamic"][0]
    assert not Rating.objects.exists()


def test_a_refused_plain_post_shows_the_page_again_with_all_that_was_typed(
    client: Client, rater: User, campaign: Campaign
) -> None:
    put_clip(campaign)
    data = form_of(take(client, campaign), **{"visual-reason": "no </textarea><p>"})
    response = post(client, campaign, data=data)
    page = response.content.decode()
    assert response.status_code == 422
    assert "no &lt;/textarea&gt;&lt;p&gt;</textarea>" in page
    assert "Nothing to complain of here on dynamic." in page
    assert page.count('data-word="good" checked') == 3
    assert "at least 20 characters" in page


@pytest.mark.parametrize(
    ("changes", "uses"),
    [
        ({f"{axis}-confirm": "1" for axis in AXES}, {"confirmed"}),
        ({f"{axis}-reason": f"I see it otherwise: all is well for {axis}." for axis in AXES}, {"edited"}),
        (
            {f"{axis}-reason": f"I see it otherwise: all is well for {axis}." for axis in AXES}
            | {f"{axis}-cleared": "1" for axis in AXES},
            {"cleared"},
        ),
    ],
)
def test_what_became_of_the_draft_is_stored_with_the_exposure(
    client: Client, rater: User, campaign: Campaign, changes: dict[str, str], uses: set[str]
) -> None:
    draft = make_draft(put_clip(campaign, arm=Arm.ASSISTED))
    slot = take(client, campaign)
    response = post(client, campaign, data=drafted_form(slot, draft, **changes), headers=SCRIPT)
    assert response.status_code == 200
    rating = Rating.objects.get()
    assert (rating.draft, rating.exposure) == (draft, "from_start")
    assert set(AxisAnswer.objects.values_list("draft_use", flat=True)) == uses


def test_changed_defects_count_as_an_edit_of_the_draft(client: Client, rater: User, campaign: Campaign) -> None:
    draft = make_draft(put_clip(campaign, arm=Arm.ASSISTED))
    slot = take(client, campaign)
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    data = drafted_form(slot, draft, **confirmed, **{"visual-defect": ["blur", "noise"]})
    post(client, campaign, data=data)
    assert AxisAnswer.objects.get(axis="visual").draft_use == "edited"
    assert AxisAnswer.objects.get(axis="dynamic").draft_use == "confirmed"


def test_an_axis_left_unconfirmed_is_refused_beside_that_axis(client: Client, rater: User, campaign: Campaign) -> None:
    draft = make_draft(put_clip(campaign, arm=Arm.ASSISTED))
    slot = take(client, campaign)
    data = drafted_form(slot, draft, **{"visual-confirm": "1", "dynamic-confirm": "1"})
    response = post(client, campaign, data=data, headers=SCRIPT)
    assert response.status_code == 422
    assert list(response.json()["problems"]["axes"]) == ["alignment"]
    assert "unconfirmed" in response.json()["problems"]["axes"]["alignment"][0]
    page = post(client, campaign, data=data).content.decode()
    assert page.count('-confirm" value="1" checked') == 2


def test_a_draft_that_comes_late_is_offered_and_not_put_on_the_page(
    client: Client, rater: User, campaign: Campaign
) -> None:
    item = put_clip(campaign, arm=Arm.ASSISTED)
    slot = take(client, campaign)
    assert client.get(f"/rate/floor/draft?lease={slot.lease}").status_code == 204
    draft = make_draft(item)
    page = client.get("/rate/floor/").content.decode()
    assert "square shimmer" not in page
    assert "data-late-url" in page
    assert client.get(f"/rate/floor/draft?lease={slot.lease}").json() == {"critic": "starter@1"}
    shown = post(client, campaign, "draft", data={"lease": slot.lease}).json()
    assert shown["axes"]["visual"]["answer"]["score"] is None
    assert "square shimmer" in client.get("/rate/floor/").content.decode()
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    post(client, campaign, data=drafted_form(slot, draft, **confirmed))
    assert Rating.objects.get().exposure == "late"


def test_a_submit_with_a_draft_and_the_next_desk_cost_a_bounded_number_of_statements(
    client: Client, rater: User, campaign: Campaign, django_assert_max_num_queries: Any
) -> None:
    drafts = {name: make_draft(put_clip(campaign, name, arm=Arm.ASSISTED)) for name in ("one", "two", "three")}
    by_item = {draft.item_id: draft for draft in drafts.values()}
    slot = take(client, campaign)
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    post(client, campaign, data=drafted_form(slot, by_item[slot.item_id], **confirmed), headers=SCRIPT)
    slot = Slot.objects.get(state="leased")
    words = {f"{axis}-reason": f"My own words on {axis}, quite other ones." for axis in AXES}
    with django_assert_max_num_queries(QUERIES_WITH_A_DRAFT):
        answer = post(client, campaign, data=drafted_form(slot, by_item[slot.item_id], **words), headers=SCRIPT)
    assert answer.status_code == 200
    assert "starter@1" in answer.content.decode()


def test_an_offer_of_a_draft_that_is_not_taken_up_is_no_exposure(
    client: Client, rater: User, campaign: Campaign
) -> None:
    item = put_clip(campaign, arm=Arm.ASSISTED)
    slot = take(client, campaign)
    make_draft(item)
    client.get(f"/rate/floor/draft?lease={slot.lease}")
    post(client, campaign, data=form_of(slot))
    assert (Rating.objects.get().draft, Rating.objects.get().exposure) == (None, "none")


def test_a_draft_of_another_clip_is_not_accepted_as_shown(client: Client, rater: User, campaign: Campaign) -> None:
    other = make_draft(put_clip(campaign, "other", arm=Arm.ASSISTED, seats=0))
    put_clip(campaign, arm=Arm.ASSISTED)
    post(client, campaign, data=form_of(take(client, campaign), draft=other.pk))
    rating = Rating.objects.get()
    assert (rating.draft, rating.exposure) == (None, "none")


@pytest.mark.parametrize("field", ["item", "lease", "key"])
@pytest.mark.parametrize("value", ["", "x", "9" * 40])
def test_a_damaged_form_is_a_bad_request(
    client: Client, rater: User, campaign: Campaign, field: str, value: str
) -> None:
    put_clip(campaign)
    slot = take(client, campaign)
    assert post(client, campaign, data=form_of(slot, **{field: value})).status_code == 400


@pytest.mark.parametrize("viewing", ["{", "[]", "null", '"x"'])
def test_a_damaged_viewing_record_does_not_cost_the_rating(
    client: Client, rater: User, campaign: Campaign, viewing: str
) -> None:
    put_clip(campaign)
    slot = take(client, campaign)
    assert post(client, campaign, data=form_of(slot, viewing=viewing, seconds="nan")).status_code == 200
    assert Rating.objects.get().revisions.get().viewing == {}
