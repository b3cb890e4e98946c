"""Presets on the site: who may write one, what its page, the API and the command say, and what a killed job leaves."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.html import escape

from accounts.models import Role
from datasets.models import Release
from datasets.preset_texts import HOLDS, LEAVES_OUT
from datasets.services import presets
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.releases import build_release, locate_release
from datasets.services.withdrawal import withdraw_release
from operations import jobs
from operations.models import Job, JobState
from qsave.release.manifest import verify_release
from qsave.release.presets.catalogue import PRESETS
from tests.annotation.factories import make_user
from tests.datasets.world import engineer, rated_campaign
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    monkeypatch.setattr(presets, "PROCESSES", 1)
    campaign = rated_campaign(2, 1, 1, raters=1)
    return build_release(
        actor=engineer(), campaign=campaign, name="films", policy=ReleasePolicy(allow_small_splits=True)
    )


@pytest.fixture
def page(client: Client, release: Release) -> Client:
    client.force_login(release.created_by)
    return client


def run_all() -> None:
    for job in Job.objects.filter(state=JobState.QUEUED):
        jobs.run(job.pk)


def test_the_page_has_the_words_of_the_catalogue() -> None:
    assert {name: str(text) for name, text in HOLDS.items()} == {one.name: one.holds for one in PRESETS.values()}
    assert {name: str(text) for name, text in LEAVES_OUT.items()} == {
        one.name: one.leaves_out for one in PRESETS.values()
    }


def test_the_page_writes_a_preset_and_then_shows_its_lines(
    page: Client, release: Release, django_assert_num_queries: Callable[[int], Any]
) -> None:
    shown = page.get("/releases/1").content.decode()
    assert shown.count("Write preset ") == len(PRESETS)
    assert page.post("/releases/1/presets", {"preset": "trl"}).status_code == 302
    assert page.get("/releases/1").content.decode().count("Write preset ") == len(PRESETS) - 1
    run_all()
    shown = collapse_space(page.get("/releases/1").content.decode())
    for line in PRESETS["trl"].render_lines("0001-films-trl").splitlines():
        assert escape(line) in shown
    link = re.search(r'href="(/api/releases/1/presets/trl/files/grpo/train\.jsonl)"', shown)
    assert link
    row = json.loads(b"".join(page.get(link[1]).streaming_content).splitlines()[0])  # type: ignore[attr-defined]
    picture = b"".join(page.get(f"/api/releases/1/presets/trl/files/{row['images'][0]}").streaming_content)  # type: ignore[attr-defined]
    assert picture.startswith(b"\x89PNG")
    assert verify_release(locate_release(release)) == []
    with django_assert_num_queries(1):
        assert [state.preset.name for state in presets.list_presets(release) if state.summary] == ["trl"]


def test_the_api_lists_presets_and_writes_one(page: Client) -> None:
    listed = page.get("/api/releases/1/presets").json()
    assert [one["name"] for one in listed] == list(PRESETS)
    assert {one["rows"] for one in listed} == {None}
    answer = page.post("/api/releases/1/presets", {"preset": "hf"})
    assert answer.status_code == 202
    assert answer.json()["job"]["state"] == "queued"
    again = page.post("/api/releases/1/presets", {"preset": "hf"})
    assert again.json()["job"]["id"] == answer.json()["job"]["id"]
    run_all()
    written = page.get("/api/releases/1/presets").json()[0]
    assert written["rows"]["rl/train.parquet"] == 2
    assert written["job"]["state"] == "done"


@pytest.mark.parametrize("name", ["x", "../x", ""])
def test_an_unknown_preset_is_refused(page: Client, name: str) -> None:
    assert page.post("/api/releases/1/presets", {"preset": name}).status_code == 400
    page.post("/releases/1/presets", {"preset": name})
    assert not Job.objects.filter(kind=presets.KIND).exists()


def test_no_file_outside_of_a_preset_is_served(page: Client, release: Release) -> None:
    presets.build_preset(release, "hf", progress=lambda share, message: None)
    for path in ("hf/files/../0001-films/manifest.json", "hf/files/rl", "hf/files/%2fetc%2fpasswd", "x/files/a"):
        assert page.get(f"/api/releases/1/presets/{path}").status_code == 404, path


def test_only_engineers_write_presets(release: Release) -> None:
    with pytest.raises(PermissionDenied):
        presets.request_preset(actor=make_user(role=Role.LEAD), release=release, name="hf")


def test_a_withdrawn_release_has_no_presets(release: Release) -> None:
    withdraw_release(actor=release.created_by, release=release, reason="wrong clips")
    with pytest.raises(ReleaseRefused, match="withdrawn"):
        presets.request_preset(actor=release.created_by, release=release, name="hf")


def test_what_a_killed_job_left_and_a_damaged_preset_are_written_again(release: Release) -> None:
    folder = presets.locate_preset(release, "pairs").with_name("0001-films-hf")
    (folder.parent / ".0001-films-hf.123" / "rl").mkdir(parents=True)
    folder.mkdir()
    (folder / "preset.json").write_text("{")
    presets.build_preset(release, "hf", progress=lambda share, message: None)
    assert [path.name for path in folder.parent.iterdir()] == ["0001-films-hf"]
    assert presets.read_preset(release, "hf").summary


def test_a_preset_that_cannot_be_written_fails_with_the_reason(page: Client, release: Release) -> None:
    next((locate_release(release) / "media").iterdir()).unlink()
    page.post("/releases/1/presets", {"preset": "webdataset"})
    run_all()
    shown = page.get("/releases/1").content.decode()
    assert "is missing. If the release was made without media" in shown
    assert shown.count("Write preset ") == len(PRESETS)


def test_the_command_writes_a_preset(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("release_preset", "1", "webdataset")
    assert "train-000000.tar" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no release 9"):
        call_command("release_preset", "9", "hf")
