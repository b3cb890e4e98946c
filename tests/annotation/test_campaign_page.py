"""A campaign's own page."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.annotation.factories import make_campaign, make_user, rate_all


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


@pytest.mark.parametrize("clips", [10, 20])
def test_the_campaign_page_takes_as_many_queries_with_more_clips(
    as_lead: Client, clips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_campaign(clips)
    with django_assert_num_queries(20):
        as_lead.get(f"/campaigns/{campaign.name}")


def test_the_campaign_and_agreement_pages_say_how_many_ratings_are_needed(as_lead: Client) -> None:
    campaign = make_campaign(1, overlap=2)
    path = f"/campaigns/{campaign.name}"
    assert "Ratings needed" not in as_lead.get(path).content.decode()
    rate_all(make_user(), campaign, 2)
    assert "undefined: no clip has two ratings" in as_lead.get(path).content.decode()
    rate_all(make_user(), campaign, 3)
    for page in (path, f"{path}/agreement"):  # scores 2 and 3: SD 0.707, so 24 ratings
        assert "add 22 ratings per clip" in as_lead.get(page).content.decode(), page
