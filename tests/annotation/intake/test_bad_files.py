"""A bad file costs one row of an import and no more; an upload folder is always removed."""

import errno
import io
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DataError, OperationalError

from annotation.intake import clips, importing, upload_folders, uploads
from annotation.intake.archives import UploadRefused
from annotation.intake.manifests import RowRefused
from annotation.intake.media_store import copy_and_hash
from annotation.models import Campaign, Clip, ClipImport
from operations import jobs as operations_jobs
from operations.models import Job, JobState
from qsave.frames.container import MAX_BYTES
from qsave.words import isolate
from tests.annotation import factories
from tests.annotation.intake.imports import (
    list_media_files,
    make_row,
    patch_step,
    receive_zip,
    run_import,
    write_csv,
)

pytestmark = pytest.mark.django_db
Spoil = Callable[[bytes], bytes]


def break_codec(content: bytes) -> bytes:
    start = content.index(b"stsd")
    return content[:start] + content[start:].replace(b"avc1", b"zzz1")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content.replace(b"VideoHandler", b"Vid\xe9oHandle\0"), None),
        (break_codec, "no decoder for the video (zzz1)"),
        (lambda content: b"", "empty (0 bytes)"),
        (lambda content: content[: len(content) // 2], "cut off"),
    ],
)
def test_a_bad_file_in_the_middle_costs_its_own_row(video_folder: Path, spoil: Spoil, reason: str | None) -> None:
    path = video_folder / "v" / "2.mp4"
    path.write_bytes(spoil(path.read_bytes()))
    campaign = factories.make_campaign()

    report = run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2), make_row(3)]), campaign)

    assert [problem.row for problem in report.problems] == ([2] if reason else [])
    assert reason is None or reason in report.problems[0].reason
    assert campaign.items.count() == Clip.objects.count() == (2 if reason else 3)


@pytest.mark.parametrize(
    "name",
    ["a" * 300 + ".mp4", "狐" * 90 + ".mp4", "v/" + "b" * 256, "x/" * 3000 + "a.mp4"],
    ids=["ASCII", "CJK", "in a folder", "path"],
)
def test_a_name_too_long_for_a_file_costs_its_row_and_tells_no_path(video_folder: Path, name: str) -> None:
    report = run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2, video=name), make_row(3)]))

    assert report.added == 2
    [problem] = report.problems
    assert problem.row == 2
    assert "name too long" in problem.reason
    assert str(video_folder) not in problem.reason


def test_a_file_beyond_the_bound_is_refused_before_it_fills_the_disk(video_folder: Path, tmp_path: Path) -> None:
    os.truncate(video_folder / "v" / "2.mp4", MAX_BYTES + 1)  # a sparse file

    report = run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2), make_row(3)]))
    with pytest.raises(RowRefused, match="more than"):
        copy_and_hash(video_folder / "v" / "2.mp4", tmp_path / "copy")

    assert report.added == 2
    assert [(problem.row, "more than" in problem.reason) for problem in report.problems] == [(2, True)]
    assert (tmp_path / "copy").stat().st_size == 0


STEPS = ["copy_and_hash", "probe", "inspect", "read_shown_times", "move_into_store"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "error", [AttributeError("width"), UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "x"), DataError()]
)
def test_any_error_of_one_file_is_a_problem_of_its_row(
    video_folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: Exception
) -> None:
    calls = iter(range(9))

    def fails_second(*arguments: object) -> object:
        if next(calls) == 1:
            raise error
        return real(*arguments)

    real = patch_step(monkeypatch, step, fails_second)
    campaign = factories.make_campaign()

    report = run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2), make_row(3)]), campaign)

    assert len(report.problems) == 1
    assert report.problems[0].reason.endswith(".")
    assert campaign.items.count() == 2
    assert list((Path(settings.MEDIA_ROOT) / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    "trouble",
    [OSError(errno.ENOSPC, "No space left on device"), OperationalError("gone"), MemoryError(), KeyboardInterrupt()],
)
def test_an_error_of_the_machine_ends_the_import_and_imported_clips_are_in_the_campaign(
    video_folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    calls = iter(range(9))

    def fails_second(*arguments: object) -> object:
        if next(calls) == 1:
            raise trouble
        return real(*arguments)

    real = patch_step(monkeypatch, "inspect", fails_second)
    campaign = factories.make_campaign()

    with pytest.raises(type(trouble)):
        run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2), make_row(3)]), campaign)

    ready = {clip: availability == "available" for clip, availability in list_availabilities(campaign)}
    assert ready == {"c1": True, "c2": False, "c3": False}
    assert len(list_media_files()) == 4  # three clips and the first one's poster


