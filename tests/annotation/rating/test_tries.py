"""A lead's try shows the desk as raters see it and stores no row."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from annotation.campaigns.marking import mark_item
from annotation.models import Campaign, Clip, Item
from annotation.rating import queue
from annotation.rating.tries import list_try_order, make_try_slot
from qsave.axes import AXES
from tests.annotation.factories import make_campaign, make_lead, make_user, rate_all, store_draft

pytestmark = pytest.mark.django_db


def read_all_rows() -> dict[str, list[Any]]:
    """Read every row of every table of the annotation app."""
    tables = apps.get_app_config("annotation").get_models()
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in tables}


def make_form(at: int, **changes: str) -> dict[str, str]:
    fields = {
        key: value
        for axis in AXES
        for key, value in (
            (f"{axis}-score", "4"),
            (f"{axis}-none", "1"),
            (f"{axis}-reason", f"What clip {at} shows on {axis} is fine."),
        )
    }
    return fields | {"at": str(at)} | changes


def read_clip_id(page: Any) -> str:
    return str(page.context["desk"].item.clip.clip_id)


@pytest.mark.parametrize("state", ["draft", "open", "paused", "closed"])
def test_a_whole_try_stores_nothing_at_all(as_lead: Client, state: str) -> None:
    campaign = make_campaign(3, overlap=2)
    rate_all(make_user(), campaign)
    queue.claim(rater=make_user(), campaign=campaign)
    Campaign.objects.update(state=state)
    path, before = f"/rate/{campaign.name}/try", read_all_rows()

    page = as_lead.get(path)
    seen = []
    for at in (1, 2, 3):
        assert "Try: nothing is saved" in page.content.decode()
        seen.append(read_clip_id(page))
        as_lead.post(path, {"at": str(at)})
        page = as_lead.post(path, make_form(at))
        assert page.status_code == 200

    assert "That was the last clip" in page.content.decode()
    assert sorted(seen) == sorted(Clip.objects.values_list("clip_id", flat=True))
    assert read_all_rows() == before


def test_a_script_gets_the_next_desk_or_the_problems_in_the_words_of_the_real_one(as_lead: Client) -> None:
    campaign = make_campaign(2)
    as_script = {"HTTP_HX_REQUEST": "true"}
    path = f"/rate/{campaign.name}/try"

    refused = as_lead.post(path, make_form(1, **{"visual-reason": "short", "dynamic-score": ""}), **as_script)  # type: ignore[arg-type]
    assert refused.status_code == 422
    problems = json.loads(refused.content)["problems"]["axes"]
    assert problems["dynamic"] == ["Give a score from 1 (bad) to 5 (excellent)."]

    short = as_lead.post(path, make_form(1, **{"visual-reason": "short"}), **as_script)  # type: ignore[arg-type]
    assert json.loads(short.content)["problems"]["axes"] == {
        "visual": ["Write a reason of at least 20 characters. It has 5 so far."]
    }

    partial = as_lead.post(path, make_form(1), **as_script).content.decode()  # type: ignore[arg-type]
    assert "<html" not in partial
    assert "data-try" in partial
    assert "data-save-url" not in partial
    assert "data-renew-url" not in partial


def test_the_reasons_of_the_last_clip_are_refused_again(as_lead: Client) -> None:
    campaign = make_campaign(2)
    path, same = f"/rate/{campaign.name}/try", "The very same words as before."
    following = as_lead.post(path, make_form(1, **{"visual-reason": same})).content.decode()
    assert f'name="last-visual" value="{same}"' in following
    again = as_lead.post(path, make_form(2, **{"visual-reason": same, "last-visual": same}))
    assert again.status_code == 422
    assert "These are the words of your last rating" in again.content.decode()
    assert same in again.content.decode()


def test_a_try_requires_as_much_watching_as_the_campaign(as_lead: Client) -> None:
    campaign = make_campaign(1, requires_watched=True)
    path = f"/rate/{campaign.name}/try"
    assert "Watch the clip to its end once" in as_lead.post(path, make_form(1)).content.decode()
    watched = make_form(1, viewing=json.dumps({"watched_to_end": True}))
    assert "That was the last clip" in as_lead.post(path, watched).content.decode()


def test_a_draft_is_shown_in_the_assisted_arm_and_must_be_confirmed_or_edited(as_lead: Client) -> None:
    campaign = make_campaign(1, assisted_share=1.0)
    item = Item.objects.get()
    draft = store_draft(item.pk)
    path = f"/rate/{campaign.name}/try"
    assert "starter@1" in as_lead.get(path).content.decode()
    drafted = {f"{axis}-drafted": "1" for axis in AXES}
    reasons = {f"{axis}-reason": draft.proposal[axis.value]["reason"] for axis in AXES}
    marks = {f"{axis}-evidence": json.dumps(draft.proposal[axis.value]["evidence"]) for axis in AXES}
    untouched = make_form(1, draft=str(draft.pk)) | drafted | reasons | marks | {"visual-defect": "blur"}
    del untouched["visual-none"]
    assert "The draft is unconfirmed" in as_lead.post(path, untouched).content.decode()
    confirmed = untouched | {f"{axis}-confirm": "1" for axis in AXES}
    assert "That was the last clip" in as_lead.post(path, confirmed).content.decode()


def test_the_order_is_seeded_and_holds_the_qualification_too(as_lead: Client) -> None:
    campaign = make_campaign(12, seed=4)
    before = list_try_order(campaign)
    assert before != sorted(before)
    mark_item(actor=make_lead(), item=Item.objects.all()[0], mark="qualification", scores={"visual": 3})
    assert list_try_order(campaign) == before
    arms = {pk: make_try_slot(campaign, pk).arm for pk in before}
    assert arms.items() >= dict(campaign.slots.filter(number=1).values_list("item", "arm")).items()


def test_positions_beyond_the_clips_and_invalid_ones_are_answered(as_lead: Client) -> None:
    campaign, empty = make_campaign(1), make_campaign(state="draft")
    for at in ("0", "-3", "x", "", "9" * 40):
        assert as_lead.get(f"/rate/{campaign.name}/try", {"at": at}).context["trying"]["at"] == 1
    assert "That was the last clip" in as_lead.get(f"/rate/{campaign.name}/try?at=2").content.decode()
    assert as_lead.post(f"/rate/{campaign.name}/try", make_form(7)).status_code == 200
    assert "There are no clips to try yet" in as_lead.get(f"/rate/{empty.name}/try").content.decode()


def test_a_try_is_for_leads(client: Client) -> None:
    campaign = make_campaign(1)
    client.force_login(make_user())
    assert client.get(f"/rate/{campaign.name}/try").status_code == 403
    assert client.post(f"/rate/{campaign.name}/try", make_form(1)).status_code == 403
