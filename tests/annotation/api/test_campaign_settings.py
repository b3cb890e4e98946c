"""The settings of a campaign through the API."""

from typing import Any

import pytest
from django.test import Client

from annotation.models import Campaign, Clip, Item
from tests.annotation.api.scripts import make_script, patch_json, post_json
from tests.annotation.factories import make_campaign, make_user

pytestmark = pytest.mark.django_db


def test_settings_are_read_and_changed(lead_script: Client, campaign: Campaign) -> None:
    url = f"/api/campaigns/{campaign.name}/policy"
    before = lead_script.get(url).json()
    assert (before["overlap"], before["qualification_mark"], before["order"]) == (3, None, "balanced")
    answer = patch_json(lead_script, url, {"overlap": 4, "qualification_mark": 0.8, "order": "score", "title": "Other"})
    assert answer.status_code == 200
    assert answer.json() == before | {"overlap": 4, "qualification_mark": 0.8, "order": "score", "title": "Other"}
    assert campaign.slots.count() == 24


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"overlap": 0}, "overlap"),
        ({"overlap": "x"}, "overlap"),
        ({"overlap_cap": 1}, "overlap_cap"),
        ({"gold_share": "NaN"}, "gold_share"),
        ({"order": "odd"}, "order"),
        ({"seed": 99}, "seed"),
        ({"state": "closed"}, "state"),
        ({"overlapp": 4}, "overlapp"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(
    lead_script: Client, campaign: Campaign, change: dict[str, Any], field: str
) -> None:
    answer = patch_json(lead_script, f"/api/campaigns/{campaign.name}/policy", change | {"lease_minutes": 7})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert Campaign.objects.get().lease_minutes == 20


def test_a_campaign_is_made_with_every_setting(lead_script: Client) -> None:
    settings = {"overlap": 2, "overlap_cap": 4, "repeat_share": 0.1, "requires_watched": True, "open_to": "members"}
    made = post_json(lead_script, "/api/campaigns", {"name": "first", "title": "First"} | settings)
    assert made.status_code == 201
    assert Campaign.objects.filter(**settings).exists()


def test_guidelines_come_with_examples_and_versions(lead_script: Client, campaign: Campaign) -> None:
    url = f"/api/campaigns/{campaign.name}/guidelines"
    assert lead_script.get(url).status_code == 404
    clip = Clip.objects.all()[0].clip_id
    example = {"axis": "visual", "level": 2, "clip_id": clip, "note": "soft"}
    first = post_json(lead_script, url, {"text": "# Look", "examples": [example]})
    assert (first.status_code, first.json()) == (201, {"number": 1, "text": "# Look", "examples": [example]})
    assert post_json(lead_script, url, {"text": "# Look", "examples": [example]}).json()["number"] == 1
    second = post_json(lead_script, url, {"text": "# Look twice"}).json()
    assert second == {"number": 2, "text": "# Look twice", "examples": [example]}
    assert make_script(make_user()).get(url).json() == second


def test_only_leads_see_an_example_that_is_held_back(lead_script: Client, campaign: Campaign) -> None:
    url = f"/api/campaigns/{campaign.name}/guidelines"
    example = {"axis": "visual", "level": 2, "clip_id": Clip.objects.all()[0].clip_id, "note": "soft"}
    post_json(lead_script, url, {"text": "# Look", "examples": [example]})
    Item.objects.filter(clip__clip_id=example["clip_id"]).update(availability="reported")
    assert lead_script.get(url).json()["examples"] == [example]
    assert make_script(make_user()).get(url).json()["examples"] == []


@pytest.mark.parametrize(
    "example",
    [
        {"axis": "sound", "level": 2, "clip_id": "clip"},
        {"axis": "visual", "level": 6, "clip_id": "clip"},
        {"axis": "visual", "level": 2, "clip_id": "stranger"},
    ],
)
def test_invalid_examples_are_refused(lead_script: Client, campaign: Campaign, example: dict[str, Any]) -> None:
    answer = post_json(lead_script, f"/api/campaigns/{campaign.name}/guidelines", {"text": "x", "examples": [example]})
    assert (answer.status_code, list(answer.json())) == (400, ["examples"])
    assert not campaign.guidelines.exists()


def test_items_are_marked_and_what_is_left_out_stays(lead_script: Client, campaign: Campaign) -> None:
    item = Item.objects.all()[0]
    url = f"/api/campaigns/{campaign.name}/items/{item.pk}"
    marks = {"mark": "qualification", "scores": {"visual": 2.5}, "feedback": "Soft edges."}
    marked = patch_json(lead_script, url, marks).json()
    assert (marked["gold"], marked["is_qualification"], marked["feedback"]) == ({"visual": 2.5}, True, "Soft edges.")
    again = patch_json(lead_script, url, {"scores": {"visual": 3}, "priority": 5}).json()
    assert again == marked | {"gold": {"visual": 3.0}, "priority": 5}
    assert not item.slots.exists()
    plain = patch_json(lead_script, url, {"mark": "plain"}).json()
    assert (plain["gold"], plain["is_qualification"], plain["priority"]) == (None, False, 5)
    assert lead_script.get(url).json() == plain
    assert item.slots.count() == 3


@pytest.mark.parametrize(
    ("marks", "field"),
    [
        ({"mark": "odd"}, "mark"),
        ({"mark": "gold"}, "scores"),
        ({"mark": "gold", "scores": {"visual": 9}}, "visual"),
        ({"mark": "gold", "scores": {"visual": 3}, "priority": 10_000}, "priority"),
    ],
)
def test_marks_that_do_not_fit_change_nothing(
    lead_script: Client, campaign: Campaign, marks: dict[str, Any], field: str
) -> None:
    item = Item.objects.all()[0]
    answer = patch_json(lead_script, f"/api/campaigns/{campaign.name}/items/{item.pk}", marks)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    item.refresh_from_db()
    assert item.gold is None


def test_scores_for_the_order_are_taken_together_or_not_at_all(lead_script: Client, campaign: Campaign) -> None:
    url = f"/api/campaigns/{campaign.name}/order-scores"
    one, two, *_ = (clip.clip_id for clip in Clip.objects.order_by("pk"))
    assert post_json(lead_script, url, {"scores": {one: 0.5, two: None}}).json() == {"changed": 1}
    for scores in ({one: 1, "stranger": 2}, {one: "x"}, [1]):
        assert post_json(lead_script, url, {"scores": scores}).status_code == 400
    assert Item.objects.get(clip__clip_id=one).order_score == 0.5


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "policy"), ("patch", "policy"), ("post", "guidelines"), ("post", "order-scores"), ("patch", "items/1")],
)
def test_it_is_shut_to_annotators_and_strangers(campaign: Campaign, method: str, path: str) -> None:
    for client, status in ((make_script(make_user()), 403), (Client(), 401)):
        answer = getattr(client, method)(f"/api/campaigns/{campaign.name}/{path}", content_type="application/json")
        assert answer.status_code == status