def list_availabilities(campaign: Campaign) -> list[tuple[str, str]]:
    return list(campaign.items.order_by("clip__clip_id").values_list("clip__clip_id", "availability"))


def make_zip(*entries: tuple[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packed) as out, warnings.catch_warnings(action="ignore"):
        for name, data in entries:
            out.writestr(name, data)
    return content.getvalue()


def flip_bytes(content: bytes, *positions: int) -> bytes:
    changed = bytearray(content)
    for position in positions:
        changed[position] ^= 0xFF
    return bytes(changed)


TEXT = b"video,prompt,generator\na.mp4,a red fox,gen-1\n" * 20
MANIFEST = ("manifest.csv", TEXT)
BAD_ARCHIVES = {
    "deflated": [flip_bytes(make_zip(MANIFEST, ("a.mp4", b"x")), 45, 47, 50)],
    "bzip2": [flip_bytes(make_zip(MANIFEST, packed=zipfile.ZIP_BZIP2), 60, 70, 80)],
    "lzma": [flip_bytes(make_zip(MANIFEST, packed=zipfile.ZIP_LZMA), 60, 65, 70)],
    "stored": [flip_bytes(make_zip(MANIFEST, packed=zipfile.ZIP_STORED), 60)],
    "twice": [make_zip(MANIFEST, ("a.mp4", b"x"), ("a.mp4", b"y"))],
    "file and folder": [make_zip(MANIFEST, ("a", b"x"), ("a/b.mp4", b"y"))],
    "folder and file": [make_zip(MANIFEST, ("a/b.mp4", b"y"), ("a", b"x"))],
    "two manifests": [make_zip(MANIFEST), make_zip(MANIFEST)],
    "no zip": [b"Rar!\x1a\x07\x00 not a zip"],
    "empty": [b""],
    "cut off": [make_zip(MANIFEST, ("a.mp4", os.urandom(500)))[:300]],
}


@pytest.mark.parametrize("contents", BAD_ARCHIVES.values(), ids=BAD_ARCHIVES.keys())
def test_a_bad_archive_is_refused_in_words_and_its_folder_is_removed(contents: list[bytes]) -> None:
    with pytest.raises(UploadRefused) as caught:
        receive_zip(*contents)

    assert str(caught.value).endswith(".")
    assert str(settings.VAR_DIR) not in str(caught.value)
    for folder in upload_folders.get_upload_root().iterdir():  # refused by the job, which deletes the folder
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["clips.tar.gz", "clips.rar", "clips.7z", "CLIPS.TAR"])
def test_an_archive_of_another_type_is_named(name: str) -> None:
    with pytest.raises(UploadRefused, match=f"Send {isolate(name)} as a zip"):
        uploads.receive_files([SimpleUploadedFile(name, b"anything")])
    assert list(upload_folders.get_upload_root().iterdir()) == []


@pytest.mark.parametrize("name", ["inner.zip", "batch/INNER.ZIP"])
def test_a_zip_of_zips_alone_is_refused_with_the_name_of_one(name: str) -> None:
    archive = make_zip((name, make_zip(MANIFEST)))
    with pytest.raises(UploadRefused, match=f"not unpacked. Unpack {isolate(name)}, then import what is in it"):
        uploads.receive_files([SimpleUploadedFile("clips.zip", archive)])
    assert list(upload_folders.get_upload_root().iterdir()) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_damaged_at_any_position_is_read_or_refused_in_words(method: int) -> None:
    whole = make_zip(MANIFEST, ("a.mp4", TEXT), packed=method)
    for position in range(0, len(whole), 3):
        with suppress(UploadRefused):
            receive_zip(flip_bytes(whole, position))


@pytest.mark.parametrize("as_zip", [True, False])
@pytest.mark.parametrize("name", ["狐" * 90 + ".mp4", "a" * 300 + ".mp4"], ids=["CJK", "ASCII"])
def test_a_name_too_long_in_an_upload_costs_its_row(as_zip: bool, name: str) -> None:
    first, second = factories.make_prompt(1), factories.make_prompt(2)
    text = f"video,prompt,generator\n{name},{first},toy\ngood.mp4,{second},toy\n".encode()
    entries = [("manifest.csv", text), (name, factories.make_video(60)), ("good.mp4", factories.make_video(90))]
    sent = [SimpleUploadedFile(part, content) for part, content in entries]

    manifest = receive_zip(make_zip(*entries)) if as_zip else uploads.receive_files(sent)
    report = run_import(manifest.path)

    assert report.added == 1
    [problem] = report.problems
    assert (problem.row, "name too long" in problem.reason) == (1, True)


