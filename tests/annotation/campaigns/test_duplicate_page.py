"""The page that duplicates a campaign."""

from django.test import Client

from annotation.models import Campaign
from tests.annotation.factories import make_campaign


def test_a_campaign_is_duplicated_on_its_page(as_lead: Client) -> None:
    campaign = make_campaign(2, title="Spring")
    path = f"/campaigns/{campaign.name}/duplicate"
    assert as_lead.get(path).status_code == 200
    answer = as_lead.post(path, {"title": "Autumn", "name": "autumn", "clips": "on"})
    assert answer["Location"] == "/campaigns/autumn"
    assert Campaign.objects.get(name="autumn").items.count() == 2
    again = as_lead.post(path, {"title": "Autumn", "name": "autumn"}).content.decode()
    assert 'id="id_name_error"' in again
    odd = as_lead.post(path, {"title": "Winter", "name": "winter", "golds": "on"}).content.decode()
    assert 'id="id_clips_error"' in odd
