"""A campaign's own page."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns.campaigns import set_state
from annotation.models import Campaign
from annotation.templatetags.studio import three_digits
from tests.annotation.agreement.sections import open_sections
from tests.annotation.factories import claim, make_campaign, make_user, rate_all, submit

LIVE = {"HX-Request": "true", "HX-Target": "live"}
"""How the script of a page asks for its regions."""


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


@pytest.mark.parametrize(("clips", "label"), [(0, "Import clips"), (1, "Open campaign")])
def test_the_next_step_of_a_draft_stands_out(as_lead: Client, clips: int, label: str) -> None:
    campaign = make_campaign(clips, state="draft")
    page = as_lead.get(f"/campaigns/{campaign.name}").content.decode()
    outside_dialogs = re.sub(r"<dialog.*?</dialog>", "", page, flags=re.S)
    assert re.findall(r'<(?:a|button)[^>]*class="(?:button )?button-primary[^>]*>\s*(.*?)\s*</', outside_dialogs) == [
        label
    ]


@pytest.mark.parametrize("clips", [10, 20])
def test_the_campaign_page_takes_as_many_queries_with_more_clips(
    as_lead: Client, clips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_campaign(clips)
    with django_assert_num_queries(19):
        as_lead.get(f"/campaigns/{campaign.name}")


def test_the_campaign_and_agreement_pages_say_how_many_ratings_are_needed(as_lead: Client) -> None:
    campaign = make_campaign(1, overlap=2)
    path = f"/campaigns/{campaign.name}"
    assert "Ratings needed" not in as_lead.get(path).content.decode()
    rate_all(make_user(), campaign, 2)
    assert "undefined: no clip has two ratings" in as_lead.get(path).content.decode()
    rate_all(make_user(), campaign, 3)
    pages = [as_lead.get(path).content.decode(), open_sections(as_lead, campaign, "needed")]
    for page in pages:  # scores 2 and 3: SD 0.707, so 24 ratings, which nobody should ask for
        assert "more than 15" in page
        assert "make the guidelines clearer first" in page
        assert "24" not in page[page.index("more than 15") :][:400]


@pytest.mark.parametrize("clips", [10, 20])
def test_the_regions_that_renew_themselves_take_fewer_queries_than_the_page(
    as_lead: Client, clips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_campaign(clips)
    with django_assert_num_queries(13):
        as_lead.get(f"/campaigns/{campaign.name}", headers=LIVE)


def test_the_regions_are_those_of_the_page_and_are_sent_once(as_lead: Client, campaign: Campaign, rater: User) -> None:
    path = f"/campaigns/{campaign.name}"
    first = as_lead.get(path, headers=LIVE)
    assert "<html" not in first.content.decode()
    page = as_lead.get(path).content.decode()
    assert {line.strip() for line in first.content.decode().splitlines()} <= {
        line.strip() for line in page.splitlines()
    }
    assert "no-store" in first.headers["Cache-Control"]

    unchanged = as_lead.get(path, headers=LIVE | {"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    submit(rater, claim(rater, campaign))
    changed = as_lead.get(path, headers=LIVE | {"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert "<strong>1</strong> of 18" in changed.content.decode()


def test_a_page_on_which_nothing_can_change_does_not_renew_itself(
    as_lead: Client, campaign: Campaign, lead: User
) -> None:
    assert 'data-every="15"' in as_lead.get(f"/campaigns/{campaign.name}").content.decode()
    set_state(actor=lead, campaign=campaign, state="closed")
    assert "data-every" not in as_lead.get(f"/campaigns/{campaign.name}").content.decode()


def test_somebody_who_is_signed_out_gets_no_page_to_sign_in_inside_a_region(client: Client, campaign: Campaign) -> None:
    answer = client.get(f"/campaigns/{campaign.name}", headers=LIVE)
    assert answer.headers["HX-Redirect"] == "/sign-in"
    assert answer.content == b""


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (0.04, "0"),
        (2.0, "2"),
        (41.44, "41.4"),
        (99.97, "100"),
        (414.3, "414"),
        (25063.4, "25,100"),
        (25064.0, "25,100"),
    ],
)
def test_a_pace_does_not_change_with_every_second(pace: float, words: str) -> None:
    assert three_digits(pace) == words
