"""Saved work, leases and skips at the desk; a GET changes nothing."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns.reports import exclude
from annotation.models import Arm, Campaign, Item, Rating, SavedWork, Skip, Slot
from tests.annotation.factories import make_draft, make_user
from tests.annotation.rating.desk.forms import SCRIPT, add_clip, make_drafted_form, make_form, post, start
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db


def make_saved_form(item: Item, **fields: Any) -> dict[str, Any]:
    return {"item": item.pk, "base_version": 0, "tab": uuid.uuid4(), **fields}


def test_saved_work_is_what_the_page_shows_again(as_rater: Client, empty_campaign: Campaign) -> None:
    item = add_clip(empty_campaign)
    start(as_rater, empty_campaign)
    fields = {"visual-reason": "half a thought", "visual-score": "2", "dynamic-defect": "jitter"}
    response = post(as_rater, empty_campaign, "save", make_saved_form(item, **fields), headers=SCRIPT)
    assert response.json()["version"] == 1
    page = collapse_space(as_rater.get("/rate/autumn/").content.decode())
    assert "half a thought" in page
    assert 'data-word="poor" checked' in page
    assert 'data-label="jitter" checked' in page
    assert 'data-version="1"' in page


def test_a_draft_with_saved_work_keeps_its_bar_and_its_confirmation(as_rater: Client, empty_campaign: Campaign) -> None:
    item = add_clip(empty_campaign, arm=Arm.ASSISTED)
    draft = make_draft(item)
    slot = start(as_rater, empty_campaign)
    data = make_drafted_form(slot, draft, **{"visual-confirm": "1", "dynamic-reason": "my own words"})
    post(as_rater, empty_campaign, "save", make_saved_form(**data | {"item": item}), headers=SCRIPT)
    page = collapse_space(as_rater.get("/rate/autumn/").content.decode())
    assert page.count("starter@1") == 3
    assert page.count('-confirm" value="1" checked') == 1
    assert "my own words" in page


def test_another_tab_gets_409_with_the_others_answers_and_overwrites_nothing(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    item = add_clip(empty_campaign)
    start(as_rater, empty_campaign)
    post(as_rater, empty_campaign, "save", make_saved_form(item, **{"visual-reason": "tab one"}), headers=SCRIPT)
    response = post(
        as_rater, empty_campaign, "save", make_saved_form(item, **{"visual-reason": "tab two"}), headers=SCRIPT
    )
    assert response.status_code == 409
    assert response.json()["answers"]["visual"]["reason"] == "tab one"
    assert response.json()["version"] == 1
    assert SavedWork.objects.get().answers["visual"]["reason"] == "tab one"


def test_saving_a_clip_that_was_never_on_the_desk_is_forbidden(as_rater: Client, empty_campaign: Campaign) -> None:
    assert (
        post(as_rater, empty_campaign, "save", make_saved_form(add_clip(empty_campaign)), headers=SCRIPT).status_code
        == 403
    )


def test_hostile_saved_work_does_not_break_the_page(as_rater: Client, rater: User, empty_campaign: Campaign) -> None:
    item = add_clip(empty_campaign)
    start(as_rater, empty_campaign)
    answers = {"visual": {"score": "x", "evidence": [1, {"defect": []}], "reason": 5}, "dynamic": 7, "draft": True}
    SavedWork.objects.create(item=item, rater=rater, answers=answers)
    assert as_rater.get("/rate/autumn/").status_code == 200


def lose_slot(slot: Slot) -> None:
    """Let another rater take the slot, as after the lease has run out."""
    later = timezone.now() + timedelta(minutes=5)
    Slot.objects.filter(pk=slot.pk).update(rater=make_user("thief"), lease=uuid.uuid4(), lease_expires_at=later)


def test_a_submit_after_the_lease_was_lost_becomes_saved_work_and_the_page_says_so(
    as_rater: Client, rater: User, empty_campaign: Campaign
) -> None:
    item = add_clip(empty_campaign)
    slot = start(as_rater, empty_campaign)
    lose_slot(slot)
    response = post(as_rater, empty_campaign, data=make_form(slot), headers=SCRIPT)
    assert response.status_code == 409
    assert response.json()["lost"] is True
    assert "kept" in response.json()["message"]
    assert SavedWork.objects.get(item=item, rater=rater).answers["visual"]["score"] == 4
    plain = as_rater.post("/rate/autumn/", make_form(slot), follow=True).content.decode()
    assert "What you typed is kept" in plain
    assert not Rating.objects.exists()


EXCLUDED = "A lead has taken this clip out of the campaign"


def test_an_open_desk_learns_at_its_next_request_that_its_clip_is_excluded(
    as_rater: Client, rater: User, empty_campaign: Campaign
) -> None:
    item = add_clip(empty_campaign, arm=Arm.ASSISTED)
    slot = start(as_rater, empty_campaign)
    saved_form = make_saved_form(item, **{"visual-reason": "half a thought"})
    assert post(as_rater, empty_campaign, "save", saved_form, headers=SCRIPT).json()["excluded"] == ""
    exclude(actor=empty_campaign.created_by, item=item, reason="Gore.")
    make_draft(item)

    held = {"lease": slot.lease, "item": item.pk}
    renewed = post(as_rater, empty_campaign, "renew", held, headers=SCRIPT)
    assert (renewed.status_code, renewed.json()["lost"]) == (409, True)
    saved = post(as_rater, empty_campaign, "save", saved_form | {"base_version": 1}, headers=SCRIPT)
    assert (saved.status_code, saved.json()["version"]) == (200, 2)
    for words in (renewed.json()["message"], saved.json()["excluded"]):
        assert words.startswith(EXCLUDED)
        assert "Gore" not in words
    assert as_rater.get("/rate/autumn/draft", {"lease": str(slot.lease)}, headers=SCRIPT).status_code == 204
    assert post(as_rater, empty_campaign, "draft", held, headers=SCRIPT).status_code == 204
    assert as_rater.get("/rate/autumn/upcoming", headers=SCRIPT).status_code == 204

    plain = as_rater.post("/rate/autumn/", make_form(slot), follow=True).content.decode()
    assert EXCLUDED in plain
    assert "data-desk" not in plain
    assert SavedWork.objects.get(item=item, rater=rater).answers["visual"]["score"] == 4
    assert not Rating.objects.exists()
    later = collapse_space(as_rater.get("/rate/autumn/").content.decode())
    assert "taken the clip <bdi>one</bdi> out of this campaign while you were rating it" in later


def test_renewing_moves_the_end_of_the_lease_and_a_lost_one_says_so(as_rater: Client, empty_campaign: Campaign) -> None:
    add_clip(empty_campaign)
    slot = start(as_rater, empty_campaign)
    Slot.objects.update(lease_expires_at=timezone.now())
    held = {"lease": slot.lease}
    assert post(as_rater, empty_campaign, "renew", held, headers=SCRIPT).status_code == 200
    assert Slot.objects.filter(lease_expires_at__gt=timezone.now() + timedelta(minutes=10)).exists()
    lose_slot(slot)
    assert post(as_rater, empty_campaign, "renew", held, headers=SCRIPT).status_code == 409


def test_a_skip_needs_a_kind_and_a_reason_and_brings_the_next(as_rater: Client, empty_campaign: Campaign) -> None:
    add_clip(empty_campaign, "one")
    add_clip(empty_campaign, "two")
    slot = start(as_rater, empty_campaign)
    held = {"lease": slot.lease}
    for bad in ({"kind": "skipped", "reason": " "}, {"kind": "bored", "reason": "bored"}):
        assert post(as_rater, empty_campaign, "skip", held | bad, headers=SCRIPT).status_code == 422
    good = held | {"kind": "broken", "reason": "stays black"}
    assert post(as_rater, empty_campaign, "skip", good, headers=SCRIPT).status_code == 200
    assert Skip.objects.get().kind == "broken"
    assert Slot.objects.get(state=Slot.State.LEASED).item != slot.item


def test_stopping_hands_the_clip_back(as_rater: Client, empty_campaign: Campaign) -> None:
    add_clip(empty_campaign)
    slot = start(as_rater, empty_campaign)
    response = post(as_rater, empty_campaign, "stop", {"lease": slot.lease})
    assert response["Location"] == "/rate/"
    assert Slot.objects.get().state == Slot.State.FREE


def test_nothing_changes_on_get(as_rater: Client, empty_campaign: Campaign) -> None:
    add_clip(empty_campaign)
    for path in ("start", "skip", "stop", "renew", "save"):
        assert as_rater.get(f"/rate/autumn/{path}").status_code == 405


def test_a_post_without_the_csrf_token_is_refused(rater: User, empty_campaign: Campaign) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(rater)
    assert strict.post("/rate/autumn/start").status_code == 403


@pytest.mark.parametrize("clips", [2, 4])
def test_the_page_takes_as_many_queries_however_many_clips_there_are(
    as_rater: Client, empty_campaign: Campaign, clips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(clips):
        make_draft(add_clip(empty_campaign, f"clip-{number}", arm=Arm.ASSISTED))
    start(as_rater, empty_campaign)
    with django_assert_num_queries(7):
        as_rater.get("/rate/autumn/")
