"""The lead's page of one clip."""

import pytest
from django.test import Client

from annotation.models import Item
from tests.annotation.factories import make_campaign, make_user, rate_all

pytestmark = pytest.mark.django_db


def test_a_clip_is_marked_on_its_page(as_lead: Client) -> None:
    campaign = make_campaign(1)
    item = Item.objects.get()
    path = f"/campaigns/{campaign.name}/items/{item.pk}"
    assert "Nobody has rated this clip yet" in as_lead.get(path).content.decode()
    form = {
        "mark": "qualification",
        "visual": "2",
        "dynamic": "",
        "alignment": "4.5",
        "feedback": "So.",
        "priority": "3",
    }
    assert as_lead.post(path, form)["Location"] == path
    item.refresh_from_db()
    assert (item.gold, item.is_qualification, item.feedback, item.priority) == (
        {"visual": 2.0, "alignment": 4.5},
        True,
        "So.",
        3,
    )
    assert not item.slots.exists()
    assert 'value="4.5"' in as_lead.get(path).content.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [({"visual": "9"}, "visual"), ({"visual": ""}, None), ({"priority": "5000"}, "priority"), ({"mark": ""}, "mark")],
)
def test_invalid_marks_have_an_error_at_their_field(as_lead: Client, change: dict[str, str], field: str | None) -> None:
    campaign = make_campaign(1)
    item = Item.objects.get()
    form = {"mark": "gold", "visual": "2", "feedback": "", "priority": "0"} | change
    page = as_lead.post(f"/campaigns/{campaign.name}/items/{item.pk}", form).content.decode()
    assert (f'id="id_{field}_error"' if field else "known score of at least one axis") in page
    item.refresh_from_db()
    assert (item.gold, item.priority) == (None, 0)


def test_the_page_of_a_clip_shows_its_ratings(as_lead: Client) -> None:
    campaign = make_campaign(1)
    rater = make_user("rita")
    rate_all(rater, campaign, 4)
    page = as_lead.get(f"/campaigns/{campaign.name}/items/{Item.objects.get().pk}").content.decode()
    assert "rita" in page
    assert "<strong>4</strong>" in page


def test_a_clip_of_another_campaign_is_not_here(as_lead: Client) -> None:
    make_campaign(1)
    other = make_campaign()
    assert as_lead.get(f"/campaigns/{other.name}/items/{Item.objects.get().pk}").status_code == 404
