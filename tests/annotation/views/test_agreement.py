"""The agreement page, its CSV and the screening of raters."""

import csv
import re

import pytest
from django.test import Client

from accounts.models import Role, User
from annotation.models import Campaign, Screening
from annotation.services.campaigns import add_clips
from qsave.axes import Axis
from tests.annotation.factories import lead, make_campaign, make_clip, make_user, rate_all

SCORES = {"a": 1, "b": 3, "c": 5}
NAN = re.compile(r">[^<]*\bnan\b", re.IGNORECASE)
"""A figure that is none, in what is read; a token in an attribute may well hold these letters."""


@pytest.fixture
def as_lead(client: Client, db: None) -> Client:
    client.force_login(make_user("lena", role=Role.LEAD))
    return client


def rated(*names: str, scores: dict[str, int] = SCORES) -> tuple[Campaign, list[User]]:
    """Three clips rated by people of these names, all alike."""
    campaign = make_campaign(overlap=len(names), assisted_share=0.0)
    add_clips(actor=lead(), campaign=campaign, clips=[make_clip(clip_id, prompt="=1+1") for clip_id in scores])
    people = [make_user(name) for name in names]
    for person in people:
        rate_all(person, campaign, scores)
    return campaign, people


def test_an_unrated_campaign_says_what_to_do_next(as_lead: Client) -> None:
    page = as_lead.get(f"/campaigns/{make_campaign(1).name}/agreement").content.decode()
    assert "Nothing has been rated yet" in page
    assert not NAN.search(page)


def test_full_agreement_is_alpha_one_and_every_clip_has_its_mos(as_lead: Client) -> None:
    campaign, _ = rated("ada", "bob")
    page = as_lead.get(f"/campaigns/{campaign.name}/agreement").content.decode()
    assert page.count("Krippendorff") == len(Axis)
    assert '<dd>1.00 <span class="interval">' in page
    assert page.count("<circle") == len(Axis) * len(SCORES)
    assert "Scores given: 1 2, 2 0, 3 2, 4 0, 5 2" in page


@pytest.mark.parametrize(("names", "scores"), [(["ada"], SCORES), (["ada", "bob"], {"a": 3, "b": 3})])
def test_an_undefined_figure_says_why_and_is_no_number(
    as_lead: Client, names: list[str], scores: dict[str, int]
) -> None:
    campaign, _ = rated(*names, scores=scores)
    page = as_lead.get(f"/campaigns/{campaign.name}/agreement").content.decode()
    assert 'class="undefined">undefined: ' in page
    assert not NAN.search(page)


def test_the_csv_has_a_line_a_clip_and_is_safe_to_open(as_lead: Client) -> None:
    campaign, _ = rated("ada", "bob")
    answer = as_lead.get(f"/campaigns/{campaign.name}/mos.csv")
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(answer.getvalue().decode("utf-8-sig").splitlines()))
    assert {row["clip_id"]: row["visual_mos"] for row in rows} == {"a": "1.0000", "b": "3.0000", "c": "5.0000"}
    assert all(row["prompt"].startswith("'=") for row in rows)


def test_a_screened_rater_no_longer_counts_until_taken_in_again(as_lead: Client) -> None:
    campaign, (ada, *_) = rated("ada", "bob", "cyd")
    path = f"/campaigns/{campaign.name}/raters/{ada.pk}/screen"
    page = as_lead.post(path, {"verdict": "screened", "reason": "Always the same"}, follow=True).content.decode()
    assert "1 rater screened out" in page
    assert "Take ada in again" in page
    page = as_lead.post(path, {"verdict": "kept", "reason": "A mistake of mine"}, follow=True).content.decode()
    assert "screened out" not in page
    assert Screening.objects.count() == 2


def test_screening_wants_a_reason_and_a_lead(as_lead: Client, client: Client) -> None:
    campaign, (ada,) = rated("ada")
    path = f"/campaigns/{campaign.name}/raters/{ada.pk}/screen"
    assert "Say why" in as_lead.post(path, {"verdict": "screened", "reason": " "}, follow=True).content.decode()
    assert as_lead.get(path).status_code == 405
    client.force_login(ada)
    assert client.post(path, {"verdict": "kept", "reason": "I am good"}).status_code == 403
    assert not Screening.objects.exists()
