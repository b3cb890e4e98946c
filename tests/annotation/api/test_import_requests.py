"""Imports of clips by scripts: preview, start, rows, cancel, undo."""

import pytest
from django.test import Client

from annotation.api.new_imports import get_import_root
from annotation.models import Campaign, Clip, ClipImport, ImportRow, Item
from operations import jobs
from tests.annotation import factories
from tests.annotation.api.scripts import post_json

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return factories.make_campaign()


@pytest.fixture
def sent(lead_script: Client, campaign: Campaign) -> int:
    """The key of a previewed import of two clips and a bad row."""
    folder = get_import_root() / "batch"
    for number in (1, 2):
        factories.write_video(folder / f"{number}.mp4", 60 + 20 * number)
    rows = ["video,prompt,generator,clip_id", "1.mp4,a fox,toy,c1", "2.mp4,a cat,toy,c2", "3.mp4,,toy,c3"]
    (folder / "m.csv").write_text("\n".join(rows))
    body = {"manifest": "batch/m.csv", "preview": True}
    answer = post_json(lead_script, f"/api/campaigns/{campaign.name}/import", body)
    assert answer.status_code == 202
    jobs.run(answer.json()["id"])
    return int(answer.json()["import"])


def read(script: Client, pk: int) -> dict[str, object]:
    return dict(script.get(f"/api/imports/{pk}").json())


def start(script: Client, pk: int, **body: object) -> None:
    answer = post_json(script, f"/api/imports/{pk}/start", body)
    assert answer.status_code == 200, answer.content
    jobs.run(answer.json()["job"])


def test_a_preview_says_what_would_come_and_stores_no_clip(lead_script: Client, sent: int) -> None:
    preview = read(lead_script, sent)

    assert (preview["state"], preview["counts"]) == ("previewed", {"waiting": 2, "refused": 1})
    assert preview["preview"] == {
        "prompts": 2,
        "groups": 2,
        "new_groups": 2,
        "bridges": 0,
        "splits": preview["preview"]["splits"],  # type: ignore[index]
    }
    assert not Clip.objects.exists()
    rows = lead_script.get(f"/api/imports/{sent}/rows?state=refused").json()["results"]
    assert [(row["number"], row["reason"]) for row in rows] == [(3, "prompt is empty.")]
    assert lead_script.get(f"/api/imports/{sent}/rows?state=none").status_code == 400


def test_an_import_without_a_preview_takes_the_options_of_one_with_a_preview(
    lead_script: Client, campaign: Campaign, sent: int
) -> None:
    start(lead_script, sent)
    (get_import_root() / "batch" / "m.csv").write_text(
        "video,prompt,generator,clip_id,seed,kin\n1.mp4,a fox,toy,c1,9,4\n"
    )
    body = {"manifest": "batch/m.csv", "applies_changes": True, "group_column": "kin"}
    address = f"/api/campaigns/{campaign.name}/import"

    refused = post_json(lead_script, address, body | {"preview": True})
    assert (refused.status_code, list(refused.json())) == (400, ["applies_changes"])
    answer = post_json(lead_script, address, body)
    jobs.run(answer.json()["id"])

    clip_import = ClipImport.objects.latest("pk")
    assert (clip_import.applies_changes, clip_import.group_column) == (True, "kin")
    assert clip_import.rows.get().values["prompt_group"] == "kin: 4"
    assert "another prompt group" in clip_import.rows.get().reason


def test_an_import_is_started_and_undone(lead_script: Client, campaign: Campaign, sent: int) -> None:
    start(lead_script, sent)

    done = read(lead_script, sent)
    assert (done["state"], done["counts"]) == ("done", {"added": 2, "refused": 1})
    assert campaign.items.filter(availability=Item.Availability.AVAILABLE).count() == 2
    assert post_json(lead_script, f"/api/imports/{sent}/start", {}).status_code == 409
    assert post_json(lead_script, f"/api/imports/{sent}/cancel", {}).status_code == 409

    undone = post_json(lead_script, f"/api/imports/{sent}/undo", {}).json()
    assert (undone["state"], undone["counts"]) == ("undone", {"cancelled": 2, "refused": 1})
    assert not Clip.objects.exists()
    assert not campaign.items.exists()


def test_an_import_of_which_a_rater_has_a_clip_is_not_undone(
    lead_script: Client, campaign: Campaign, sent: int
) -> None:
    start(lead_script, sent)
    factories.claim(factories.make_user(), campaign)

    answer = post_json(lead_script, f"/api/imports/{sent}/undo", {})

    assert (answer.status_code, Clip.objects.count()) == (409, 2)
    assert "Withdraw" in answer.json()["detail"]


def test_an_import_that_waits_for_its_job_is_cancelled(lead_script: Client, sent: int) -> None:
    job = post_json(lead_script, f"/api/imports/{sent}/start", {}).json()["job"]

    cancelled = post_json(lead_script, f"/api/imports/{sent}/cancel", {}).json()

    assert (cancelled["state"], cancelled["counts"]) == ("cancelled", {"cancelled": 2, "refused": 1})
    assert jobs.run(job) is None
    assert not Clip.objects.exists()


def test_a_preview_is_discarded_and_a_started_import_is_not(lead_script: Client, sent: int) -> None:
    assert lead_script.delete(f"/api/imports/{sent}").status_code == 204
    assert not ClipImport.objects.exists()
    assert not ImportRow.objects.exists()
    started = factories.make_import(factories.make_campaign())
    assert lead_script.delete(f"/api/imports/{started.pk}").status_code == 409


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("delete", ""), ("get", "/rows"), ("post", "/start"), ("post", "/cancel"), ("post", "/undo")],
)
def test_imports_are_for_leads(rater_script: Client, sent: int, method: str, path: str) -> None:
    assert getattr(rater_script, method)(f"/api/imports/{sent}{path}").status_code == 403
    assert getattr(Client(), method)(f"/api/imports/{sent}{path}").status_code == 401