def test_a_clip_is_excluded_and_given_out_again_by_script(lead_script: Client) -> None:
    campaign = make_campaign(1)
    item = Item.objects.get()
    path = f"/api/campaigns/{campaign.name}/items/{item.pk}"
    assert lead_script.post(f"{path}/exclude", {}, content_type="application/json").status_code == 400
    excluded = lead_script.post(f"{path}/exclude", {"reason": "Gore."}, content_type="application/json").json()
    assert (excluded["availability"], excluded["exclusion_reason"]) == ("excluded", "Gore.")
    refused = lead_script.post(f"{path}/give-out")
    assert (refused.status_code, list(refused.json())) == (400, ["reason"])
    back = lead_script.post(f"{path}/give-out", {"reason": "No gore."}, content_type="application/json").json()
    assert (back["availability"], back["exclusion_reason"]) == ("available", "")
    assert lead_script.get(path).json() == back


@pytest.mark.parametrize(
    ("act", "values", "bad"),
    [
        ("exclude", {"reason": "Gore."}, {"reason": ""}),
        ("give-out", {"reason": "No gore."}, {"reason": "x" * 1001}),
        ("mark", {"mark": "gold", "scores": {"visual": 4}}, {"mark": "gold", "scores": {}}),
        ("mark", {"priority": 3}, {"priority": 1001}),
        ("more-ratings", {"ratings": 4}, {"ratings": 0}),
    ],
)
def test_a_script_acts_on_many_clips_at_once(
    lead_script: Client, campaign: Campaign, act: str, values: dict[str, Any], bad: dict[str, Any]
) -> None:
    url = f"/api/campaigns/{campaign.name}/items/{act}"
    keys = list(Item.objects.filter(campaign=campaign).order_by("pk").values_list("pk", flat=True))
    if act == "give-out":
        Item.objects.update(availability="excluded", exclusion_reason="Gore.")
    done = post_json(lead_script, url, {"items": [*keys, 10**9], **values})
    left = [{"item": 10**9, "reason": "There is no such clip in this campaign."}]
    assert done.json() == {"changed": keys, "left": left}
    assert post_json(lead_script, url, {"items": keys, **bad}).status_code == 400
    for wrong in ([], ["x"], [0], None):
        assert post_json(lead_script, url, {"items": wrong, **values}).status_code == 400
    assert post_json(make_script(make_user()), url, {"items": keys, **values}).status_code == 403
