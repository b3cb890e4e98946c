"""Migrations that change rows of earlier versions."""

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from annotation.models import (
    Draft,
    Item,
    JudgementImport,
    Offer,
    Rating,
    SavedWork,
    Skip,
    Slot,
)
from tests.annotation import factories

pytestmark = pytest.mark.django_db
OFFERED = timezone.now()
EARLIER, BETWEEN, LATER = (OFFERED + timedelta(minutes=minutes) for minutes in (-10, -5, 5))


def run_step(module: str, step: str) -> None:
    getattr(import_module(f"annotation.migrations.{module}"), step)(apps, connection.schema_editor())


@pytest.mark.parametrize(
    ("kinds", "settled", "expected"),
    [
        (["broken"], False, "reported"),
        (["flagged"], False, "reported"),
        (["skipped"], False, "available"),
        (["broken"], True, "available"),
        (["skipped", "flagged", "broken"], False, "reported"),
        ([], False, "available"),
    ],
)
def test_0012_holds_back_what_was_reported_and_is_not_settled(kinds: list[str], settled: bool, expected: str) -> None:
    campaign, lead = factories.make_campaign(2), factories.make_lead()
    item, other = campaign.items.order_by("pk")
    for kind in kinds:
        ending = {"settled_at": OFFERED, "settled_by": lead} if settled else {}
        Skip.objects.create(item=item, rater=factories.make_user(), kind=kind, **ending)

    run_step("0012_item_availability", "hold_back_reported")

    assert dict(Item.objects.values_list("pk", "availability")) == {item.pk: expected, other.pk: "available"}


def make_offer(*, state: str, arm: str = "assisted") -> Offer:
    """Make an offer of the time before offers recorded a draft, with the slot that the rater holds or has rated."""
    campaign, rater = factories.make_campaign(1, overlap=1), factories.make_user()
    slot = campaign.slots.get()
    lease: dict[str, Any] = {"lease": "0" * 32, "lease_expires_at": LATER} if state == "leased" else {}
    held_by = None if state == "free" else rater
    Slot.objects.filter(pk=slot.pk).update(state=state, arm=arm, rater=held_by, **lease)
    return Offer.objects.create(campaign=campaign, item=slot.item, rater=rater, arm=arm, number=1, offered_at=OFFERED)


def make_draft(offer: Offer, at: datetime) -> Draft:
    count = Draft.objects.filter(item=offer.item).count()
    draft = Draft.objects.create(item=offer.item, critic=f"critic@{count}", proposal={}, text="")
    Draft.objects.filter(pk=draft.pk).update(created_at=at)
    return draft


def read_offered_draft(offer: Offer) -> tuple[int | None, str]:
    run_step("0013_offered_drafts", "fill_offers")
    offer.refresh_from_db()
    return offer.draft_id, offer.exposure


@pytest.mark.parametrize("exposure", ["from_start", "late"])
def test_0013_a_rated_offer_has_the_draft_of_its_rating(exposure: str) -> None:
    offer = make_offer(state="done")
    shown = make_draft(offer, EARLIER)
    make_draft(offer, BETWEEN)
    rate(offer, draft=shown, exposure=exposure)
    assert read_offered_draft(offer) == (shown.pk, exposure)


def test_0013_a_rating_without_a_draft_has_an_offer_without_one() -> None:
    offer = make_offer(state="done")
    make_draft(offer, EARLIER)
    rate(offer, draft=None, exposure="none")
    assert read_offered_draft(offer) == (None, "none")


def test_0013_a_draft_of_another_rater_is_not_taken() -> None:
    offer = make_offer(state="done")
    draft = make_draft(offer, EARLIER)
    rate(offer, draft=None, exposure="none")
    other = Offer.objects.create(
        campaign=offer.campaign,
        item=offer.item,
        rater=factories.make_user(),
        arm="assisted",
        number=1,
        offered_at=OFFERED,
    )
    slot = Slot.objects.create(
        item=offer.item, campaign=offer.campaign, number=2, arm="assisted", state="done", rater=other.rater
    )
    Rating.objects.create(
        slot=slot,
        item=offer.item,
        rater=other.rater,
        arm="assisted",
        exposure="late",
        draft=draft,
        critic_active=True,
    )
    assert read_offered_draft(offer) == (None, "none")
    other.refresh_from_db()
    assert (other.draft_id, other.exposure) == (draft.pk, "late")


