"""Imports by several processes and threads at once, and imports whose processes are killed."""

import sys
from pathlib import Path

import pytest
from django.conf import settings

from annotation.campaigns.campaigns import create_campaign
from annotation.intake import clips, import_helpers, staging
from annotation.intake.import_report import ImportReport
from annotation.intake.row_claims import State, claim_rows
from annotation.intake.row_release import MOST_ATTEMPTS, release_rows
from annotation.intake.upload_folders import delete_files, name_owner
from annotation.models import Campaign, Clip, ClipImport, ImportRow, Item, Slot
from operations import abandoned_jobs, jobs
from operations.models import Job, JobState
from tests.annotation import factories
from tests.annotation.intake.imports import list_media_files, make_row, run_import, write_csv
from tests.support import processes
from tests.support.threads import run_at_once
from tests.support.waiting import LIMIT_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
VIDEOS = 3


def write_manifest(folder: Path, rows: int) -> Path:
    prompts = [factories.make_prompt(number % 7) for number in range(rows)]
    made = [make_row(number, video=f"v/{number % VIDEOS + 1}.mp4", prompt=prompts[number]) for number in range(rows)]
    return write_csv(folder / "m.csv", made)


def check_whole(campaign: Campaign, rows: int) -> None:
    """Check that each row of a manifest is one clip with its files, item and slots."""
    assert Clip.objects.filter(is_ready=True).count() == Clip.objects.count() == rows
    available = Item.objects.filter(campaign=campaign, availability=Item.Availability.AVAILABLE)
    assert available.count() == Item.objects.count() == rows
    assert Slot.objects.filter(campaign=campaign).count() == rows * campaign.overlap
    over = [State.ADDED, State.PRESENT]
    assert not ImportRow.objects.exclude(state__in=over).exists()
    assert len(list_media_files()) == 2 * VIDEOS


def test_two_imports_of_one_manifest_at_once_add_each_clip_once(video_folder: Path) -> None:
    lead = factories.make_lead()
    campaign = create_campaign(actor=lead, name="both", title="Both")
    manifest = write_manifest(video_folder, 20)

    def run() -> object:
        return clips.import_manifest(actor=lead, campaign=campaign, manifest=manifest)

    reports = run_at_once(run, run)

    assert [getattr(report, "problems", report) for report in reports] == [[], []]
    assert sum(report.added for report in reports if isinstance(report, ImportReport)) == 20
    assert sum(report.present for report in reports if isinstance(report, ImportReport)) == 20
    check_whole(campaign, 20)


def test_rows_are_read_in_batches_between_which_this_and_another_process_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "BATCH_SIZE", 1)
    clip_import = factories.make_import(factories.make_campaign())
    numbers = []

    for (row,) in staging.read_in_batches(clip_import.rows.all()):
        assert run_at_once(lambda: ClipImport.objects.update(name="another")) == [1]
        assert ImportRow.objects.filter(pk=row.pk).update(note="read") == 1
        numbers.append(row.number)

    assert numbers == [1, 2, 3]


def test_the_processes_of_an_import_share_its_rows(video_folder: Path) -> None:
    lead = factories.make_lead()
    create_campaign(actor=lead, name="shared", title="Shared")
    manifest = write_manifest(video_folder, 24)
    words = ("manage.py", "import_clips", str(manifest), "--campaign", "shared", "--workers", "2")

    with processes.python(*words, log=video_folder / "log", QSAVE_MEDIA=str(settings.MEDIA_ROOT)) as command:
        assert command.wait(timeout=LIMIT_SECONDS) == 0, (video_folder / "log").read_text()

    assert "24 added" in (video_folder / "log").read_text()
    check_whole(Campaign.objects.get(), 24)


