"""Clips are corrected, replaced, withdrawn and restored by scripts."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.models import Campaign, Item
from annotation.shared import clip_holders
from operations import jobs
from operations.models import Job
from tests.annotation.api.scripts import make_script, post_json
from tests.annotation.factories import claim, make_user, make_video

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(campaign: Campaign) -> Item:
    return Item.objects.select_related("clip").earliest("pk")


def locate(item: Item, act: str = "") -> str:
    return f"/api/campaigns/{item.campaign.name}/items/{item.pk}" + (f"/{act}" if act else "")


def test_values_are_corrected_together(lead_script: Client, item: Item) -> None:
    values = {"generator": "toy-2", "seed": 7, "metadata": {"steps": 30}, "prompt": "A kite", "reason": "Mixed up."}
    response = post_json(lead_script, locate(item, "correct"), values)
    assert (response.status_code, response.json()["prompt"], response.json()["id"]) == (200, "A kite", item.pk)
    item.clip.refresh_from_db()
    assert (item.clip.generator, item.clip.seed, item.clip.metadata) == ("toy-2", "7", {"steps": 30})


def test_another_prompt_of_a_clip_that_was_given_out_answers_with_its_successor(
    lead_script: Client, campaign: Campaign
) -> None:
    item = claim(make_user(), campaign).item
    name = item.clip.clip_id
    response = post_json(lead_script, locate(item, "correct"), {"prompt": "A kite", "reason": "It is one."}).json()
    assert (response["clip_id"], response["prompt"]) == (f"{name}-2", "A kite")
    before = lead_script.get(locate(item)).json()
    assert (before["availability"], before["successor"]) == ("withdrawn", f"{name}-2")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"generator": "toy-2"}, "reason"),
        ({"seed": "many", "reason": "Why."}, "seed"),
        ({"metadata": [1], "reason": "Why."}, "metadata"),
        ({"prompt": " ", "reason": "Why."}, "prompt"),
        ({"colour": "red", "reason": "Why."}, "colour"),
    ],
)
def test_a_wrong_value_is_named(lead_script: Client, item: Item, values: dict[str, Any], field: str) -> None:
    response = post_json(lead_script, locate(item, "correct"), values)
    assert (response.status_code, list(response.json())) == (400, [field])


def test_a_file_is_replaced_by_a_job(lead_script: Client, item: Item) -> None:
    video = SimpleUploadedFile("new.mp4", make_video(150))
    response = lead_script.post(locate(item, "file"), {"video": video, "reason": "The wrong take."})
    assert (response.status_code, response.json()["kind"]) == (202, "replace_file")
    jobs.run(Job.objects.get(kind="replace_file").pk)
    assert lead_script.get(locate(item)).json()["version"] == 2


def test_a_clip_is_withdrawn_with_the_names_of_what_holds_it_and_restored(
    lead_script: Client, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_holders, "_listers", [lambda _clip: [clip_holders.Holder("spring #1", "/releases/1")]])
    assert post_json(lead_script, locate(item, "withdraw"), {}).status_code == 400
    response = post_json(lead_script, locate(item, "withdraw"), {"reason": "Rights."}).json()
    assert (response["item"]["withdrawal_reason"], response["releases"]) == ("Rights.", ["spring #1"])
    listed = f"/api/campaigns/{item.campaign.name}/items"
    assert item.pk not in [row["id"] for row in lead_script.get(listed).json()["results"]]
    withdrawn = lead_script.get(listed, {"availability": "withdrawn"}).json()["results"]
    assert [row["id"] for row in withdrawn] == [item.pk]
    assert lead_script.get(listed, {"availability": "gone"}).status_code == 400
    restored = post_json(lead_script, locate(item, "restore"), {"reason": "Cleared."}).json()
    assert restored["availability"] == "available"


@pytest.mark.parametrize("act", ["correct", "file", "withdraw", "restore"])
def test_raters_correct_nothing(item: Item, act: str) -> None:
    assert post_json(make_script(make_user()), locate(item, act), {"reason": "Why."}).status_code == 403
