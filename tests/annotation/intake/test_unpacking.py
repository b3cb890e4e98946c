"""Zip archives are unpacked by the import's job: with progress, again after a kill, until it is discarded."""

import shutil
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from annotation.intake import archives, importing, unpacking, upload_folders, uploads
from annotation.models import Campaign, ClipImport
from operations import jobs
from operations.jobs import JobInterruptedError
from operations.models import Job, JobState
from tests.annotation.api.scripts import make_script
from tests.annotation.factories import make_video
from tests.annotation.intake.test_import_page import make_zip, run_upload, send_files
from tests.support.markup import collapse_space

TABLE = b"video,prompt,generator\na.mp4,a red fox,gen-1\n"


def list_uploaded() -> list[Path]:
    return list(upload_folders.get_upload_root().iterdir())


def read_job() -> Job:
    return Job.objects.get(kind="stage_import")


def test_a_zip_is_unpacked_by_the_job_and_its_page_says_how_far(
    as_lead: Client, empty_campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_files(as_lead, empty_campaign, all_zip=make_zip(manifest_csv=TABLE, a_mp4=make_video()))
    clip_import = ClipImport.objects.get()
    assert (clip_import.name, clip_import.manifest, clip_import.row_count) == ("all.zip", "", None)
    Job.objects.update(progress=0.25, message="Unpacking, 1.0 GB of 4.0 GB")
    page = collapse_space(as_lead.get(f"/imports/{clip_import.pk}").content.decode())
    assert "The files are being unpacked." in page
    assert 'Unpacking, 1.0 GB of 4.0 GB</p><progress max="1" value="0.25"' in page
    assert f'action="/imports/{clip_import.pk}/discard"' in page

    assert run_upload(as_lead).name == "all.zip"

    clip_import.refresh_from_db()
    assert (clip_import.name, empty_campaign.items.count(), list_uploaded()) == ("manifest.csv", 1, [])


def test_what_is_there_completely_is_not_unpacked_again_after_a_kill() -> None:
    inner = make_zip(c_mp4=b"not unpacked")
    content = make_zip(manifest_csv=TABLE, a_mp4=b"a" * 1000, b_mp4=b"b" * 1000, inner_zip=inner)
    folder = Path(uploads.receive_files([SimpleUploadedFile("all.zip", content)]).videos)
    messages = []

    def stop(_share: float, message: str) -> None:
        messages.append(message.replace("\xa0", " "))
        if len(messages) == 3:
            raise JobInterruptedError

    with pytest.raises(JobInterruptedError):
        unpacking.unpack_folder(folder, stop)
    total = len(TABLE) + 2000 + len(inner)
    assert messages[1] == f"Unpacking, {(len(TABLE) + 1000) / 1024:.1f} KB of {total / 1024:.1f} KB"
    first = (folder / "a.mp4").stat()
    assert not (folder / "b.mp4").exists()

    manifest = unpacking.unpack_folder(folder)

    assert (folder / "a.mp4").stat() == first
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [
        *("a.mp4", "b.mp4", "inner.zip", "manifest.csv"),
    ]
    assert unpacking.unpack_folder(folder) == manifest  # killed before it was stored


def test_an_archive_that_is_damaged_inside_fails_in_words_and_leaves_no_file(
    as_lead: Client, empty_campaign: Campaign
) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("manifest.csv", TABLE)
    content = bytearray(out.getvalue())
    content[60] ^= 0xFF
    send_files(as_lead, empty_campaign, all_zip=bytes(content))

    jobs.run(read_job().pk)

    clip_import = ClipImport.objects.get()
    assert (clip_import.state, read_job().state, list_uploaded()) == ("failed", JobState.FAILED, [])
    page = collapse_space(as_lead.get(f"/imports/{clip_import.pk}").content.decode())
    assert "cannot be unpacked: Bad CRC-32 for file" in page
    assert "Nothing was imported. Correct the files, then import them again." in page


def test_an_import_that_is_discarded_while_it_is_unpacked_leaves_nothing(
    as_lead: Client,
    empty_campaign: Campaign,
    lead: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    send_files(as_lead, empty_campaign, all_zip=make_zip(manifest_csv=TABLE, a_mp4=b"a", b_mp4=b"b"))

    def discard_in_the_middle(archive: Path, folder: Path) -> Iterator[int]:
        pieces = archives.unpack(archive, folder)
        yield next(pieces)
        with django_capture_on_commit_callbacks(execute=True):
            importing.discard_import(actor=lead, clip_import=ClipImport.objects.get())
        yield from pieces

    monkeypatch.setattr(unpacking, "unpack", discard_in_the_middle)
    job = jobs.run(read_job().pk)

    assert job is not None
    assert (job.state, ClipImport.objects.exists(), list_uploaded()) == (JobState.CANCELLED, False, [])


def test_a_full_disk_while_files_are_unpacked_is_a_sentence_and_is_resumed_for_the_preview(
    as_lead: Client, empty_campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_files(as_lead, empty_campaign, all_zip=make_zip(manifest_csv=TABLE, a_mp4=make_video()))
    clip_import = ClipImport.objects.get()

    def fill(*_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(unpacking, "unpack", fill)
        jobs.run(read_job().pk)
    page = collapse_space(as_lead.get(f"/imports/{clip_import.pk}").content.decode())
    assert "No space left on device." in page
    assert "Nothing was imported yet. Resume the import" in page

    page = as_lead.post(f"/imports/{clip_import.pk}/start", follow=True).content.decode()

    assert "The files are being read again for the preview." in page
    Job.objects.filter(state=JobState.FAILED).delete()
    run_upload(as_lead)
    assert empty_campaign.items.count() == 1


def test_a_script_imports_a_zip_without_a_preview(lead: User, empty_campaign: Campaign) -> None:
    files = {"files": [SimpleUploadedFile("all.zip", make_zip(manifest_csv=TABLE, a_mp4=make_video()))]}
    answer = make_script(lead).post(f"/api/campaigns/{empty_campaign.name}/import", files)
    assert answer.status_code == 202, answer.content
    done = jobs.run(answer.json()["id"])
    assert done is not None
    assert (done.state, done.result["added"], list_uploaded()) == (JobState.DONE, 1, [])


def test_a_disk_without_room_for_what_the_archive_states_is_refused_at_once(
    as_lead: Client, empty_campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    page = send_files(as_lead, empty_campaign, all_zip=make_zip(manifest_csv=TABLE, a_mp4=b"x" * 100))
    assert "disk has no room for these files." in page
    assert (ClipImport.objects.exists(), list_uploaded()) == (False, [])
