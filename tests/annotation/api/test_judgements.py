"""The API of ratings made elsewhere: upload, confirm the mapping, import, delete."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.models import Campaign, ImportedJudgement, JudgementImport
from operations import jobs
from tests.annotation.api.scripts import post_json
from tests.annotation.factories import make_campaign
from tests.annotation.judgements.files import make_judged_clips
from tests.support.foreign_ratings import LONG_CSV, WIDE_CSV

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(db: None, settings: "Settings", tmp_path: Path) -> Campaign:
    settings.VAR_DIR = tmp_path
    return make_campaign(name="spring")


def upload(client: Client, content: str, **values: Any) -> Any:
    file = SimpleUploadedFile("ratings.csv", content.encode())
    return client.post("/api/campaigns/spring/judgements", {"file": file, **values})


def run_job(number: int) -> None:
    job = JudgementImport.objects.get(pk=number).job
    assert job is not None
    jobs.run(job.pk)


def test_a_file_is_imported_by_the_proposed_mapping(lead_script: Client, campaign: Campaign) -> None:
    make_judged_clips()
    answer = upload(lead_script, WIDE_CSV, source="lab")
    assert (answer.status_code, answer.json()["state"], answer.json()["source"]) == (202, "running", "lab")
    run_job(answer.json()["id"])
    (row,) = lead_script.get("/api/campaigns/spring/judgements").json()["results"]
    assert (row["state"], row["added"], row["refused"]) == ("done", 8, 0)
    assert row == lead_script.get(f"/api/judgement-imports/{row['id']}").json()


def test_a_mapping_is_proposed_changed_and_confirmed(lead_script: Client, campaign: Campaign) -> None:
    make_judged_clips()
    waiting = upload(lead_script, LONG_CSV, start="false")
    assert (waiting.status_code, waiting.json()["state"]) == (201, "previewed")
    mapping = waiting.json()["mapping"]
    mapping["axes"]["physical consistency"] = {"axis": "dynamic", "scale_min": 1, "scale_max": 4}
    address = f"/api/judgement-imports/{waiting.json()['id']}"
    started = post_json(lead_script, f"{address}/start", {"mapping": mapping})
    assert started.status_code == 202
    run_job(started.json()["id"])
    assert lead_script.get(address).json()["added"] == 4
    assert post_json(lead_script, f"{address}/start", {"mapping": mapping}).status_code == 400


def test_deleting_an_import_deletes_its_judgements(lead_script: Client, campaign: Campaign) -> None:
    row = upload(lead_script, WIDE_CSV).json()
    run_job(row["id"])
    assert ImportedJudgement.objects.count() == 8
    assert lead_script.delete(f"/api/judgement-imports/{row['id']}").status_code == 204
    assert not ImportedJudgement.objects.exists()
    assert lead_script.get(f"/api/judgement-imports/{row['id']}").status_code == 404


@pytest.mark.parametrize(
    ("content", "values", "field"),
    [
        ("clip_id,visual\n", {}, "file"),
        ("", {}, "file"),
        (WIDE_CSV, {"mapping": "{"}, "mapping"),
        (WIDE_CSV, {"mapping": "[]"}, "mapping"),
        (WIDE_CSV, {"mapping": json.dumps({"axes": {}})}, "mapping"),
        (WIDE_CSV, {"source": "x" * 81}, "source"),
        ("clip_id,comment\nfox,Fine\n", {}, "mapping"),
    ],
)
def test_what_cannot_be_imported_is_400_with_the_field_and_leaves_nothing(
    lead_script: Client, campaign: Campaign, content: str, values: dict[str, str], field: str
) -> None:
    answer = upload(lead_script, content, **values)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not JudgementImport.objects.exists()


def test_raters_may_not_see_or_change_imports(lead_script: Client, rater_script: Client, campaign: Campaign) -> None:
    number = upload(lead_script, WIDE_CSV, start="false").json()["id"]
    assert upload(rater_script, WIDE_CSV).status_code == 403
    for path in ("campaigns/spring/judgements", f"judgement-imports/{number}"):
        assert rater_script.get(f"/api/{path}").status_code == 403
        assert Client().get(f"/api/{path}").status_code == 401
    assert rater_script.delete(f"/api/judgement-imports/{number}").status_code == 403
    assert post_json(rater_script, f"/api/judgement-imports/{number}/start", {}).status_code == 403
