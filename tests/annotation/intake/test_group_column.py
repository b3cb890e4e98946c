"""A preview offers a column that says which prompts belong together, and an import groups by it when asked."""

from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from annotation.intake import importing
from annotation.intake.staging import LONGEST_GROUP, name_group
from annotation.models import Clip, ClipImport
from operations import jobs
from operations.models import Job, JobState
from tests.annotation import factories
from tests.annotation.api.scripts import make_script, post_json
from tests.annotation.intake.imports import make_row, write_csv

pytestmark = pytest.mark.django_db
ROWS = (
    make_row(1, prompt="a fox", prompt_id=7),
    make_row(2, prompt="At dawn a red animal trots over a frozen lake", prompt_id=7),
    make_row(3, prompt="seven boats", prompt_id=8, prompt_group="boats"),
)


@pytest.fixture
def lead_script(lead: User) -> Client:
    return make_script(lead)


def run(kind: str) -> None:
    jobs.run(Job.objects.get(kind=kind, state=JobState.QUEUED).pk)


@pytest.fixture
def previewed(video_folder: Path) -> ClipImport:
    """A preview of a table with a prompt, its extension, and a prompt of a named group."""
    clip_import = importing.request_import(
        actor=factories.make_lead(),
        campaign=factories.make_campaign(),
        source="folder",
        name="m.csv",
        manifest=write_csv(video_folder / "m.csv", [*ROWS, make_row(3, clip_id="c4", prompt="a cat", prompt_id=9)]),
        videos="",
    )
    run("stage_import")
    clip_import.refresh_from_db()
    return clip_import


def test_the_page_offers_the_column_and_takes_it_back(as_lead: Client, previewed: ClipImport) -> None:
    page, address = f"/imports/{previewed.pk}", f"/imports/{previewed.pk}/group"
    assert previewed.preview["group_columns"] == [{"name": "prompt_id", "values": 2, "sharing": 2}]
    assert "Group prompts by prompt_id" in as_lead.get(page).content.decode()

    as_lead.post(address, {"column": "prompt_id"})
    run("stage_import")
    previewed.refresh_from_db()
    assert (previewed.group_column, previewed.preview["groups"]) == ("prompt_id", 3)
    assert "Group by similarity instead" in as_lead.get(page).content.decode()

    as_lead.post(address, {"column": ""})
    run("stage_import")
    previewed.refresh_from_db()
    assert (previewed.group_column, previewed.preview["groups"]) == ("", 4)


def test_clips_are_grouped_by_the_column_except_those_with_a_named_group(
    lead_script: Client, previewed: ClipImport
) -> None:
    body = {"column": "prompt_id"}
    answer = post_json(lead_script, f"/api/imports/{previewed.pk}/group", body)
    assert (answer.status_code, answer.json()["row_count"]) == (200, None)
    run("stage_import")
    importing.start_import(actor=factories.make_lead(), clip_import=previewed)
    run("import_clips")

    names = dict(Clip.objects.values_list("clip_id", "prompt_group__name"))
    assert names == {"c1": "prompt_id: 7", "c2": "prompt_id: 7", "c3": "boats", "c4": "prompt_id: 9"}
    late = post_json(lead_script, f"/api/imports/{previewed.pk}/group", body)
    assert late.status_code == 409


def test_a_column_without_values_is_refused(lead_script: Client, previewed: ClipImport) -> None:
    answer = lead_script.post(f"/api/imports/{previewed.pk}/group", {"column": "none"}, content_type="application/json")

    assert answer.status_code == 409
    assert "No row has a value in the column" in answer.json()["detail"]


def test_the_name_of_a_group_is_short_and_tells_long_values_apart() -> None:
    long = [name_group("original_prompt", "a fox " * 99 + ending) for ending in ("x", "y")]

    assert len(set(long)) == 2
    assert {len(name) for name in long} == {LONGEST_GROUP}
    assert [name_group("prompt_id", value) for value in (7, "7.0", None, " ")] == ["prompt_id: 7"] * 2 + [""] * 2
