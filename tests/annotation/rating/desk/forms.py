"""The rating desk over HTTP: clips to rate, requests, and the forms that its page posts."""

import uuid
from typing import Any

from django.test import Client

from annotation.models import Arm, Campaign, Draft, Item, Slot
from qsave.axes import AXES
from tests.annotation.factories import make_clip, make_item

SCRIPT = {"HX-Request": "true"}


def add_clip(campaign: Campaign, name: str = "one", *, arm: Arm = Arm.BLIND, slots: int = 1, **fields: Any) -> Item:
    """Add a clip to the campaign's end, with all its rating slots in one arm."""
    return make_item(campaign, make_clip(name, **fields), arm=arm, slots=slots)


def post(client: Client, campaign: Campaign, path: str = "", data: dict[str, Any] | None = None, **extra: Any) -> Any:
    return client.post(f"/rate/{campaign.name}/{path}", data or {}, **extra)


def start(client: Client, campaign: Campaign) -> Slot:
    """Start rating, and return the slot that is leased."""
    post(client, campaign, "start")
    return Slot.objects.get(campaign=campaign, state=Slot.State.LEASED)


def make_form(slot: Slot, /, **changes: Any) -> dict[str, Any]:
    """Make the form of a good rating without a draft."""
    data: dict[str, Any] = {"lease": slot.lease, "item": slot.item_id or 1, "key": uuid.uuid4(), "seconds": "12.5"}
    for axis in AXES:
        data |= {
            f"{axis}-score": "4",
            f"{axis}-none": "1",
            f"{axis}-evidence": "[]",
            f"{axis}-reason": f"Nothing to complain of here on {axis}.",
        }
    return data | changes


def make_drafted_form(slot: Slot, draft: Draft, **changes: Any) -> dict[str, Any]:
    """Make the form of a rating whose fields hold the draft unchanged."""
    data = make_form(slot, draft=draft.pk)
    for axis in AXES:
        data |= {f"{axis}-reason": draft.proposal[axis.value]["reason"], f"{axis}-drafted": "1"}
    del data["visual-none"]
    data["visual-defect"] = "blur"
    data["visual-evidence"] = '[{"defect": "blur", "time": [0.5, 1], "box": null}]'
    return data | changes
