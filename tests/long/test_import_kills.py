"""Hundreds of small clips by an upload and by the command, with workers that are killed: each clip comes in once."""

import os
import random
import signal
import struct
from functools import partial
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.campaigns.campaigns import create_campaign
from annotation.intake import import_helpers
from annotation.intake.clips import ImportOptions
from annotation.intake.row_release import DEADLY, MOST_ATTEMPTS
from annotation.models import Campaign, Clip, ClipImport, ImportRow, Item, PromptGroup, Slot
from operations import abandoned_jobs, jobs
from operations.models import Job, JobState
from tests.annotation import factories
from tests.annotation.intake.imports import list_media_files, make_row, run_import, write_csv
from tests.support import processes
from tests.support.crashing_helper import AT_DECODE, AT_PROBE
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

CLIPS, PROMPTS, KILLS = 400, 100, 2
RUN_JOB = "import django, sys; django.setup(); from operations import jobs; jobs.run(sys.argv[1])"


@pytest.fixture
def many_videos(tmp_path: Path) -> Path:
    """A folder of CLIPS small videos of different bytes, with their manifest."""
    folder, chance = tmp_path / "many", random.Random(1)
    (folder / "v").mkdir(parents=True)
    videos = [factories.make_video(40 + 20 * number) for number in range(8)]
    for number in range(CLIPS):
        mark = struct.pack(">I4sQ", 16, b"free", chance.getrandbits(64))  # other bytes, the same pictures
        (folder / "v" / f"{number}.mp4").write_bytes(videos[number % len(videos)] + mark)
    prompts = [factories.make_prompt(number % PROMPTS) for number in range(CLIPS)]
    write_csv(folder / "manifest.csv", [make_row(number, prompt=prompts[number]) for number in range(CLIPS)])
    return folder


def zip_folder(folder: Path) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder))
    return out.getvalue()


def check_whole(campaign: Campaign) -> None:
    """Check that each video is one clip that is ready, with its files, item and slots."""
    assert Clip.objects.filter(is_ready=True).count() == Clip.objects.count() == CLIPS
    assert Clip.objects.values("sha256").distinct().count() == CLIPS
    assert set(Item.objects.values_list("campaign", "availability")) == {(campaign.pk, Item.Availability.AVAILABLE)}
    assert Item.objects.count() == CLIPS
    assert Slot.objects.filter(campaign=campaign).count() == CLIPS * campaign.overlap
    assert set(ImportRow.objects.values_list("state", flat=True)) <= {ImportRow.State.ADDED, ImportRow.State.PRESENT}
    assert PromptGroup.objects.filter(clips=None).count() == 0
    stored = [name for name in list_media_files() if not name.startswith("incoming/")]
    assert len(stored) == 2 * CLIPS


def run_until_killed(job: Job, least: int, log: Path) -> None:
    """Run a job in a process of its own, and kill it when at least `least` clips are ready."""
    site = {"QSAVE_MEDIA": str(settings.MEDIA_ROOT), "QSAVE_IMPORT_WORKERS": "2"}
    site |= {"DJANGO_SETTINGS_MODULE": "config.settings"}
    with processes.python("-c", RUN_JOB, str(job.pk), log=log, **site) as worker:
        wait_until(
            lambda: Clip.objects.filter(is_ready=True).count() >= least or worker.poll() is not None,
            what=f"{least} clips",
        )
        assert worker.poll() is None, log.read_text()
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()


def test_an_upload_whose_worker_is_killed_again_and_again_becomes_whole(many_videos: Path, tmp_path: Path) -> None:
    lead = factories.make_lead()
    campaign = create_campaign(actor=lead, name="many", title="Many")
    client = Client()
    client.force_login(lead)
    file = SimpleUploadedFile("many.zip", zip_folder(many_videos))

    client.post("/campaigns/many/import", {"sent": [file]})
    clip_import = ClipImport.objects.get()
    preview = jobs.run(Job.objects.get(kind="stage_import").pk)
    assert preview is not None
    assert preview.state == JobState.DONE
    client.post(f"/imports/{clip_import.pk}/start")
    job = Job.objects.get(kind="import_clips")
    for number in range(1, KILLS + 1):
        run_until_killed(job, CLIPS * number // (KILLS + 2), tmp_path / "log")
        assert Clip.objects.count() < CLIPS
        assert abandoned_jobs.reclaim() == 1
    done = jobs.run(job.pk)

    assert done is not None
    assert (done.state, done.result["added"], done.result["problems"]) == (JobState.DONE, CLIPS, [])
    check_whole(campaign)


def test_the_command_that_is_killed_and_an_upload_of_the_same_clips_add_each_once(
    many_videos: Path, tmp_path: Path
) -> None:
    lead = factories.make_lead()
    campaign = create_campaign(actor=lead, name="many", title="Many")
    words = ("manage.py", "import_clips", str(many_videos / "manifest.csv"), "--campaign", "many")
    run = partial(processes.python, *words, log=tmp_path / "log", QSAVE_MEDIA=str(settings.MEDIA_ROOT))
    with run() as command:
        wait_until(lambda: Clip.objects.filter(is_ready=True).count() >= CLIPS // 4, what="a quarter of the clips")
        command.kill()
        command.wait()
    first = Job.objects.get()

    with run() as again:  # a person starts it again before the site notices
        assert abandoned_jobs.reclaim() == 1
        done = jobs.run(first.pk)
        assert again.wait() == 0, (tmp_path / "log").read_text()

    assert done is not None
    assert done.state == JobState.DONE
    reports = [job.result for job in Job.objects.filter(kind="import_clips")]
    assert [report["problems"] for report in reports] == [[], []]
    assert set(ClipImport.objects.values_list("state", flat=True)) == {ClipImport.State.DONE}
    check_whole(campaign)


def test_videos_that_end_each_process_that_reads_them_cost_their_own_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_helpers, "MODULE", "tests.support.crashing_helper")
    processes.let_children_see(monkeypatch)
    count, endings = 20, {3: AT_PROBE, 4: AT_DECODE, 15: AT_DECODE}
    (tmp_path / "v").mkdir()
    for number in range(count):
        content = factories.make_video(40 + 2 * number)
        (tmp_path / "v" / f"{number}.mp4").write_bytes(content + write_box(endings.get(number, b"")))
    manifest = write_csv(tmp_path / "m.csv", [make_row(number) for number in range(count)])
    campaign = create_campaign(actor=factories.make_lead(), name="crashes", title="Crashes")

    report = run_import(manifest, campaign, options=ImportOptions(workers=2))

    assert [problem.row for problem in report.problems] == [number + 1 for number in endings]
    assert {problem.reason for problem in report.problems} == {DEADLY.format(attempts=MOST_ATTEMPTS)}
    assert Clip.objects.filter(is_ready=True).count() == Clip.objects.count() == count - len(endings)
    assert campaign.items.count() == count - len(endings)


def write_box(content: bytes) -> bytes:
    """Return a part of an MP4 file that players skip."""
    return struct.pack(">I4s", 8 + len(content), b"free") + content
