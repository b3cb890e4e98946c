"""The rating desk over HTTP: what it shows in which arm and state, what it stores, and what it does with bad posts."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role, User
from annotation.models import (
    Arm,
    AxisAnswer,
    Campaign,
    Draft,
    Guideline,
    Item,
    Rating,
    RatingRevision,
    SavedWork,
    Skip,
    Slot,
)
from annotation.reads.upcoming import likely_next
from annotation.services.queue import claim
from annotation.views.desk import PAGE_LETTERS, defect_letters
from qsave.axes import AXES
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.annotation.desk_world import add_draft, add_item, make_campaign, make_clip, make_user

pytestmark = pytest.mark.django_db
SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def lead() -> User:
    return make_user("lena", Role.LEAD)


@pytest.fixture
def rater(client: Client) -> User:
    user = make_user("rita")
    client.force_login(user)
    return user


@pytest.fixture
def campaign(lead: User) -> Campaign:
    return make_campaign("floor", by=lead)


def put_clip(campaign: Campaign, name: str = "one", *, arm: Arm = Arm.BLIND, seats: int = 1, **fields: Any) -> Item:
    return add_item(campaign, make_clip(name, content=b"a clip", **fields), arm=arm, seats=seats)


def post(client: Client, campaign: Campaign, path: str = "", data: dict[str, Any] | None = None, **extra: Any) -> Any:
    return client.post(f"/rate/{campaign.name}/{path}", data or {}, **extra)


def take(client: Client, campaign: Campaign) -> Slot:
    post(client, campaign, "start")
    return Slot.objects.get(campaign=campaign, state=Slot.State.LEASED)


def form_of(slot: Slot, /, **changes: Any) -> dict[str, Any]:
    """What the page posts for a good rating without a draft."""
    data: dict[str, Any] = {"slot": slot.pk, "lease": slot.lease, "key": uuid.uuid4(), "seconds": "12.5"}
    for axis in AXES:
        data |= {
            f"{axis}-score": "4",
            f"{axis}-none": "1",
            f"{axis}-evidence": "[]",
            f"{axis}-reason": f"Nothing to complain of here on {axis}.",
        }
    return data | changes


def drafted_form(slot: Slot, draft: Draft, **changes: Any) -> dict[str, Any]:
    """What the page posts when the draft stands in the boxes as it came."""
    data = form_of(slot, draft=draft.pk)
    for axis in AXES:
        data |= {f"{axis}-reason": draft.card[axis.value]["reason"], f"{axis}-drafted": "1"}
    del data["visual-none"]
    data["visual-defect"] = "blur"
    data["visual-evidence"] = '[{"defect": "blur", "time": [0.5, 1], "box": null}]'
    return data | changes


# ---- what the page shows


def test_opening_the_page_takes_no_seat_and_the_post_does(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign)
    assert b"Show the first clip" in client.get("/rate/floor/").content
    assert not Slot.objects.filter(state=Slot.State.LEASED).exists()
    response = post(client, campaign, "start")
    assert (response.status_code, response["Location"]) == (302, "/rate/floor/")
    assert Slot.objects.get().rater == rater


def test_the_clip_that_is_held_is_shown_with_its_prompt_and_the_campaigns_own_defects(
    client: Client, rater: User, campaign: Campaign
) -> None:
    Campaign.objects.update(taxonomy=[{"id": "own-fault", "axis": "visual", "label": "own fault"}])
    put_clip(campaign, prompt="two <b>guys</b> talking")
    take(client, campaign)
    page = client.get("/rate/floor/").content.decode()
    assert "two &lt;b&gt;guys&lt;/b&gt; talking" in page
    assert 'value="own-fault"' in page
    assert 'value="blur"' not in page


def test_the_first_clip_comes_as_a_partial_to_a_script(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign)
    page = post(client, campaign, "start", headers=SCRIPT).content.decode()
    assert "<html" not in page
    assert 'data-axis="visual"' in page


def test_the_assisted_arm_shows_the_draft_unconfirmed_and_no_drafted_score(
    client: Client, rater: User, campaign: Campaign
) -> None:
    add_draft(put_clip(campaign, arm=Arm.ASSISTED))
    take(client, campaign)
    page = client.get("/rate/floor/").content.decode()
    assert page.count("starter@1") == 3
    assert "The edges of the square shimmer a little. Seen for visual." in page
    assert "4 good</strong>" not in page


def test_drafted_scores_are_shown_where_the_campaign_says_so_and_still_not_chosen(
    client: Client, rater: User, campaign: Campaign
) -> None:
    Campaign.objects.update(shows_draft_scores=True)
    add_draft(put_clip(campaign, arm=Arm.ASSISTED))
    take(client, campaign)
    page = client.get("/rate/floor/").content.decode()
    assert page.count("<strong>4 good</strong>") == 3
    assert 'data-word="good" checked' not in page


def test_the_blind_arm_holds_nothing_of_the_draft(client: Client, rater: User, campaign: Campaign) -> None:
    item = put_clip(campaign, arm=Arm.BLIND)
    add_draft(item)
    slot = take(client, campaign)
    for page in (client.get("/rate/floor/"), post(client, campaign, "start", headers=SCRIPT)):
        text = page.content.decode().lower()
        assert "square shimmer" not in text
        assert "starter@1" not in text
        assert "draft" not in text
    assert client.get(f"/rate/floor/draft?slot={slot.pk}").status_code == 204


def test_guidelines_are_at_hand_as_cleaned_html(client: Client, rater: User, campaign: Campaign, lead: User) -> None:
    Guideline.objects.create(campaign=campaign, number=3, text="Look **twice** <script>x</script>", created_by=lead)
    for path in ("/rate/floor/", "/rate/floor/guidelines"):
        page = client.get(path).content.decode()
        assert "<strong>twice</strong>" in page
        assert "version 3" in page
        assert "<script>x" not in page


@pytest.mark.parametrize(
    ("state", "words"),
    [("paused", "This campaign is paused"), ("closed", "This campaign is closed"), ("archived", "is closed")],
)
def test_a_campaign_that_takes_no_new_raters_says_so(
    client: Client, rater: User, campaign: Campaign, state: str, words: str
) -> None:
    put_clip(campaign)
    Campaign.objects.update(state=state)
    assert words in client.get("/rate/floor/").content.decode()
    assert words in post(client, campaign, "start", headers=SCRIPT).content.decode()
    assert not Slot.objects.filter(state=Slot.State.LEASED).exists()


def test_a_campaign_not_yet_open_is_hidden_from_raters_and_said_to_leads(
    client: Client, rater: User, campaign: Campaign, lead: User
) -> None:
    Campaign.objects.update(state="draft")
    assert client.get("/rate/floor/").status_code == 404
    client.force_login(lead)
    assert "not open yet" in client.get("/rate/floor/").content.decode()


def test_nothing_left_is_said_plainly(client: Client, rater: User, campaign: Campaign) -> None:
    assert "Nothing left to rate" in post(client, campaign, "start", headers=SCRIPT).content.decode()
    assert "Nothing left to rate" in post(client, campaign, "start").content.decode()


def test_the_list_names_open_campaigns_only_and_says_when_there_are_none(
    client: Client, rater: User, campaign: Campaign
) -> None:
    assert "/rate/floor/" in client.get("/rate/").content.decode()
    Campaign.objects.update(state="paused")
    assert "No campaign is open just now" in client.get("/rate/").content.decode()


def test_the_guess_at_the_next_clip_is_what_the_next_claim_gives(
    client: Client, rater: User, campaign: Campaign
) -> None:
    for number in range(6):
        put_clip(campaign, f"clip-{number}", prompt=f"prompt number {number // 2}", seats=2)
    slot = claim(rater=rater, campaign=campaign)
    for _ in range(5):
        assert slot is not None
        guess = likely_next(rater=rater, campaign=campaign)
        told = client.get("/rate/floor/upcoming")
        assert (
            post(
                client,
                campaign,
                data=form_of(slot)
                | {"visual-reason": f"Words for {slot.pk}, all different"}
                | {f"{axis}-reason": f"Words for slot {slot.pk} and {axis}" for axis in AXES},
            ).status_code
            == 302
        )
        slot = claim(rater=rater, campaign=campaign)
        assert slot is not None
        assert guess == slot.item.clip
        assert told.json() == {"video": f"/media/video/{slot.item.clip.pk}"}
    assert client.get("/rate/floor/upcoming").status_code == 204


# ---- submitting


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
    assert f'data-slot="{next_slot.pk}"' in response.content.decode()
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
    draft = add_draft(put_clip(campaign, arm=Arm.ASSISTED))
    slot = take(client, campaign)
    response = post(client, campaign, data=drafted_form(slot, draft, **changes), headers=SCRIPT)
    assert response.status_code == 200
    rating = Rating.objects.get()
    assert (rating.draft, rating.exposure) == (draft, "from_start")
    assert set(AxisAnswer.objects.values_list("draft_use", flat=True)) == uses


def test_changed_defects_count_as_an_edit_of_the_draft(client: Client, rater: User, campaign: Campaign) -> None:
    draft = add_draft(put_clip(campaign, arm=Arm.ASSISTED))
    slot = take(client, campaign)
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    data = drafted_form(slot, draft, **confirmed, **{"visual-defect": ["blur", "noise"]})
    post(client, campaign, data=data)
    assert AxisAnswer.objects.get(axis="visual").draft_use == "edited"
    assert AxisAnswer.objects.get(axis="dynamic").draft_use == "confirmed"


def test_an_axis_left_unconfirmed_is_refused_beside_that_axis(client: Client, rater: User, campaign: Campaign) -> None:
    draft = add_draft(put_clip(campaign, arm=Arm.ASSISTED))
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
    assert client.get(f"/rate/floor/draft?slot={slot.pk}").status_code == 204
    draft = add_draft(item)
    page = client.get("/rate/floor/").content.decode()
    assert "square shimmer" not in page
    assert "data-late-url" in page
    offered = client.get(f"/rate/floor/draft?slot={slot.pk}").json()
    assert offered["id"] == draft.pk
    assert offered["axes"]["visual"]["answer"]["score"] is None
    confirmed = {f"{axis}-confirm": "1" for axis in AXES}
    post(client, campaign, data=drafted_form(slot, draft, **confirmed))
    assert Rating.objects.get().exposure == "late"


def test_a_draft_of_another_clip_is_not_accepted_as_shown(client: Client, rater: User, campaign: Campaign) -> None:
    other = add_draft(put_clip(campaign, "other", arm=Arm.ASSISTED, seats=0))
    put_clip(campaign, arm=Arm.ASSISTED)
    post(client, campaign, data=form_of(take(client, campaign), draft=other.pk))
    rating = Rating.objects.get()
    assert (rating.draft, rating.exposure) == (None, "none")


@pytest.mark.parametrize("field", ["slot", "lease", "key"])
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


# ---- saved work and leases


def save_data(item: Item, **fields: Any) -> dict[str, Any]:
    return {"item": item.pk, "base_version": 0, "tab": uuid.uuid4(), **fields}


def test_saved_work_is_what_the_page_shows_again(client: Client, rater: User, campaign: Campaign) -> None:
    item = put_clip(campaign)
    take(client, campaign)
    fields = {"visual-reason": "half a thought", "visual-score": "2", "dynamic-defect": "jitter"}
    response = post(client, campaign, "save", save_data(item, **fields), headers=SCRIPT)
    assert response.json()["version"] == 1
    page = client.get("/rate/floor/").content.decode()
    assert "half a thought" in page
    assert 'data-word="poor" checked' in page
    assert 'data-label="jitter" checked' in page
    assert 'data-version="1"' in page


def test_a_draft_with_saved_work_keeps_its_bar_and_its_confirmation(
    client: Client, rater: User, campaign: Campaign
) -> None:
    item = put_clip(campaign, arm=Arm.ASSISTED)
    draft = add_draft(item)
    slot = take(client, campaign)
    data = drafted_form(slot, draft, **{"visual-confirm": "1", "dynamic-reason": "my own words"})
    post(client, campaign, "save", save_data(item, **data), headers=SCRIPT)
    page = client.get("/rate/floor/").content.decode()
    assert page.count("starter@1") == 3
    assert page.count('-confirm" value="1" checked') == 1
    assert "my own words" in page


def test_another_tab_gets_409_with_the_others_answers_and_overwrites_nothing(
    client: Client, rater: User, campaign: Campaign
) -> None:
    item = put_clip(campaign)
    take(client, campaign)
    post(client, campaign, "save", save_data(item, **{"visual-reason": "tab one"}), headers=SCRIPT)
    response = post(client, campaign, "save", save_data(item, **{"visual-reason": "tab two"}), headers=SCRIPT)
    assert response.status_code == 409
    assert response.json()["answers"]["visual"]["reason"] == "tab one"
    assert response.json()["version"] == 1
    assert SavedWork.objects.get().answers["visual"]["reason"] == "tab one"


def test_saving_a_clip_that_was_never_on_the_desk_is_forbidden(client: Client, rater: User, campaign: Campaign) -> None:
    assert post(client, campaign, "save", save_data(put_clip(campaign)), headers=SCRIPT).status_code == 403


def test_hostile_saved_work_does_not_break_the_page(client: Client, rater: User, campaign: Campaign) -> None:
    item = put_clip(campaign)
    take(client, campaign)
    answers = {"visual": {"score": "x", "evidence": [1, {"defect": []}], "reason": 5}, "dynamic": 7, "draft": True}
    SavedWork.objects.create(item=item, rater=rater, answers=answers)
    assert client.get("/rate/floor/").status_code == 200


def lose_seat(slot: Slot) -> None:
    """Somebody else took the seat after the lease had run out."""
    later = timezone.now() + timedelta(minutes=5)
    Slot.objects.filter(pk=slot.pk).update(rater=make_user("thief"), lease=uuid.uuid4(), lease_expires_at=later)


def test_a_submit_after_the_lease_was_lost_is_kept_as_saved_work_and_said(
    client: Client, rater: User, campaign: Campaign
) -> None:
    item = put_clip(campaign)
    slot = take(client, campaign)
    lose_seat(slot)
    response = post(client, campaign, data=form_of(slot), headers=SCRIPT)
    assert response.status_code == 409
    assert response.json()["lost"] is True
    assert "kept" in response.json()["message"]
    assert SavedWork.objects.get(item=item, rater=rater).answers["visual"]["score"] == 4
    plain = client.post("/rate/floor/", form_of(slot), follow=True).content.decode()
    assert "What you typed is kept" in plain
    assert not Rating.objects.exists()


def test_renewing_moves_the_end_of_the_lease_and_a_lost_one_says_so(
    client: Client, rater: User, campaign: Campaign
) -> None:
    put_clip(campaign)
    slot = take(client, campaign)
    Slot.objects.update(lease_expires_at=timezone.now())
    held = {"slot": slot.pk, "lease": slot.lease}
    assert post(client, campaign, "renew", held, headers=SCRIPT).status_code == 200
    assert Slot.objects.filter(lease_expires_at__gt=timezone.now() + timedelta(minutes=10)).exists()
    lose_seat(slot)
    assert post(client, campaign, "renew", held, headers=SCRIPT).status_code == 409


def test_a_skip_needs_a_kind_and_a_reason_and_brings_the_next(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    put_clip(campaign, "two")
    slot = take(client, campaign)
    held = {"slot": slot.pk, "lease": slot.lease}
    for bad in ({"kind": "skipped", "reason": " "}, {"kind": "bored", "reason": "bored"}):
        assert post(client, campaign, "skip", held | bad, headers=SCRIPT).status_code == 422
    good = held | {"kind": "broken", "reason": "stays black"}
    assert post(client, campaign, "skip", good, headers=SCRIPT).status_code == 200
    assert Skip.objects.get().kind == "broken"
    assert Slot.objects.get(state=Slot.State.LEASED).item != slot.item


def test_stopping_hands_the_clip_back(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign)
    slot = take(client, campaign)
    response = post(client, campaign, "stop", {"slot": slot.pk, "lease": slot.lease})
    assert response["Location"] == "/rate/"
    assert Slot.objects.get().state == Slot.State.FREE


def test_nothing_changes_on_get(client: Client, rater: User, campaign: Campaign) -> None:
    put_clip(campaign)
    for path in ("start", "skip", "stop", "renew", "save"):
        assert client.get(f"/rate/floor/{path}").status_code == 405


def test_a_post_without_the_csrf_token_is_refused(rater: User, campaign: Campaign) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(rater)
    assert strict.post("/rate/floor/start").status_code == 403


def test_the_page_costs_a_bounded_number_of_queries(
    client: Client, rater: User, campaign: Campaign, django_assert_max_num_queries: Any
) -> None:
    add_draft(put_clip(campaign, arm=Arm.ASSISTED))
    take(client, campaign)
    with django_assert_max_num_queries(12):
        client.get("/rate/floor/")


# ---- letters


def test_every_default_defect_has_a_letter_of_its_own_on_its_axis() -> None:
    for axis in AXES:
        letters = defect_letters([defect.label for defect in DEFAULT_TAXONOMY if defect.axis == axis])
        assert all(len(letter) == 1 for letter in letters)
        assert len(set(letters)) == len(letters)
        assert not set(letters) & PAGE_LETTERS


def test_more_defects_than_letters_leave_the_last_without() -> None:
    letters = defect_letters([f"defect {number}" for number in range(30)])
    assert letters[-1] == ""
    assert len({letter for letter in letters if letter}) == 26 - len(PAGE_LETTERS)


# ---- my ratings


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
    draft = add_draft(put_clip(campaign, arm=Arm.ASSISTED))
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


def test_earlier_ratings_come_on_the_next_page(client: Client, rater: User, campaign: Campaign) -> None:
    other = make_campaign("other", by=campaign.created_by)
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
