"""Import clips: each row of a manifest becomes a clip with its files, facts, frame times, prompt group and split.

Rows are independent: a bad row is reported by its number and reason, and the others are imported. A clip that exists
already is not added again, so an import that is interrupted or repeated gives the same result as a single one.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone

from accounts import audit
from accounts.models import Role, User
from annotation.intake.buckets import SCHEME
from annotation.intake.import_helpers import run_helpers
from annotation.intake.import_report import ImportReport, read_report
from annotation.intake.importing import describe_machine_error, fail_import, list_arguments
from annotation.intake.row_claims import has_open_rows
from annotation.intake.row_release import release_rows
from annotation.intake.row_work import CLAIM_SIZE, work_through_rows
from annotation.intake.staging import group_rows, stage_rows
from annotation.intake.unpacking import unpack_upload
from annotation.intake.upload_folders import IMPORT_CLIPS, delete_files
from annotation.judgements.upkeep import match_after_import
from annotation.models import Campaign, ClipImport, ImportRow
from annotation.shared.permissions import require_role
from operations import jobs
from operations.models import Job

PROGRESS_SECONDS = 0.5
Progress = Callable[[float, str], None]
_OPEN = (ImportRow.State.WAITING, ImportRow.State.WORKING, ImportRow.State.STORED)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How an import is done, and what people call it."""

    workers: int = 0
    """How many processes read its videos; with 0, this one does."""
    applies_changes: bool = False
    """Whether clips that exist already get the values of their rows."""
    group_column: str = ""
    """Rows with the same value of this column are one prompt group."""
    name: str = ""
    """Empty for the name of its manifest."""


def import_manifest(
    *,
    actor: User,
    campaign: Campaign | None,
    manifest: Path,
    videos: Path | str = "",
    simulated: bool = False,
    options: ImportOptions | None = None,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Import a manifest with the videos beside it, or in `videos`: an operator's folder, whose links are followed, or
    the address of a bucket.

    With a campaign, the clips become items there. `on_progress(share, message)` is called while rows are worked on.
    Raises TableError if no row can be read. Errors that no row causes, such as a full disk or a lost database, are
    raised as they are.
    """
    require_role(actor, Role.LEAD)
    options = options or ImportOptions()
    manifest = manifest.absolute()
    clip_import = ClipImport.objects.create(
        campaign=campaign,
        source=ClipImport.Source.BUCKET if str(videos).startswith(SCHEME) else ClipImport.Source.FOLDER,
        name=options.name or manifest.name,
        manifest=str(manifest),
        videos=str(videos),
        is_simulated=simulated,
        applies_changes=options.applies_changes,
        group_column=options.group_column,
        created_by=actor,
    )
    # If this process is killed, a worker of the site resumes the job.
    with jobs.run_here(kind=IMPORT_CLIPS, arguments=list_arguments(clip_import), actor=actor) as run:
        ClipImport.objects.filter(pk=clip_import.pk).update(job=run.job)

        def report_progress(share: float, message: str) -> None:
            run.report_progress(share, message)
            if on_progress is not None:
                on_progress(share, message)

        try:
            report = run_import(clip_import, workers=options.workers, on_progress=report_progress)
            Job.objects.filter(pk=run.job.pk).update(result=report.as_json())
            return report
        except BaseException as error:
            words = describe_machine_error(error) if isinstance(error, OSError) else str(error)
            was_interrupted = isinstance(error, KeyboardInterrupt)
            fail_import(clip_import, "Interrupted." if was_interrupted else words or type(error).__name__)
            raise


def run_import(clip_import: ClipImport, *, workers: int = 0, on_progress: Progress | None = None) -> ImportReport:
    """Stage the rows of an import, work through them and finish it. An attempt that was killed is resumed.

    `workers` processes read the videos; with 0, this one does, and a video that ends it ends the caller.
    Raises TableError, UploadRefused, and errors of the machine; the rows that are left wait then.
    """
    release_rows(clip_import, died=True)
    unpack_upload(clip_import, on_progress or (lambda _share, _message: None))
    stage_rows(clip_import)
    group_rows(clip_import)
    _count_done(clip_import)
    report = _make_reporter(clip_import, on_progress)
    report()
    while has_open_rows(clip_import):
        if workers:
            run_helpers(clip_import, min(workers, math.ceil((clip_import.row_count or 1) / CLAIM_SIZE)), report)
        else:
            work_through_rows(clip_import, report=report)
    return _finish(clip_import)


def _count_done(clip_import: ClipImport) -> None:
    clip_import.done_before = clip_import.rows.exclude(state__in=_OPEN).count()
    clip_import.save(update_fields=["done_before"])


def _finish(clip_import: ClipImport) -> ImportReport:
    report = read_report(clip_import)
    report.matched = match_after_import(actor=clip_import.created_by)
    running = ClipImport.objects.filter(pk=clip_import.pk, state=ClipImport.State.RUNNING)
    if running.update(state=ClipImport.State.DONE, notes=report.warnings, finished_at=timezone.now()):
        target = clip_import.campaign or clip_import.created_by
        counts = {"added": report.added, "present": report.present, "refused": len(report.problems)}
        counts |= {"groups": report.groups, "bridges": report.bridges}
        audit.record(
            actor=clip_import.created_by, action="clips.imported", target=target, manifest=clip_import.name, **counts
        )
        delete_files(clip_import)
    return report


def _make_reporter(clip_import: ClipImport, on_progress: Progress | None) -> Callable[[], None]:
    """Return a function that reports the share of rows that are done. It counts them twice a second at most."""
    total, next_count, done = clip_import.row_count or 0, 0.0, 0

    def report() -> None:
        nonlocal next_count, done
        if on_progress is None:
            return
        if time.monotonic() >= next_count:
            done = total - clip_import.rows.filter(state__in=_OPEN).count()
            next_count = time.monotonic() + PROGRESS_SECONDS
        on_progress(done / total if total else 1.0, f"{done} of {total} rows")

    return report
