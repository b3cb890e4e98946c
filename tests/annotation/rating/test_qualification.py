"""The desk while a rater qualifies: feedback after each clip, and the page for raters who fail."""

import uuid

import pytest
from django.test import Client

from annotation.campaigns.reports import exclude
from annotation.models import Campaign, Item, Qualification, Slot
from annotation.rating import queue
from annotation.rating.qualification import list_qualification_left, make_feedback
from qsave.axes import AXES
from tests.annotation import factories

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def one_clip_qualification() -> Campaign:
    campaign = factories.make_campaign(2, qualification_mark=0.9)
    item = Item.objects.earliest("pk")
    Slot.objects.filter(item=item).delete()
    Item.objects.filter(pk=item.pk).update(
        gold=dict.fromkeys(AXES, 2), is_qualification=True, feedback="Look at the <hands>."
    )
    return campaign


def rate(client: Client, campaign: Campaign, score: int, **headers: str) -> str:
    client.post(f"/rate/{campaign.name}/start", headers=HTMX)
    slot = Slot.objects.get(state="leased")
    data: dict[str, object] = {"lease": slot.lease, "item": slot.item_id, "key": uuid.uuid4()}
    for axis in AXES:
        data |= {f"{axis}-score": score, f"{axis}-none": "1", f"{axis}-reason": f"What I saw on {axis}, in words."}
    return client.post(f"/rate/{campaign.name}/", data, headers=headers).content.decode()


def test_a_pass_shows_the_known_scores_and_leads_to_a_rating_slot(
    client: Client, one_clip_qualification: Campaign
) -> None:
    client.force_login(factories.make_user())
    page = rate(client, one_clip_qualification, 3, **HTMX)
    assert "you gave 3 (fair); the known score is 2 (poor)" in page
    assert "Look at the &lt;hands&gt;." in page
    assert "You have finished the qualification clips." in page
    assert Slot.objects.get(state="leased").kind == "seat"
    assert "the known score is" not in rate(client, one_clip_qualification, 3, **HTMX)


def test_a_rater_who_fails_reads_by_how_much_and_that_the_lead_may_help(
    client: Client, one_clip_qualification: Campaign
) -> None:
    client.force_login(factories.make_user())
    page = rate(client, one_clip_qualification, 5, **HTMX)
    assert "too far" in page
    assert "You did not pass the qualification" in page
    assert "0%" in page
    assert "90%" in page
    assert not Slot.objects.filter(state="leased").exists()


def test_a_rater_who_failed_stays_out_when_the_clip_is_excluded(
    client: Client, one_clip_qualification: Campaign
) -> None:
    rater, lead = factories.make_user(), factories.make_lead()
    client.force_login(rater)
    rate(client, one_clip_qualification, 5)
    exclude(actor=lead, item=Item.objects.get(is_qualification=True), reason="It is black.")
    assert queue.claim(rater=rater, campaign=one_clip_qualification) is None
    assert queue.claim(rater=factories.make_user(), campaign=one_clip_qualification) is not None
    Qualification.objects.update(let_in_by=lead)
    assert queue.claim(rater=rater, campaign=one_clip_qualification) is not None


def test_without_scripts_the_feedback_is_on_the_next_page(client: Client, one_clip_qualification: Campaign) -> None:
    client.force_login(factories.make_user())
    page = rate(client, one_clip_qualification, 3)
    assert "<html" in page
    assert "you gave 3 (fair)" in page
    assert "data-desk" in page


def test_the_page_counts_as_left_what_the_queue_can_still_give() -> None:
    campaign, rater = factories.make_campaign(5, qualification_mark=0.5), factories.make_user()
    items = list(Item.objects.order_by("pk"))
    Item.objects.update(gold=dict.fromkeys(AXES, 3), is_qualification=True)
    Item.objects.filter(pk=items[4].pk).update(availability="excluded", exclusion_reason="It is black.")
    factories.skip(rater, factories.claim(rater, campaign))
    feedback = make_feedback(factories.submit(rater, factories.claim(rater, campaign)))
    assert feedback is not None
    assert feedback.left == 2 == list_qualification_left(rater, campaign).count()
    factories.claim(rater, campaign)
    assert list(list_qualification_left(rater, campaign)) == [items[3]]
