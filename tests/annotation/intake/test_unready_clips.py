"""A clip whose files are being made is in the campaign, and nobody is given it."""

from collections.abc import Callable

import pytest
from django.test import Client

from annotation.campaigns.duplicate import CopiedParts, duplicate_campaign
from annotation.campaigns.guidelines import Example, read_available_examples, set_guidelines
from annotation.campaigns.reports import give_out_items
from annotation.campaigns.summaries import refresh_summaries
from annotation.intake.row_preparing import give_out_items as give_out_ready_items
from annotation.models import Campaign, Clip, Item
from annotation.rating import queue
from annotation.rating.drafts import list_items_without_draft
from annotation.rating.tries import list_try_order
from tests.annotation.factories import make_campaign, make_lead
from tests.annotation.summaries import check_summaries

pytestmark = pytest.mark.django_db

PLACES: dict[str, Callable[[Campaign], object]] = {
    "the queue": lambda campaign: queue.list_open_slots(campaign).exists(),
    "drafting": lambda campaign: list_items_without_draft(campaign=campaign, critic="toy@1", limit=9),
    "examples": lambda campaign: read_available_examples(campaign.guidelines.get()),
    "tries": list_try_order,
}


@pytest.fixture
def unready() -> Item:
    """The only item of a campaign; its clip has no files but the original."""
    campaign = make_campaign(1, assisted_share=1.0)
    item = Item.objects.select_related("campaign", "clip").get()
    example = [Example("visual", 3, item.clip, "Like this.")]
    set_guidelines(actor=campaign.created_by, campaign=campaign, text="Look.", examples=example)
    Clip.objects.update(is_ready=False, poster="", rendition="")
    Item.objects.update(availability=Item.Availability.PREPARING)
    refresh_summaries([item.pk])
    return item


@pytest.mark.parametrize("place", PLACES)
def test_an_unready_clip_is_given_to_nobody_until_it_is_ready(unready: Item, place: str) -> None:
    has_clip = PLACES[place]
    assert not has_clip(unready.campaign)

    Clip.objects.update(is_ready=True)
    give_out_ready_items([unready.clip_id])

    assert has_clip(unready.campaign)
    check_summaries(unready.campaign)


def test_a_lead_cannot_give_out_an_unready_clip(unready: Item) -> None:
    give_out_items(actor=make_lead(), items=[unready], reason="Now.")

    assert Item.objects.get().availability == Item.Availability.PREPARING


def test_a_copy_of_an_unready_clip_is_given_out_with_it(unready: Item) -> None:
    copy = duplicate_campaign(
        actor=make_lead(), campaign=unready.campaign, name="copy", title="Copy", parts=CopiedParts(clips=True)
    )
    assert copy.items.get().availability == Item.Availability.PREPARING

    Clip.objects.update(is_ready=True)
    give_out_ready_items([unready.clip_id])

    assert set(Item.objects.values_list("availability", flat=True)) == {Item.Availability.AVAILABLE}


def test_pages_say_that_a_clip_is_being_prepared(unready: Item, client: Client) -> None:
    client.force_login(make_lead())
    name = unready.campaign.name

    assert "being prepared" in client.get(f"/campaigns/{name}/items").content.decode()
    page = client.get(f"/campaigns/{name}/items/{unready.pk}").content.decode()
    assert ("This clip is being prepared." in page, "<video" in page) == (True, False)
    assert client.get(f"/media/poster/{unready.clip_id}").status_code == 404
    item = client.get(f"/api/campaigns/{name}/items").json()["results"][0]
    assert item["availability"] == "preparing"
