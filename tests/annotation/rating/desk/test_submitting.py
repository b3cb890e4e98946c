"""Submits at the desk: stored, refused and damaged ones."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from annotation.models import Arm, AxisAnswer, Campaign, Rating, Slot
from qsave.axes import AXES
from tests.annotation.factories import make_draft
from tests.annotation.rating.desk.forms import SCRIPT, add_clip, make_drafted_form, make_form, post, start
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db


def test_a_submit_stores_the_rating_and_brings_the_next_clip_to_a_script(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    add_clip(empty_campaign, "one")
    add_clip(empty_campaign, "two")
    slot = start(as_rater, empty_campaign)
    marks = '[{"defect": "blur", "time": [0.25, 0.75], "box": [0.1, 0.2, 0.3, 0.4]}, {"defect": "noise"}]'
    data = make_form(slot, viewing='{"plays": 2, "watched_share": 1}')
    del data["visual-none"]
    data |= {"visual-defect": ["blur", "banding"], "visual-evidence": marks, "visual-score": "2"}
    response = post(as_rater, empty_campaign, data=data, headers=SCRIPT)
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


def test_a_plain_post_stores_and_redirects_to_the_next(as_rater: Client, empty_campaign: Campaign) -> None:
    add_clip(empty_campaign, "one")
    add_clip(empty_campaign, "two")
    response = post(as_rater, empty_campaign, data=make_form(start(as_rater, empty_campaign)))
    assert (response.status_code, response["Location"]) == (302, f"/rate/autumn/?rated={Rating.objects.get().pk}")
    assert Rating.objects.count() == 1


def test_the_same_post_twice_stores_one_rating_and_shows_the_next_clip(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    add_clip(empty_campaign, "one")
    add_clip(empty_campaign, "two")
    data = make_form(start(as_rater, empty_campaign))
    first, second = (post(as_rater, empty_campaign, data=data, headers=SCRIPT) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert Rating.objects.count() == 1


def test_problems_come_by_axis_to_a_script(as_rater: Client, empty_campaign: Campaign) -> None:
    add_clip(empty_campaign)
    data = make_form(start(as_rater, empty_campaign), **{"dynamic-score": "6"})
    del data["visual-none"]
    response = post(as_rater, empty_campaign, data=data, headers=SCRIPT)
    assert response.status_code == 422
    problems = response.json()["problems"]
    assert set(problems["axes"]) == {"visual", "dynamic"}
    assert "1 (bad) to 5 (excellent)" in problems["axes"]["dynamic"][0]
    assert not Rating.objects.exists()


def test_a_refused_plain_post_shows_the_page_again_with_all_that_was_typed(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    add_clip(empty_campaign)
    data = make_form(start(as_rater, empty_campaign), **{"visual-reason": "no </textarea><p>"})
    response = post(as_rater, empty_campaign, data=data)
    page = collapse_space(response.content.decode())
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
def test_the_use_of_the_draft_is_stored_with_the_exposure(
    as_rater: Client, empty_campaign: Campaign, changes: dict[str, str], uses: set[str]
) -> None:
    draft = make_draft(add_clip(empty_campaign, arm=Arm.ASSISTED))
    slot = start(as_rater, empty_campaign)
    response = post(as_rater, empty_campaign, data=make_drafted_form(slot, draft, **changes), headers=SCRIPT)
    assert response.status_code == 200
    rating = Rating.objects.get()
    assert (rating.draft, rating.exposure) == (draft, "from_start")
    assert set(AxisAnswer.objects.values_list("draft_use", flat=True)) == uses


def test_changed_defects_count_as_an_edit_of_the_draft(as_rater: Client, empty_campaign: Campaign) -> None:
    draft = make_draft(add_clip(empty_campaign, arm=Arm.ASSISTED))
    slot = start(as_rater, empty_campaign)
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    data = make_drafted_form(slot, draft, **confirmed, **{"visual-defect": ["blur", "noise"]})
    post(as_rater, empty_campaign, data=data)
    assert AxisAnswer.objects.get(axis="visual").draft_use == "edited"
    assert AxisAnswer.objects.get(axis="dynamic").draft_use == "confirmed"


def test_an_axis_left_unconfirmed_is_refused_beside_that_axis(as_rater: Client, empty_campaign: Campaign) -> None:
    draft = make_draft(add_clip(empty_campaign, arm=Arm.ASSISTED))
    slot = start(as_rater, empty_campaign)
    data = make_drafted_form(slot, draft, **{"visual-confirm": "1", "dynamic-confirm": "1"})
    response = post(as_rater, empty_campaign, data=data, headers=SCRIPT)
    assert response.status_code == 422
    assert list(response.json()["problems"]["axes"]) == ["alignment"]
    assert "unconfirmed" in response.json()["problems"]["axes"]["alignment"][0]
    page = collapse_space(post(as_rater, empty_campaign, data=data).content.decode())
    assert page.count('-confirm" value="1" checked') == 2


def test_a_draft_that_comes_late_is_offered_and_not_put_on_the_page(as_rater: Client, empty_campaign: Campaign) -> None:
    item = add_clip(empty_campaign, arm=Arm.ASSISTED)
    slot = start(as_rater, empty_campaign)
    assert as_rater.get(f"/rate/autumn/draft?lease={slot.lease}").status_code == 204
    draft = make_draft(item)
    page = as_rater.get("/rate/autumn/").content.decode()
    assert "square shimmer" not in page
    assert "data-late-url" in page
    assert as_rater.get(f"/rate/autumn/draft?lease={slot.lease}").json() == {"critic": "starter@1"}
    draft_json = post(as_rater, empty_campaign, "draft", data={"lease": slot.lease}).json()
    assert draft_json["axes"]["visual"]["answer"]["score"] is None
    assert "square shimmer" in as_rater.get("/rate/autumn/").content.decode()
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    post(as_rater, empty_campaign, data=make_drafted_form(slot, draft, **confirmed))
    assert Rating.objects.get().exposure == "late"


@pytest.mark.parametrize("clips", [3, 6])
def test_a_submit_with_a_draft_and_the_next_desk_take_as_many_queries_however_many_clips_there_are(
    as_rater: Client, empty_campaign: Campaign, clips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    items = [add_clip(empty_campaign, f"clip-{number}", arm=Arm.ASSISTED) for number in range(clips)]
    by_item = {item.pk: make_draft(item) for item in items}
    slot = start(as_rater, empty_campaign)
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    post(as_rater, empty_campaign, data=make_drafted_form(slot, by_item[slot.item_id], **confirmed), headers=SCRIPT)
    slot = Slot.objects.get(state="leased")
    words = {f"{axis}-reason": f"My own words on {axis}, quite other ones." for axis in AXES}
    with django_assert_num_queries(24):
        answer = post(
            as_rater, empty_campaign, data=make_drafted_form(slot, by_item[slot.item_id], **words), headers=SCRIPT
        )
    assert answer.status_code == 200
    assert "starter@1" in answer.content.decode()


def test_an_offer_of_a_draft_that_is_not_taken_up_is_no_exposure(as_rater: Client, empty_campaign: Campaign) -> None:
    item = add_clip(empty_campaign, arm=Arm.ASSISTED)
    slot = start(as_rater, empty_campaign)
    make_draft(item)
    as_rater.get(f"/rate/autumn/draft?lease={slot.lease}")
    post(as_rater, empty_campaign, data=make_form(slot))
    assert (Rating.objects.get().draft, Rating.objects.get().exposure) == (None, "none")


def test_a_draft_of_another_clip_is_not_accepted_as_shown(as_rater: Client, empty_campaign: Campaign) -> None:
    other = make_draft(add_clip(empty_campaign, "other", arm=Arm.ASSISTED, slots=0))
    add_clip(empty_campaign, arm=Arm.ASSISTED)
    post(as_rater, empty_campaign, data=make_form(start(as_rater, empty_campaign), draft=other.pk))
    rating = Rating.objects.get()
    assert (rating.draft, rating.exposure) == (None, "none")


@pytest.mark.parametrize("field", ["item", "lease", "key"])
@pytest.mark.parametrize("value", ["", "x", "9" * 40])
def test_a_damaged_form_is_a_bad_request(as_rater: Client, empty_campaign: Campaign, field: str, value: str) -> None:
    add_clip(empty_campaign)
    slot = start(as_rater, empty_campaign)
    assert post(as_rater, empty_campaign, data=make_form(slot, **{field: value})).status_code == 400


@pytest.mark.parametrize("viewing", ["{", "[]", "null", '"x"'])
def test_a_damaged_viewing_record_does_not_cost_the_rating(
    as_rater: Client, empty_campaign: Campaign, viewing: str
) -> None:
    add_clip(empty_campaign)
    slot = start(as_rater, empty_campaign)
    assert post(as_rater, empty_campaign, data=make_form(slot, viewing=viewing, seconds="nan")).status_code == 200
    assert Rating.objects.get().revisions.get().viewing == {}
