"""Every CSV download opens in a spreadsheet with all its letters and without running a formula."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import get_resolver

from accounts.services import rename
from annotation.agreement.stored import compute_figures
from annotation.campaigns import campaigns
from annotation.models import Campaign, ClipImport, JudgementImport
from tests.annotation import factories

pytestmark = pytest.mark.django_db
ONLY_FIGURES = {"campaigns/<slug:name>/agreement.csv", "manifest-template.csv"}
"""Downloads that hold no text that people of this site wrote."""
TESTED_ELSEWHERE = {"releases/<int:number>/diff.csv"}
"""Downloads whose own tests read their cells: tests/datasets/test_diff_pages.py."""
NAME, FORMULA = "Žofie", "=1+1"


def read_body(answer: HttpResponseBase) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


def list_download_routes() -> list[str]:
    routes = [str(pattern.pattern) for pattern in get_resolver().url_patterns]
    nested = [
        str(inner.pattern) for outer in get_resolver().url_patterns for inner in getattr(outer, "url_patterns", [])
    ]
    return sorted(route for route in routes + nested if route.endswith(".csv") and route not in TESTED_ELSEWHERE)


def make_import(route: str, campaign: Campaign, folder: Path) -> int:
    """Make an import of clips or of ratings, with a name and a formula as files or in rows; return its key."""
    if "files-without-a-row" in route:
        for name in ("manifest.csv", NAME, FORMULA):
            (folder / name).touch()
        previewed = factories.make_import(campaign, state=ClipImport.State.PREVIEWED)
        previewed.manifest = str(folder / "manifest.csv")
        previewed.save()
        return previewed.pk
    if "judgements" not in route:
        return factories.make_import(campaign, prompt=NAME, generator=FORMULA).pk
    judgement_import = JudgementImport.objects.create(
        campaign=campaign, name="ratings.csv", format="csv", created_by=campaign.created_by
    )
    judgement_import.refusals.create(number=1, reason=NAME)
    judgement_import.refusals.create(number=2, reason=FORMULA)
    return judgement_import.pk


@pytest.mark.parametrize("route", list_download_routes())
def test_a_download_has_its_mark_its_letters_and_safe_cells(client: Client, route: str, tmp_path: Path) -> None:
    campaign = factories.make_campaign()
    clip = factories.make_clip("zofie", prompt=NAME, generator=FORMULA)
    other = factories.make_clip("other", prompt=NAME, generator="toy", group=clip.prompt_group)
    campaigns.add_clips(actor=factories.make_lead(), campaign=campaign, clips=[clip, other])
    rater = factories.make_user(FORMULA)
    rename(actor=rater, display_name=NAME)
    factories.rate_all(rater, campaign)
    client.force_login(factories.make_lead())

    key = make_import(route, campaign, tmp_path)
    compute_figures(campaign)

    address = "/" + route.replace("<slug:name>", campaign.name).replace("<int:pk>", str(key))
    answer = client.get(address, {"first": FORMULA, "second": "toy"})

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    content = read_body(answer)
    assert content.startswith(b"\xef\xbb\xbf")
    cells = [cell for row in csv.reader(StringIO(content.decode("utf-8-sig"), newline="")) for cell in row]
    if route not in ONLY_FIGURES:
        assert NAME in cells
        assert f"'{FORMULA}" in cells


def test_there_are_downloads_to_look_at() -> None:
    assert len(list_download_routes()) >= 2
