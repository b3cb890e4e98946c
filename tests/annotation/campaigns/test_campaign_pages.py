"""The lead's pages of campaigns."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Role, User
from annotation.models import Campaign
from tests.annotation.factories import make_campaign, make_user, rate_all

SETTINGS = {
    "title": "Spring",
    "overlap": "3",
    "disagreement_bound": "2",
    "lease_minutes": "20",
    "assisted_share": "0.5",
    "gold_share": "0",
    "repeat_share": "0",
    "min_viewport_width": "0",
    "min_viewport_height": "0",
    "open_to": "everyone",
    "order": "balanced",
    "seed": "0",
    "min_reason_length": "20",
}
FORM = SETTINGS | {
    "name": "spring",
    "overlap": "4",
    "assisted_share": "0.25",
    "seed": "7",
    "guidelines": "# Look twice",
}


def test_only_leads_and_above_get_there(client: Client, db: None) -> None:
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
    assert "already exists" in as_lead.post("/new-campaign", FORM).content.decode()


def test_its_state_changes_by_post_and_only_along_allowed_ways(as_lead: Client) -> None:
    campaign = make_campaign(state="open")
    path = f"/campaigns/{campaign.name}/state"
    assert as_lead.get(path).status_code == 405
    as_lead.post(path, {"state": "paused"})
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    refused = as_lead.post(path, {"state": "draft"}, follow=True).content.decode()
    assert "can become" in refused
    campaign.refresh_from_db()
    assert campaign.state == "paused"


def test_the_list_shows_progress_and_what_people_wrote_as_text(as_lead: Client) -> None:
    make_campaign(2, title="<b>Bold</b>", overlap=3)
    page = as_lead.get("/campaigns").content.decode()
    assert "&lt;b&gt;Bold" in page
    assert "<b>Bold" not in page
    assert "<strong>0</strong> of 6 ratings" in page


@pytest.mark.parametrize("clips", [10, 20])
def test_the_campaign_page_takes_as_many_queries_with_more_clips(
    as_lead: Client, clips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_campaign(clips)
    with django_assert_num_queries(17):
        as_lead.get(f"/campaigns/{campaign.name}")


def test_home_sends_raters_to_open_campaigns_and_leads_to_those_that_wait(client: Client, db: None) -> None:
    make_campaign(1, title="Ready to rate")
    make_campaign(title="Without clips", state="draft")
    client.force_login(make_user())
    page = client.get("/").content.decode()
    assert "Ready to rate" in page
    assert "Without clips" not in page
    client.force_login(make_user(role=Role.LEAD))
    assert "Without clips" in client.get("/").content.decode()


def test_settings_are_changed_on_their_page(as_lead: Client) -> None:
    campaign = make_campaign(2, title="Spring")
    path = f"/campaigns/{campaign.name}/settings"
    assert "Ratings and agreement" in as_lead.get(path).content.decode()
    answer = as_lead.post(path, SETTINGS | {"overlap": "4", "edit_hours": "48", "requires_watched": "on"})
    assert answer["Location"] == path
    campaign.refresh_from_db()
    assert (campaign.overlap, campaign.edit_hours, campaign.requires_watched) == (4, 48, True)
    assert campaign.slots.count() == 8


@pytest.mark.parametrize(
    ("field", "value"), [("overlap", "0"), ("overlap_cap", "2"), ("gold_share", "0.9"), ("order", "x"), ("seed", "-1")]
)
def test_a_bad_setting_is_named_at_its_field_and_changes_nothing(as_lead: Client, field: str, value: str) -> None:
    campaign = make_campaign(title="Spring", state="draft")
    page = as_lead.post(f"/campaigns/{campaign.name}/settings", SETTINGS | {"title": "New", field: value})
    assert f'id="id_{field}_error"' in page.content.decode()
    assert Campaign.objects.get().title == "Spring"


def test_the_seed_is_shown_and_not_asked_for_once_the_campaign_has_opened(as_lead: Client) -> None:
    campaign = make_campaign(title="Spring", seed=3)
    path = f"/campaigns/{campaign.name}/settings"
    assert "Fixed since the campaign opened" in as_lead.get(path).content.decode()
    as_lead.post(path, SETTINGS | {"seed": "9", "assisted_share": "0.1"})
    campaign.refresh_from_db()
    assert (campaign.seed, campaign.assisted_share) == (3, 0.5)


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


def test_the_campaign_and_agreement_pages_say_how_many_ratings_are_needed(as_lead: Client) -> None:
    campaign = make_campaign(1, overlap=2)
    path = f"/campaigns/{campaign.name}"
    assert "Ratings needed" not in as_lead.get(path).content.decode()
    rate_all(make_user(), campaign, 2)
    assert "undefined: no clip has two ratings" in as_lead.get(path).content.decode()
    rate_all(make_user(), campaign, 3)
    for page in (path, f"{path}/agreement"):  # scores 2 and 3: SD 0.707, so 24 ratings
        assert "add 22 ratings per clip" in as_lead.get(page).content.decode(), page