def rate(offer: Offer, *, draft: Draft | None, exposure: str) -> Rating:
    return Rating.objects.create(
        slot=Slot.objects.get(item=offer.item),
        item=offer.item,
        rater=offer.rater,
        arm=offer.arm,
        exposure=exposure,
        draft=draft,
        critic_active=draft is not None,
    )


@pytest.mark.parametrize(
    ("times", "used", "expected"),
    [
        # without work: the newest draft that was there when the item was given out
        ([EARLIER], "no work", (0, "from_start")),
        ([EARLIER, BETWEEN], "no work", (1, "from_start")),
        ([BETWEEN, EARLIER], "no work", (0, "from_start")),
        ([EARLIER, LATER], "no work", (0, "from_start")),
        ([LATER], "no work", (None, "none")),
        ([], "no work", (None, "none")),
        # with work: the draft that it names, and none where it names none
        ([EARLIER, BETWEEN], 0, (0, "from_start")),
        ([EARLIER, LATER], 1, (1, "late")),
        ([EARLIER], None, (None, "none")),
        ([EARLIER], "gone", (None, "none")),
        ([EARLIER], "odd", (None, "none")),
    ],
)
def test_0013_a_held_item_has_the_draft_that_its_page_shows(
    times: list[datetime], used: int | str | None, expected: tuple[int | None, str]
) -> None:
    offer = make_offer(state="leased")
    drafts = [make_draft(offer, at).pk for at in times]
    if used != "no work":
        named: Any = {"gone": max(drafts) + 1, "odd": "7"}.get(str(used))
        if isinstance(used, int):
            named = drafts[used]
        SavedWork.objects.create(item=offer.item, rater=offer.rater, answers={"draft": named})
    number, exposure = expected
    assert read_offered_draft(offer) == (None if number is None else drafts[number], exposure)


def test_0013_work_that_is_no_mapping_names_no_draft() -> None:
    offer = make_offer(state="leased")
    make_draft(offer, EARLIER)
    SavedWork.objects.create(item=offer.item, rater=offer.rater, answers=[])
    assert read_offered_draft(offer) == (None, "none")


@pytest.mark.parametrize(("state", "arm"), [("leased", "blind"), ("done", "blind"), ("free", "assisted")])
def test_0013_blind_offers_and_items_that_were_let_go_have_no_draft(state: str, arm: str) -> None:
    offer = make_offer(state=state, arm=arm)
    make_draft(offer, EARLIER)
    assert read_offered_draft(offer) == (None, "none")


def test_0017_says_when_slots_were_done() -> None:
    campaign, rater = factories.make_campaign(2, overlap=1), factories.make_user()
    rating = factories.submit(rater, factories.claim(rater, campaign))
    stored = Slot.objects.get(pk=rating.slot_id).done_at
    Slot.objects.update(done_at=None)

    run_step("0017_slot_time_done", "fill")

    assert Slot.objects.get(pk=rating.slot_id).done_at == stored == rating.created_at
    assert Slot.objects.filter(done_at=None).count() == 1


def test_0034_copies_the_refused_rows_that_were_stored() -> None:
    campaign, problems = factories.make_campaign(), [[3, "No score."], [9, "No clip."]]
    row = JudgementImport.objects.create(
        campaign=campaign, name="r.csv", source="lab", state="done", problems=problems, created_by=campaign.created_by
    )

    run_step("0034_refused_judgements", "copy_problems")

    assert [list(one) for one in row.refusals.order_by("number").values_list("number", "reason")] == problems
