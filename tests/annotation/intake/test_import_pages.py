"""The page of an import: problems by reason, rows by key, cancelling, and what is left of abandoned imports."""

import csv
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotation.intake import clips, importing, row_work, upload_folders
from annotation.intake.import_preview import preview_import
from annotation.intake.manifests import open_manifest
from annotation.models import Campaign, Clip, ClipImport, ImportRow, Item
from annotation.shared.row_faults import MOST_NUMBERS, list_faults
from operations import jobs
from operations.models import Job, JobState
from qsave.tables.table import TableError
from tests.annotation import factories
from tests.annotation.intake.imports import list_media_files, make_row, receive_zip, run_import, write_csv
from tests.annotation.intake.test_import_page import make_zip
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db
MANY = 10_000


@pytest.fixture
def many(empty_campaign: Campaign) -> ClipImport:
    """A finished import with MANY rows that lack their videos, and one with another fault."""
    clip_import = ClipImport.objects.create(
        campaign=empty_campaign, name="m.csv", state="done", row_count=MANY + 1, created_by=empty_campaign.created_by
    )
    reasons = [f"video does not exist: '{number}.mp4'." for number in range(MANY)] + ["prompt is empty."]
    ImportRow.objects.bulk_create(
        ImportRow(clip_import=clip_import, number=number, state="refused", reason=reason)
        for number, reason in enumerate(reasons, start=1)
    )
    return clip_import


def test_many_rows_with_one_fault_are_one_line_of_a_small_page_and_all_in_a_file(
    as_lead: Client, many: ClipImport, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    most, other = list_faults(many.rows.filter(state="refused"))
    assert (most.reason, most.count, len(most.numbers)) == ("video does not exist.", MANY, MOST_NUMBERS)
    assert (other.reason, other.count, other.numbers) == ("prompt is empty.", 1, [MANY + 1])

    with django_assert_max_num_queries(20):
        page = as_lead.get(f"/imports/{many.pk}").content
    assert len(page) < 120_000
    assert len(as_lead.get(f"/campaigns/{many.campaign.name if many.campaign else ''}").content) < 60_000
    answer = as_lead.get(f"/imports/{many.pk}/rows.csv?state=refused")
    rows = list(csv.reader(StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))  # type: ignore[attr-defined]
    assert len(rows) == MANY + 2
    assert rows[MANY][2] == f"video does not exist: '{MANY - 1}.mp4'."


def test_rows_are_read_page_by_page_and_by_state(as_lead: Client, many: ClipImport) -> None:
    ImportRow.objects.filter(number__lte=150).update(state="cancelled")

    first = as_lead.get(f"/imports/{many.pk}?state=cancelled").content.decode()
    second = as_lead.get(f"/imports/{many.pk}?state=cancelled&after=100").content.decode()

    assert "?after=100&amp;state=cancelled" in first
    assert ("&#x27;99.mp4" in first, "&#x27;100.mp4" in first) == (True, False)
    assert ("&#x27;149.mp4" in second, "&#x27;150.mp4" in second, "?after=" in second) == (True, False, False)


@pytest.mark.parametrize("state", ["running", "previewed"])
def test_a_page_that_renews_itself_answers_with_its_regions(as_lead: Client, state: str) -> None:
    clip_import = factories.make_import(factories.make_campaign(), state=state)
    headers = {"HX-Request": "true", "HX-Target": "live"}

    answer = as_lead.get(f"/imports/{clip_import.pk}", headers=headers)

    assert ("<html" in answer.content.decode(), "import-summary" in answer.content.decode()) == (False, True)
    again = as_lead.get(f"/imports/{clip_import.pk}", headers=headers | {"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_a_cancelled_import_keeps_its_clips_and_leaves_nothing_else(
    video_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = upload_folders.get_upload_root() / "one"
    video_folder.rename(upload)
    manifest = write_csv(upload / "m.csv", [make_row(1), make_row(2), make_row(3)])
    lead, campaign = factories.make_lead(), factories.make_campaign()
    clip_import = importing.request_import(
        actor=lead, campaign=campaign, source="upload", name="m.csv", manifest=manifest, videos=upload
    )
    preview_import(clip_import)
    clip_import = importing.start_import(actor=lead, clip_import=clip_import)
    monkeypatch.setattr(row_work, "CLAIM_SIZE", 1)
    monkeypatch.setattr(clips, "PROGRESS_SECONDS", 0)
    monkeypatch.setattr(jobs, "PROGRESS_SECONDS", 0)
    real = row_work.prepare_rows

    def cancel_first(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        importing.cancel_import(actor=lead, clip_import=clip_import)

    monkeypatch.setattr(row_work, "prepare_rows", cancel_first)
    assert clip_import.job is not None
    job = jobs.run(clip_import.job.pk)

    assert job is not None
    assert (job.state, ClipImport.objects.get().state) == (JobState.CANCELLED, "cancelled")
    assert list(ImportRow.objects.order_by("number").values_list("state", flat=True)) == ["added"] + ["cancelled"] * 2
    assert campaign.items.get().availability == Item.Availability.AVAILABLE
    assert (len(list_media_files()), upload.exists()) == (2, False)


@pytest.mark.parametrize("is_alive", [True, False])
def test_an_import_whose_worker_died_is_settled_when_it_is_cancelled(is_alive: bool) -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(1)
    Clip.objects.update(is_ready=False)
    beat = timezone.now() - timedelta(hours=0 if is_alive else 1)
    job = Job.objects.create(kind="import_clips", state=JobState.RUNNING, heartbeat_at=beat, created_by=lead)
    clip_import = ClipImport.objects.create(campaign=campaign, created_by=lead, job=job)
    ImportRow.objects.create(clip_import=clip_import, number=1, state="stored", clip=Clip.objects.get(), worker="x")

    importing.cancel_import(actor=lead, clip_import=clip_import)

    assert Clip.objects.exists() == is_alive
    assert ImportRow.objects.get().state == ("stored" if is_alive else "cancelled")


def test_an_import_whose_job_failed_without_a_word_can_be_resumed(as_lead: Client, empty_campaign: Campaign) -> None:
    lead = factories.make_lead()
    job = Job.objects.create(kind="import_clips", state=JobState.FAILED, error="The worker died 3 times.")
    clip_import = factories.make_import(empty_campaign, state="running")
    ClipImport.objects.filter(pk=clip_import.pk).update(job=job)

    page = as_lead.get(f"/imports/{clip_import.pk}").content.decode()
    resumed = importing.start_import(actor=lead, clip_import=clip_import)

    assert ("The worker died 3 times." in page, "Resume import" in page) == (True, True)
    assert (resumed.state, resumed.job != job) == ("running", True)


@pytest.mark.parametrize("is_awaited", [True, False])
def test_a_clip_that_was_not_ready_at_the_end_is_removed_unless_another_import_waits_for_it(is_awaited: bool) -> None:
    campaign = factories.make_campaign(1)
    Clip.objects.update(is_ready=False)
    imports = [ClipImport.objects.create(campaign=campaign, created_by=factories.make_lead()) for _ in range(2)]
    for clip_import in imports[: 1 + is_awaited]:
        ImportRow.objects.create(clip_import=clip_import, number=1, state="stored", clip=Clip.objects.get())

    importing.end_cancelled_import(imports[0])

    assert (Clip.objects.exists(), campaign.items.exists()) == (is_awaited, is_awaited)
    assert ImportRow.objects.get(clip_import=imports[0]).state == "cancelled"


def test_a_file_that_is_no_table_fails_with_a_sentence_on_its_page(as_lead: Client, empty_campaign: Campaign) -> None:
    sent = [SimpleUploadedFile("m.parquet", os.urandom(4000)), SimpleUploadedFile("a.mp4", factories.make_video())]
    as_lead.post(f"/campaigns/{empty_campaign.name}/import", {"sent": sent})
    job = jobs.run(Job.objects.get(kind="stage_import").pk)

    clip_import = ClipImport.objects.get()
    assert job is not None
    assert (job.state, clip_import.state) == (JobState.FAILED, "failed")
    assert "m.parquet cannot be read as Parquet" in as_lead.get(f"/imports/{clip_import.pk}").content.decode()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"no columns of ours\n1\n", b"video,prompt,generator\n"])
def test_a_table_without_rows_or_columns_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.csv").write_bytes(content)

    with pytest.raises(TableError, match=r"m\.csv"), open_manifest(tmp_path / "m.csv") as manifest:
        list(manifest.rows)


def test_a_zip_in_a_zip_is_a_file_that_is_no_video(empty_campaign: Campaign) -> None:
    inner = make_zip(b_mp4=factories.make_video())
    table = b"video,prompt,generator\na.mp4,a fox,toy\ninner.zip,a cat,toy\nb.mp4,a dog,toy\n"
    archive = make_zip(manifest_csv=table, a_mp4=factories.make_video(), inner_zip=inner)

    report = run_import(receive_zip(archive).path, empty_campaign)

    assert (report.added, [problem.row for problem in report.problems]) == (1, [2, 3])
    assert "not a video that is known here" in report.problems[0].reason


def test_abandoned_previews_are_deleted_after_a_day(empty_campaign: Campaign) -> None:
    old = factories.make_import(empty_campaign, state="previewed")
    fresh = factories.make_import(empty_campaign, state="previewed")
    ClipImport.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))

    upload_folders.remove_stale_previews()

    assert ClipImport.objects.get() == fresh


