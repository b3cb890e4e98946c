"""The rating desk over HTTP: a clip on it, and what its page posts."""

import uuid
from typing import Any

from django.test import Client

from annotation.models import Arm, Campaign, Draft, Item, Slot
from qsave.axes import AXES
from tests.annotation.factories import make_clip, make_item

SCRIPT = {"HX-Request": "true"}


def put_clip(campaign: Campaign, name: str = "one", *, arm: Arm = Arm.BLIND, seats: int = 1, **fields: Any) -> Item:
    return make_item(campaign, make_clip(name, content=b"a clip", **fields), arm=arm, slots=seats)


def post(client: Client, campaign: Campaign, path: str = "", data: dict[str, Any] | None = None, **extra: Any) -> Any:
    return client.post(f"/rate/{campaign.name}/{path}", data or {}, **extra)


def take(client: Client, campaign: Campaign) -> Slot:
    post(client, campaign, "start")
    return Slot.objects.get(campaign=campaign, state=Slot.State.LEASED)


def form_of(slot: Slot, /, **changes: Any) -> dict[str, Any]:
    """What the page posts for a good rating without a draft."""
    data: dict[str, Any] = {"lease": slot.lease, "item": slot.item_id or 1, "key": uuid.uuid4(), "seconds": "12.5"}
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