def test_an_empty_file_of_four_costs_its_row() -> None:
    rows = "".join(f"{number}.mp4,{factories.make_prompt(number)},toy\n" for number in range(4))
    sent = [SimpleUploadedFile("manifest.csv", f"video,prompt,generator\n{rows}".encode())]
    sent += [SimpleUploadedFile(f"{n}.mp4", b"" if n == 2 else factories.make_video(40 + n)) for n in range(4)]

    report = run_import(uploads.receive_files(sent).path)

    assert report.added == 3
    assert [(problem.row, problem.reason) for problem in report.problems] == [(3, "The file is empty (0 bytes).")]


@pytest.fixture
def sent_job() -> Job:
    """A queued job that imports an upload."""
    content = make_zip(
        ("manifest.csv", b"video,prompt,generator\na.mp4,a red fox,toy\n"), ("a.mp4", factories.make_video())
    )
    arguments = {"campaign": factories.make_campaign().pk, "manifest": str(receive_zip(content).path)}
    return operations_jobs.enqueue(kind="import_clips", arguments=arguments, actor=factories.make_lead())


def test_an_import_that_fails_for_no_fault_of_a_file_can_be_resumed_and_leaves_no_upload(
    sent_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patch_step(patched, "inspect", full)
        done = operations_jobs.run(sent_job.pk)
    assert done is not None
    assert (done.state, "resume the import" in done.error) == (JobState.FAILED, True)
    assert len(list(upload_folders.get_upload_root().iterdir())) == 1
    assert Clip.objects.get().is_ready is False

    resumed = importing.start_import(actor=factories.make_lead(), clip_import=ClipImport.objects.get())
    assert resumed.job is not None
    operations_jobs.run(resumed.job.pk)
    assert Clip.objects.get().is_ready
    assert list(upload_folders.get_upload_root().iterdir()) == []


def test_an_import_whose_campaign_is_gone_leaves_no_upload(sent_job: Job) -> None:
    Campaign.objects.all().delete()
    operations_jobs.run(sent_job.pk)
    assert list(upload_folders.get_upload_root().iterdir()) == []


def test_a_cancelled_import_leaves_no_upload(sent_job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(*_: object) -> None:
        Job.objects.filter(pk=sent_job.pk).update(state=JobState.CANCELLED)

    monkeypatch.setattr(clips, "group_rows", cancel)
    operations_jobs.run(sent_job.pk)
    assert list(upload_folders.get_upload_root().iterdir()) == []


def test_an_import_that_is_interrupted_or_taken_over_keeps_its_upload(
    sent_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_over(*_: object) -> None:
        Job.objects.filter(pk=sent_job.pk).update(worker="another")

    monkeypatch.setattr(clips, "group_rows", take_over)
    operations_jobs.run(sent_job.pk)
    assert Path(sent_job.arguments["manifest"]).exists()
    Job.objects.filter(pk=sent_job.pk).update(state=JobState.QUEUED)
    operations_jobs.stopping.set()
    try:
        operations_jobs.run(sent_job.pk)
    finally:
        operations_jobs.stopping.clear()
    assert Path(sent_job.arguments["manifest"]).exists()


def test_old_uploads_that_no_job_waits_for_are_swept(sent_job: Job) -> None:
    waiting = Path(sent_job.arguments["manifest"]).parent
    left, fresh = upload_folders.get_upload_root() / "left", upload_folders.get_upload_root() / "fresh"
    for folder in (left, fresh):
        folder.mkdir()
    for folder in (left, waiting):
        os.utime(folder, (1, 1))

    upload_folders.remove_stale_folders()

    assert set(upload_folders.get_upload_root().iterdir()) == {waiting, fresh}
    Job.objects.update(state=JobState.CANCELLED)
    upload_folders.remove_stale_folders()
    assert set(upload_folders.get_upload_root().iterdir()) == {fresh}


def test_a_folder_that_another_request_sweeps_meanwhile_is_no_error() -> None:
    upload_folders.get_upload_root().mkdir(parents=True, exist_ok=True)
    gone = upload_folders.get_upload_root() / "gone"
    gone.symlink_to("nowhere")  # it is listed, but it does not exist
    upload_folders.remove_stale_folders()
    gone.unlink()