def test_the_preview_shows_differences_which_are_applied_when_asked(as_lead: Client, video_folder: Path) -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign()
    clips.import_manifest(actor=lead, campaign=campaign, manifest=write_csv(video_folder / "m.csv", [make_row(1)]))
    changed = write_csv(video_folder / "m.csv", [make_row(1, generator="toy-2")])
    clip_import = importing.request_import(
        actor=lead, campaign=campaign, source="folder", name="m.csv", manifest=changed, videos=""
    )
    preview_import(clip_import)

    page = collapse_space(as_lead.get(f"/imports/{clip_import.pk}").content.decode())
    assert "Generator: \u2068toy-1\u2069 → \u2068toy-2\u2069." in page
    as_lead.post(f"/imports/{clip_import.pk}/start", {"applies_changes": "on"})
    jobs.run(Job.objects.get(kind="import_clips", state=JobState.QUEUED).pk)

    assert Clip.objects.get().generator == "toy-2"
    assert ImportRow.objects.get(clip_import=clip_import).state == "changed"


def test_the_example_of_a_manifest_can_be_read(as_lead: Client, tmp_path: Path) -> None:
    content = b"".join(as_lead.get("/manifest-template.csv").streaming_content)  # type: ignore[attr-defined]
    (tmp_path / "manifest.csv").write_bytes(content)

    with open_manifest(tmp_path / "manifest.csv") as manifest:
        assert len(list(manifest.rows)) == 2
