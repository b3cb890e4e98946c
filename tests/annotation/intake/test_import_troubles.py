"""Imports that break off: what their pages and the command say, and what they offer next."""

import shutil
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from annotation.intake import upload_folders
from annotation.intake.import_reading import read_progress
from annotation.models import Campaign, Clip, ClipImport, ImportRow
from operations import jobs
from operations.models import Job, JobState
from tests.annotation import factories
from tests.annotation.intake.imports import make_row, patch_step, write_csv
from tests.annotation.intake.test_import_page import make_zip

pytestmark = pytest.mark.django_db


def raise_full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device", "/srv/media/incoming/original")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.csv", b"\x89PNG\r\n\x1a\n\0\0", "m.csv is a PNG image, not a table."),
        ("m.csv", b"<!doctype html><title>Sign in</title>", "m.csv is a web page, not a table."),
        ("m.csv", bytes(100_000), "m.csv is a file of zero bytes, not a table."),
        ("m.csv", b"file,text\na,b\n", "m.csv lacks the column video"),
        ("m.parquet", b"PAR1 and no more", "m.parquet cannot be read as Parquet"),
    ],
)
def test_a_table_that_is_none_is_named_and_leaves_no_file(
    as_lead: Client, empty_campaign: Campaign, name: str, content: bytes, reason: str
) -> None:
    as_lead.post(f"/campaigns/{empty_campaign.name}/import", {"sent": [SimpleUploadedFile(name, content)]})
    jobs.run(Job.objects.get(kind="stage_import").pk)

    page = as_lead.get(f"/imports/{ClipImport.objects.get().pk}").content.decode()

    assert reason in page
    assert "Nothing was imported. Correct the files, then import them again." in page
    assert "Resume import" not in page
    assert list(upload_folders.get_upload_root().iterdir()) == []


@pytest.mark.parametrize(
    ("path", "field", "status"), [("/campaigns/{}/import", "sent", 422), ("/api/campaigns/{}/import", "files", 400)]
)
def test_a_disk_that_is_full_while_files_arrive_is_a_sentence_and_leaves_nothing(
    as_lead: Client, empty_campaign: Campaign, monkeypatch: pytest.MonkeyPatch, path: str, field: str, status: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", raise_full_disk)
    sent = [SimpleUploadedFile("a.zip", make_zip(sora__a_mp4=b"x"))]

    response = as_lead.post(path.format(empty_campaign.name), {field: sent})

    assert response.status_code == status
    assert "disk has no room for these files." in response.content.decode()
    assert list(upload_folders.get_upload_root().iterdir()) == []


def test_the_command_says_that_the_disk_is_full_and_how_to_continue(
    video_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_lead()
    manifest = write_csv(video_folder / "m.csv", [make_row(1), make_row(2)])
    words = ("import_clips", str(manifest), "--campaign", "autumn", "--create")
    with monkeypatch.context() as patched:
        patch_step(patched, "inspect", raise_full_disk)
        with pytest.raises(CommandError) as refusal:
            call_command(*words, stdout=StringIO(), stderr=StringIO())
    assert str(refusal.value).startswith("No space left on device. The clips so far are in.")
    assert ClipImport.objects.get().error.startswith("No space left on device. Correct that")
    assert "/srv" not in f"{refusal.value} {ClipImport.objects.get().error}"

    call_command(*words, stdout=StringIO(), stderr=StringIO())

    assert Clip.objects.filter(is_ready=True).count() == 2


def test_the_speed_counts_the_rows_since_the_import_was_resumed() -> None:
    started_at = timezone.now() - timedelta(seconds=10)
    job = Job.objects.create(kind="import_clips", state=JobState.RUNNING, started_at=started_at)
    clip_import = ClipImport.objects.create(created_by=factories.make_lead(), job=job, done_before=5_000)
    done, waiting = ImportRow.State.REFUSED, ImportRow.State.WAITING
    states = [done] * 5_020 + [waiting] * 100
    rows = [ImportRow(clip_import=clip_import, number=n, state=state) for n, state in enumerate(states, start=1)]
    ImportRow.objects.bulk_create(rows)

    progress = read_progress(clip_import)

    assert progress.speed is not None
    assert 0 < progress.speed <= 2
    assert (progress.done, progress.total) == (5_020, 5_120)


def test_a_resumed_import_remembers_what_was_done_before(video_folder: Path) -> None:
    lead = factories.make_lead()
    manifest = write_csv(video_folder / "m.csv", [make_row(1), make_row(2, video="v/none.mp4"), make_row(3)])
    clip_import = ClipImport.objects.create(
        created_by=lead, manifest=str(manifest), source=ClipImport.Source.FOLDER, row_count=3
    )
    rows = [make_row(1), make_row(3)]
    ImportRow.objects.create(clip_import=clip_import, number=1, values=rows[0])
    ImportRow.objects.create(clip_import=clip_import, number=2, state=ImportRow.State.REFUSED, reason="video is empty.")
    ImportRow.objects.create(clip_import=clip_import, number=3, values=rows[1])
    job = jobs.enqueue(kind="import_clips", arguments={"clip_import": clip_import.pk, "campaign": None}, actor=lead)

    jobs.run(job.pk)

    clip_import.refresh_from_db()
    assert (clip_import.done_before, clip_import.state) == (1, ClipImport.State.DONE)
