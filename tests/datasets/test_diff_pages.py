"""The page, the CSV file and the API of what differs between two releases of a campaign."""

import csv
from dataclasses import replace
from io import StringIO

import pytest
from django.test import Client

from annotation.models import Campaign, Rating
from datasets.models import Release
from datasets.services.diff import make_pair
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.releases import build_release, locate_release
from datasets.services.withdrawal import withdraw_release
from qsave.axes import AXES
from tests.annotation import factories
from tests.datasets.world import answered, engineer, rated_campaign

pytestmark = pytest.mark.django_db
POLICY = ReleasePolicy(media="none", allow_small_splits=True)
FORMULA, LETTERS = "=1+1 is what it shows", "Žofie sees blurred edges"


@pytest.fixture
def campaign() -> Campaign:
    return rated_campaign(3, 1, 1)


@pytest.fixture
def releases(campaign: Campaign) -> list[Release]:
    """Three releases. A rater edited a rating of train-00 after the first one, and another after the second one."""
    person, releases = engineer(), []
    releases.append(build_release(actor=person, campaign=campaign, name="one", policy=POLICY))
    for reason, name in ((FORMULA, "two"), (LETTERS, "three")):
        rating = Rating.objects.filter(item__clip__clip_id="train-00").order_by("pk")[len(releases) - 1]
        current = rating.revisions.get(is_current=True).answers.get(axis="visual").score
        scores = dict.fromkeys(AXES, 1 if current > 2 else 5)
        answers = {
            axis: replace(answer, reason=f"{reason} on the axis {axis}") for axis, answer in answered(scores).items()
        }
        factories.revise(rating, answers=answers)
        releases.append(build_release(actor=person, campaign=campaign, name=name, policy=POLICY))
    return releases


def sign_in(client: Client) -> Client:
    client.force_login(engineer())
    return client


def read(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def test_the_page_compares_with_the_parent_and_with_a_chosen_release(releases: list[Release], client: Client) -> None:
    text = read(sign_in(client), "/releases/3/diff")
    assert "From <bdi>two #2</bdi> to <bdi>three #3</bdi>" in text
    assert "No clip moved to another split." in text
    assert "train-00" in text
    assert "From <bdi>one #1</bdi> to <bdi>three #3</bdi>" in read(client, "/releases/3/diff?against=1")
    assert "From <bdi>one #1</bdi> to <bdi>two #2</bdi>" in read(client, "/releases/1/diff?against=2")
    ratings = read(client, "/releases/3/diff?against=1&kind=rating")
    assert ratings.count("<code>revision</code>: <bdi>1</bdi> → <bdi>2</bdi>") == 2
    assert "These rows are the same in both releases." in read(client, "/releases/3/diff?kind=clip")


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/releases/1/diff", 200, "has no older release to compare this one with"),
        ("/releases/3/diff?against=9", 200, "has no other release with the number 9"),
        ("/releases/3/diff?against=3", 200, "has no other release with the number 3"),
        ("/releases/1/diff.csv", 200, "has no older release to compare this one with"),
        ("/api/releases/1/diff", 409, "has no older release to compare this one with"),
        ("/api/releases/3/diff/changes?kind=prompt", 400, "not a valid choice"),
    ],
)
def test_a_comparison_that_is_not_possible_says_why(
    releases: list[Release], client: Client, path: str, status: int, sentence: str
) -> None:
    answer = sign_in(client).get(path, follow=True)
    assert answer.status_code == status
    assert sentence in answer.content.decode()


def test_a_withdrawn_parent_is_skipped_and_named_if_it_is_chosen(releases: list[Release], client: Client) -> None:
    withdraw_release(actor=engineer(), release=releases[1], reason="It holds a clip that was withdrawn.")
    assert make_pair(releases[2], None).before == releases[0]
    with pytest.raises(ReleaseRefused, match="was withdrawn"):
        make_pair(releases[2], 2)
    assert "was withdrawn" in read(sign_in(client), "/releases/3/diff?against=2")
    assert client.get("/api/releases/2/diff").status_code == 410


def test_a_damaged_folder_is_named(releases: list[Release], client: Client) -> None:
    (locate_release(releases[0]) / "targets.parquet").unlink()
    assert "targets.parquet is missing" in read(sign_in(client), "/releases/2/diff")
    assert client.get("/api/releases/2/diff").status_code == 409


def test_the_file_has_every_difference_in_cells_that_are_safe(releases: list[Release], client: Client) -> None:
    answer = sign_in(client).get("/releases/3/diff.csv?against=1")
    assert answer["Content-Disposition"] == 'attachment; filename="release-1-to-3.csv"'
    content = b"".join(answer)
    rows = list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))
    cells = {row["after"] for row in rows if row["column"].endswith("_reason")}
    assert cells == {f"{text} on the axis {axis}" for text in (f"'{FORMULA}", LETTERS) for axis in AXES}
    assert {row["clip_id"] for row in rows if row["kind"] == "rating"} == {"train-00"}


def test_scripts_get_the_numbers_and_the_rows_page_by_page(
    releases: list[Release], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = sign_in(client).get("/api/releases/3/diff?against=1").json()
    assert summary["counts"]["rating"] == {"added": 0, "removed": 0, "changed": 2}
    assert summary["split_moves"] == 0
    monkeypatch.setattr("datasets.services.diff.PAGE", 1)
    address = "/api/releases/3/diff/changes?against=1&kind=rating"
    first = client.get(address).json()
    second = client.get(f"{address}&start={first['next_start']}").json()
    assert (first["next_start"], second["next_start"]) == (1, None)
    raters = [change["rater"] for page in (first, second) for change in page["changes"]]
    assert len(set(raters)) == 2
    moves = client.get("/api/releases/3/diff/changes?against=1&kind=target").json()
    assert {"column", "before", "after"} == set(moves["changes"][0]["differences"][0])


def test_leads_may_not_open_it(releases: list[Release], client: Client) -> None:
    client.force_login(factories.make_lead())
    for path in ("/releases/3/diff", "/releases/3/diff.csv", "/api/releases/3/diff"):
        assert client.get(path).status_code == 403