def test_an_import_that_is_killed_goes_on_where_it_was(video_folder: Path) -> None:
    lead = factories.make_lead()
    create_campaign(actor=lead, name="killed", title="Killed")
    rows = 120
    manifest = write_manifest(video_folder, rows)
    words = ("manage.py", "import_clips", str(manifest), "--campaign", "killed", "--workers", "2")
    with processes.python(*words, log=video_folder / "log", QSAVE_MEDIA=str(settings.MEDIA_ROOT)) as command:
        wait_until(lambda: Clip.objects.count() >= 8, what="the first clips")
        command.kill()
        command.wait()
    stored = Clip.objects.count()
    assert stored < rows

    assert abandoned_jobs.reclaim() == 1
    job = jobs.run(Job.objects.get().pk)

    assert job is not None
    assert (job.state, job.result["added"], job.result["problems"]) == (JobState.DONE, rows, [])
    assert ClipImport.objects.get().state == ClipImport.State.DONE
    check_whole(Campaign.objects.get(), rows)


def test_a_video_that_ends_each_process_that_reads_it_costs_its_own_row_and_no_other() -> None:
    clip_import = ClipImport.objects.create(created_by=factories.make_lead())
    ImportRow.objects.bulk_create(ImportRow(clip_import=clip_import, number=number) for number in range(1, 9))
    deadly = 5
    assert len(claim_rows(clip_import, "first", 8)) == 8
    release_rows(clip_import, ["first"], died=True)

    for attempt in range(20):
        rows = claim_rows(clip_import, f"worker-{attempt}", 8)
        assert len(rows) <= 1
        if [row.number for row in rows] == [deadly]:
            release_rows(clip_import, [f"worker-{attempt}"], died=True)
        else:
            ImportRow.objects.filter(pk__in=[row.pk for row in rows]).update(state=State.PRESENT, worker="")

    states = dict(ImportRow.objects.values_list("number", "state"))
    assert states == dict.fromkeys(range(1, 9), State.PRESENT) | {deadly: State.REFUSED}
    assert f"ended {MOST_ATTEMPTS} times" in ImportRow.objects.get(number=deadly).reason


def test_a_video_that_ends_each_process_that_decodes_it_leaves_no_clip() -> None:
    campaign = factories.make_campaign(1)
    Clip.objects.update(is_ready=False)
    clip_import = ClipImport.objects.create(created_by=factories.make_lead())
    clip = Clip.objects.get()
    ImportRow.objects.create(clip_import=clip_import, number=1, state=State.STORED, clip=clip, is_new=True)

    for attempt in range(MOST_ATTEMPTS):
        (row,) = claim_rows(clip_import, f"worker-{attempt}", 8)
        release_rows(clip_import, [row.worker], died=True)

    assert ImportRow.objects.get().state == State.REFUSED
    assert not campaign.items.exists()
    assert not Clip.objects.exists()


def test_processes_that_end_at_once_stop_the_import_with_a_sentence(
    video_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    manifest = write_manifest(video_folder, 3)

    with pytest.raises(import_helpers.HelpersDie):
        run_import(manifest, options=clips.ImportOptions(workers=2))

    assert ClipImport.objects.get().error.startswith("The processes that read the videos end at once, see")


def test_a_worker_that_ends_in_order_gives_its_rows_back_and_counts_no_attempt() -> None:
    clip_import = ClipImport.objects.create(created_by=factories.make_lead())
    ImportRow.objects.bulk_create(ImportRow(clip_import=clip_import, number=number) for number in range(1, 4))

    first = claim_rows(clip_import, "one", 2)
    second = claim_rows(clip_import, "two", 8)
    release_rows(clip_import, ["one"])

    assert [row.number for row in (*first, *second)] == [1, 2, 3]
    states = list(ImportRow.objects.order_by("number").values_list("state", "attempts"))
    assert states == [(State.WAITING, 0), (State.WAITING, 0), (State.WORKING, 1)]


def test_the_work_folders_that_a_killed_process_left_are_deleted_with_the_files_of_its_import() -> None:
    ours, other = (ClipImport.objects.create(created_by=factories.make_lead()) for _ in range(2))
    incoming = Path(settings.MEDIA_ROOT) / "incoming"
    folders = [incoming / f"{name_owner(one.pk)}-x" for one in (ours, other)]
    for folder in folders:
        folder.mkdir(parents=True)

    delete_files(ours)

    assert [folder.exists() for folder in folders] == [False, True]
    delete_files(other)
