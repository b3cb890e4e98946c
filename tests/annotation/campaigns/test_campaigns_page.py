"""The list of campaigns and the form that creates one."""

import pytest
from django.test import Client

from accounts.models import User
from annotation.models import Campaign
from tests.annotation.campaigns.test_settings_page import SETTINGS
from tests.annotation.factories import make_campaign, make_user

FORM = SETTINGS | {
    "name": "spring",
    "overlap": "4",
    "assisted_share": "0.25",
    "seed": "7",
    "guidelines": "# Look twice",
}


def test_only_leads_and_above_open_the_pages(client: Client, db: None) -> None:
    campaign = make_campaign()
    client.force_login(make_user())
    for path in ("/campaigns", "/new-campaign", f"/campaigns/{campaign.name}", f"/campaigns/{campaign.name}/agreement"):
        assert client.get(path).status_code == 403, path
    assert client.post(f"/campaigns/{campaign.name}/state", {"state": "closed"}).status_code == 403


def test_the_form_makes_a_campaign_with_its_guidelines(as_lead: Client, lead: User) -> None:
    answer = as_lead.post("/new-campaign", FORM)
    assert answer["Location"] == "/campaigns/spring"
    campaign = Campaign.objects.get(name="spring")
    assert (campaign.overlap, campaign.assisted_share, campaign.seed) == (4, 0.25, 7)
    assert campaign.created_by == lead
    assert '<h3 dir="auto">Look twice</h3>' in as_lead.get("/campaigns/spring").content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [("overlap", "0"), ("assisted_share", "1.5"), ("name", "two words"), ("title", ""), ("seed", "-1")],
)
def test_a_bad_value_is_named_at_its_field_and_makes_nothing(as_lead: Client, field: str, value: str) -> None:
    page = as_lead.post("/new-campaign", FORM | {field: value}).content.decode()
    assert f'id="id_{field}_error"' in page
    assert not Campaign.objects.exists()


def test_a_taken_name_is_refused(as_lead: Client) -> None:
    as_lead.post("/new-campaign", FORM)
    assert "has the short name spring already" in as_lead.post("/new-campaign", FORM).content.decode()


def test_the_list_leads_from_a_campaign_without_clips_to_their_import(as_lead: Client) -> None:
    campaign = make_campaign(title="Spring")
    page = as_lead.get("/campaigns").content.decode()
    assert "Import clips" in page
    assert f"/campaigns/{campaign.name}/agreement" not in page


def test_the_list_shows_progress_and_what_people_wrote_as_text(as_lead: Client) -> None:
    make_campaign(2, title="<b>Bold</b>", overlap=3)
    page = as_lead.get("/campaigns").content.decode()
    assert "&lt;b&gt;Bold" in page
    assert "<b>Bold" not in page
    assert "<strong>0</strong> of 6 ratings" in page
