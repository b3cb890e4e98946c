"""The API of the review queue: the same order, rules and refusals as the pages."""

from typing import Any

import pytest
from django.test import Client

from annotation.models import Campaign, Item, Slot
from qsave.axes import AXES
from qsave.report_card import card_to_json
from tests.annotation import factories
from tests.annotation.api.scripts import post_json

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(db: None) -> Item:
    campaign = factories.make_campaign(2, name="spring", overlap=3)
    calm, wide = campaign.items.order_by("pk")
    for score in (1, 5, 5):
        scores = {calm.clip.clip_id: 4, wide.clip.clip_id: score}
        given: dict[str, Any] = {name: dict.fromkeys(AXES, value) for name, value in scores.items()}
        factories.rate_all(factories.make_user(), campaign, given)
    return wide


def read(script: Client, item: Item) -> Any:
    return script.get(f"/api/campaigns/spring/review/{item.pk}").json()


def act(script: Client, item: Item, name: str, **values: Any) -> Any:
    return post_json(script, f"/api/campaigns/spring/review/{item.pk}/{name}", values)


def test_the_queue_lists_disputes(lead_script: Client, item: Item) -> None:
    (row,) = lead_script.get("/api/campaigns/spring/review").json()["results"]
    assert (row["item"], row["ratings"], row["is_reviewed"]) == (item.pk, 3, False)
    assert row["axes"]["visual"] == {"gap": 4, "has_consensus": True, "contested_defects": 0}
    assert lead_script.get("/api/campaigns/spring/review?reviewed=reviewed").json()["results"] == []
    assert "split" in lead_script.get("/api/campaigns/spring/review?split=mars").json()


@pytest.mark.parametrize(
    "piece",
    [
        {"defect": "blur", "time": [0, 99], "box": None},
        {"defect": "blur", "time": [2, 1], "box": None},
        {"defect": "blur", "time": None, "box": [0.9, 0, 0.2, 1]},
        {"defect": "blur", "time": None, "box": [-0.1, 0, 0.2, 1]},
        {"defect": "jitter", "time": None, "box": None},
    ],
)
def test_evidence_that_the_clip_cannot_have_is_refused(lead_script: Client, item: Item, piece: Any) -> None:
    card = card_to_json(factories.make_card())
    card["visual"]["evidence"] = [piece]
    answer = act(lead_script, item, "own-card", seen=read(lead_script, item)["version"], card=card, reason="I saw it.")
    assert answer.status_code == 400
    assert "visual" in answer.content.decode()
    assert read(lead_script, item)["review"] is None


def test_a_review_and_its_undo(lead_script: Client, item: Item) -> None:
    clip = read(lead_script, item)
    assert [card["card"]["visual"]["score"] for card in clip["cards"]] == [1, 5, 5]
    assert (clip["consensus"]["visual"]["score"], clip["review"], clip["review_changes_target"]) == (5, None, True)

    first = act(lead_script, item, "card", seen=clip["version"], rating=clip["cards"][0]["rating"])
    again = act(lead_script, item, "card", seen=clip["version"], rating=clip["cards"][0]["rating"])
    late = act(lead_script, item, "consensus", seen=clip["version"])

    assert (first.status_code, again.json()) == (200, first.json())
    assert (late.status_code, "took the card of" in late.json()["detail"]) == (409, True)
    assert read(lead_script, item)["review"]["card"]["visual"]["score"] == 1
    assert read(lead_script, item)["version"] == first.json()["version"]
    undone = post_json(lead_script, "/api/campaigns/spring/review/undo", {"entry": first.json()["entry"]})
    assert (undone.status_code, read(lead_script, item)["review"]) == (200, None)


def test_each_act(lead_script: Client, item: Item) -> None:
    card = card_to_json(factories.make_card(2))
    acts: dict[str, dict[str, Any]] = {
        "consensus": {},
        "own-card": {"card": card, "reason": "The hand."},
        "gold": {"scores": {"visual": 2}, "reason": "The hand."},
        "more-ratings": {"ratings": 5, "reason": "It is close."},
        "exclude": {"reason": "A real person."},
    }
    for name, values in acts.items():
        answer = act(lead_script, item, name, seen=read(lead_script, item)["version"], **values)
        assert (name, answer.status_code) == (name, 200)
    item.refresh_from_db()
    assert (item.gold, item.availability, Slot.objects.filter(item=item).count()) == ({"visual": 2.0}, "excluded", 5)


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("own-card", {"card": {"visual": 3}, "reason": "The hand."}, "card"),
        ("own-card", {"card": card_to_json(factories.make_card(2))}, "reason"),
        ("card", {"rating": 10**9}, "rating"),
        ("gold", {"scores": {"visual": 9}, "reason": "The hand."}, "visual"),
        ("exclude", {}, "reason"),
        ("consensus", {"seen": None}, "seen"),
    ],
)
def test_a_refusal_names_its_field(lead_script: Client, item: Item, name: str, values: Any, field: str) -> None:
    answer = act(lead_script, item, name, **{"seen": read(lead_script, item)["version"]} | values)
    assert (answer.status_code, field in answer.json()) == (400, True)


def test_clips_of_test_say_that_a_review_changes_no_target(lead_script: Client, item: Item) -> None:
    held_out = factories.make_item(Campaign.objects.get(name="spring"), factories.make_clip(split="test"))
    assert read(lead_script, held_out)["review_changes_target"] is False
