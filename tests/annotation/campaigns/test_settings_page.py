"""The page of a campaign's settings."""

import pytest
from django.test import Client

from annotation.models import Campaign
from tests.annotation.factories import make_campaign

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


def test_settings_are_changed_on_their_page(as_lead: Client) -> None:
    campaign = make_campaign(2, title="Spring")
    path = f"/campaigns/{campaign.name}/settings"
    assert "Ratings and agreement" in as_lead.get(path).content.decode()
    answer = as_lead.post(path, SETTINGS | {"overlap": "4", "edit_hours": "48", "requires_watched": "on"})
    assert answer["Location"] == path
    campaign.refresh_from_db()
    assert (campaign.overlap, campaign.edit_hours, campaign.requires_watched) == (4, 48, True)
    assert campaign.slots.count() == 8


WHOLE_50 = "Enter a whole number from 1 to 50."
HALF = "Enter a number from 0 to 0.5."


@pytest.mark.parametrize(
    ("field", "value", "answer"),
    [
        *(("overlap", value, WHOLE_50) for value in ("", "three", "0", "-1", "3.5", "99999999999999999999")),
        *(("gold_share", value, HALF) for value in ("", "half", "0.9", "-0.1", "nan")),
        ("overlap_cap", "2", "This cannot be less than the ratings that every clip gets."),
        ("order", "x", "Select a valid choice. x is not one of the available choices."),
        ("seed", "-1", "Enter a whole number from 0 to 2147483647."),
    ],
)
def test_a_bad_setting_is_named_at_its_field_and_changes_nothing(
    as_lead: Client, field: str, value: str, answer: str
) -> None:
    campaign = make_campaign(title="Spring", state="draft")
    page = as_lead.post(f"/campaigns/{campaign.name}/settings", SETTINGS | {"title": "New", field: value})
    errors = page.content.decode().partition(f'id="id_{field}_error"')[2].partition("</ul>")[0]
    assert f"<li>{answer}</li>" in errors
    assert 'value="New"' in page.content.decode()
    assert Campaign.objects.get().title == "Spring"


def test_the_seed_is_shown_and_not_asked_for_once_the_campaign_has_opened(as_lead: Client) -> None:
    campaign = make_campaign(title="Spring", seed=3)
    path = f"/campaigns/{campaign.name}/settings"
    assert "Fixed since the campaign opened" in as_lead.get(path).content.decode()
    as_lead.post(path, SETTINGS | {"seed": "9", "assisted_share": "0.1"})
    campaign.refresh_from_db()
    assert (campaign.seed, campaign.assisted_share) == (3, 0.5)
