"""The API of agreement: the figures of the page, MOS by clip and generator, pairs, and the notebook that reads it."""

import io
import json
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.services import issue_token
from annotation.agreement.figures import compute_agreement
from annotation.agreement.headlines import agreement_to_json
from annotation.agreement.mos_rows import read_mos_rows
from annotation.agreement.reviews import screen
from annotation.agreement.stored import compute_figures
from annotation.campaigns.campaigns import add_clips
from annotation.models import Campaign, Clip
from qsave.axes import AXES, Axis
from tests.annotation.factories import make_campaign, make_clip, make_lead, make_user, rate_all

NOTEBOOK = Path(settings.BASE_DIR, "docs", "notebooks", "agreement.ipynb")
SCORES = {"one-a": 2, "one-b": 4, "two-a": 3, "two-b": 5}


@pytest.fixture(scope="module")
def name(module_db: None) -> str:
    """A campaign of two generators and two prompts, rated by two people; a third is screened out."""
    lead = make_lead()
    campaign = make_campaign(overlap=3, assisted_share=0.0, actor=lead)
    for prompt in ("one", "two"):
        group = make_clip(f"{prompt}-a", generator="a").prompt_group
        make_clip(f"{prompt}-b", generator="b", group=group)
    add_clips(actor=lead, campaign=campaign, clips=list(Clip.objects.filter(clip_id__in=SCORES)))
    people = [make_user() for _ in range(3)]
    for person in people:
        rate_all(person, campaign, SCORES if person is not people[2] else 1)
    screen(actor=lead, campaign=campaign, rater=people[2], verdict="screened", reason="All ones.")
    return campaign.name


@pytest.fixture
def rated(name: str, db: None) -> Campaign:
    return Campaign.objects.get(name=name)


@pytest.fixture
def api(rated: Campaign, lead: User) -> Client:
    _token, secret = issue_token(actor=lead, name="notebook")
    return Client(headers={"Authorization": f"Bearer {secret}"})


def read(api: Client, campaign: Campaign, path: str, status: int = 200, **query: str) -> Any:
    answer = api.get(f"/api/campaigns/{campaign.name}/{path}", query)
    assert answer.status_code == status
    return answer.json()


def test_before_the_first_computation_the_api_asks_to_come_again(api: Client, rated: Campaign) -> None:
    for path in ("agreement", "mos/generators"):
        assert read(api, rated, path, 202)["state"] == "none"


def test_the_figures_are_those_that_were_computed(api: Client, rated: Campaign) -> None:
    compute_figures(rated)
    figures = read(api, rated, "agreement")
    expected = json.loads(json.dumps(agreement_to_json(compute_agreement(rated))))
    assert {key: figures[key] for key in expected} == expected
    assert (figures["state"], figures["screened_out"]) == ("current", 1)
    verdicts = {rater["rater"]: rater["verdict"] for rater in figures["raters"]}
    assert [verdict["reason"] for verdict in verdicts.values() if verdict] == ["All ones."]
    assert {(row["best"], row["worst"], row["best_mos"]) for row in figures["prompts"]} == {
        ("b", "a", 4),
        ("b", "a", 5),
    }
    of_page = read(api, rated, "mos/generators")
    assert of_page["generators"] == expected["generators"]
    assert of_page["differences"] == expected["differences"]


def test_mos_of_clips_leave_out_screened_raters_and_have_their_intervals(api: Client, rated: Campaign) -> None:
    rows = read(api, rated, "mos")["results"]
    computed = {row.clip_id: row.mos[Axis.VISUAL] for row in read_mos_rows(rated)}
    assert {row["clip"]: row["visual"]["mos"] for row in rows} == SCORES
    for row in rows:
        mos = computed[row["clip"]]
        assert (row["visual"]["n"], row["visual"]["low"]) == (2, round(mos.low, 4))
    assert {row["clip"] for row in read(api, rated, "mos", generator="b")["results"]} == {"one-b", "two-b"}


def test_a_page_of_mos_takes_a_fixed_number_of_queries(
    api: Client, rated: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    read(api, rated, "mos")  # stores when the token was used
    with django_assert_num_queries(2 + 1 + len(AXES)):  # the token and the campaign, the page, the tallies
        read(api, rated, "mos")


def test_a_pair_has_every_prompt_that_both_have(api: Client, rated: Campaign) -> None:
    pair = read(api, rated, "generators/pair", first="a", second="b", axis="dynamic")
    assert [row["difference"] for row in pair["prompts"]] == [-2, -2]
    assert "first" in read(api, rated, "generators/pair", 400, first="a", second="a")
    assert "axis" in read(api, rated, "generators/pair", 400, first="a", second="b", axis="sound")


def test_a_token_on_a_page_is_told_where_to_go(api: Client, rated: Campaign, rater: User) -> None:
    answer = api.get(f"/campaigns/{rated.name}/mos.csv")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert "/api/schema/" in answer.json()["detail"]
    _token, secret = issue_token(actor=rater, name="curious")
    as_rater = Client(headers={"Authorization": f"Bearer {secret}"})
    for path in ("agreement", "mos", "mos/generators", "generators/pair"):
        assert as_rater.get(f"/api/campaigns/{rated.name}/{path}").status_code == 403


def test_the_notebook_reads_the_figures_into_pandas(
    api: Client, rated: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_figures(rated)
    site = "http://studio.example"

    def open_address(request: urllib.request.Request) -> io.BytesIO:
        return io.BytesIO(api.get(request.full_url.removeprefix(site)).content)

    monkeypatch.setattr(urllib.request, "urlopen", open_address)
    for variable, value in (("SITE", site), ("TOKEN", "of the client"), ("CAMPAIGN", rated.name)):
        monkeypatch.setenv(f"QSAVE_{variable}", value)
    notebook = json.loads(NOTEBOOK.read_text())
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)
    assert isinstance(names["mos"], pd.DataFrame)
    assert dict(names["means"]["visual.mos"]) == {"a": 2.5, "b": 4.5}
    assert len(names["raters"]) == 3 * len(AXES)
    assert list(names["differences"]["better"]) == ["b"] * len(AXES)
