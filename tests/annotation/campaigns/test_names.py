"""The short name of a new campaign: the form's own, else one made from the title."""

import pytest
from django.test import Client

from annotation.campaigns.forms import propose_name
from annotation.models import Campaign
from tests.annotation.campaigns.test_settings_page import SETTINGS

TITLES = {
    "Autumn 2026": "autumn-2026",
    "  Élodie's clips: run #2  ": "elodie-s-clips-run-2",
    "wan_2.2 — pilot": "wan-2-2-pilot",
    "ﬁne Å": "fine-a",
    "x" * 79 + " y": "x" * 79,
    "مريم": "",
    "--": "",
}


@pytest.mark.parametrize(("title", "name"), TITLES.items())
def test_a_title_gives_a_short_name(title: str, name: str) -> None:
    assert propose_name(title) == name


def test_a_campaign_without_a_short_name_takes_the_one_of_its_title(as_lead: Client) -> None:
    given = SETTINGS | {"title": "Élodie's clips", "name": ""}
    assert as_lead.post("/new-campaign", given)["Location"] == "/campaigns/elodie-s-clips"
    again = as_lead.post("/new-campaign", given).content.decode()
    assert "has the short name elodie-s-clips already" in again
    nameless = as_lead.post("/new-campaign", given | {"title": "مريم"}).content.decode()
    assert "Enter a short name" in nameless
    copy = as_lead.post("/campaigns/elodie-s-clips/duplicate", {"title": "The second", "name": ""})
    assert copy["Location"] == "/campaigns/the-second"
    assert Campaign.objects.count() == 2
