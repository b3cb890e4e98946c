"""The background jobs of annotation."""

import shutil
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

from annotation.agreement.stored import COMPUTE_FIGURES
from annotation.campaigns.duplicate import COPY_CLIPS, copy_clips
from annotation.campaigns.slots import UPDATE_SLOTS, update_slots
from annotation.corrections import new_file_process
from annotation.corrections.uploads import REPLACE_FILE, discard_upload
from annotation.intake.archives import UploadRefused
from annotation.intake.importing import (
    STAGE_IMPORT,
    adopt_earlier_job,
    describe_machine_error,
    end_cancelled_import,
    fail_import,
)
from annotation.intake.unpacking import unpack_upload
from annotation.intake.upload_folders import IMPORT_CLIPS, delete_files, find_folders
from annotation.judgements.importing import IMPORT_JUDGEMENTS
from annotation.models import Campaign, Clip, ClipImport, JudgementImport
from operations.jobs import JobCancelledError, JobError, JobInterruptedError, JobRun, job_kind
from operations.models import Job, JobState
from qsave.tables.table import TableError


@job_kind(STAGE_IMPORT)
def stage_import(run: JobRun) -> dict[str, object]:
    """Unpack the archives of the import with key `clip_import`, and read its table, for its preview."""
    from annotation.intake.import_preview import preview_import  # see import_clips

    clip_import = _find_import(run)
    try:
        unpack_upload(clip_import, run.report_progress)
        preview_import(clip_import, run.report_progress)
    except (TableError, UploadRefused) as error:
        fail_import(clip_import, str(error))
        delete_files(clip_import)
        raise JobError(str(error)) from None
    except (OSError, JobCancelledError) as error:
        if not ClipImport.objects.filter(pk=clip_import.pk).exists():  # discarded meanwhile, with its files
            delete_files(clip_import)
            raise JobCancelledError from None
        if isinstance(error, JobCancelledError):  # another worker took the job over
            raise
        reason = describe_machine_error(error, has_started=False)
        fail_import(clip_import, reason)
        raise JobError(reason) from error
    return {"rows": clip_import.row_count}


@job_kind(IMPORT_CLIPS, queue="long")
def import_clips(run: JobRun) -> dict[str, object]:
    """Work through the rows of the import with key `clip_import`."""
    # The web process imports this module too; only the worker should load the code that decodes and groups clips.
    from annotation.intake.clips import run_import

    clip_import = _find_import(run)
    try:
        return run_import(clip_import, workers=settings.IMPORT_WORKERS, on_progress=run.report_progress).as_json()
    except JobInterruptedError:
        raise
    except JobCancelledError:
        if not Job.objects.filter(pk=run.job.pk, state=JobState.RUNNING).exists():  # no other worker took it over
            end_cancelled_import(clip_import)
        raise
    except (TableError, UploadRefused) as error:
        fail_import(clip_import, str(error))
        delete_files(clip_import)  # the same table has no rows the next time either
        raise JobError(str(error)) from None
    except OSError as error:
        reason = describe_machine_error(error)
        fail_import(clip_import, reason)
        raise JobError(reason) from error
    except Exception as error:
        fail_import(clip_import, str(error) or type(error).__name__)
        raise


def _find_import(run: JobRun) -> ClipImport:
    clip_import = (
        ClipImport.objects.select_related("campaign", "created_by")
        .filter(pk=run.arguments.get("clip_import", 0))
        .first()
    )
    if clip_import is None and "manifest" in run.arguments:
        clip_import = adopt_earlier_job(run.job)
        if clip_import is None:
            for folder in find_folders(run.arguments["manifest"]):
                shutil.rmtree(folder, ignore_errors=True)
    if clip_import is None:
        raise JobError("This import, or its campaign, no longer exists.")
    return clip_import


@job_kind(COPY_CLIPS, queue="long")
def copy_clips_of_campaign(run: JobRun) -> dict[str, object]:
    """Copy the clips of campaign `source` into its duplicate `campaign` (keys), with the requested marks."""
    target, source = (Campaign.objects.filter(pk=run.arguments[name]).first() for name in ("campaign", "source"))
    actor = run.job.created_by
    if actor is None or source is None or target is None:
        raise JobError("The campaign of this copy, or the person who requested it, no longer exists.")
    marks = {name: bool(run.arguments[name]) for name in ("golds", "qualification")}
    for done, total in copy_clips(actor=actor, source=source, target=target, **marks):
        run.report_progress(done / total, f"{done} of {total} clips copied")
    return {"clips": target.items.count()}


@job_kind(UPDATE_SLOTS, queue="long")
def update_slots_of_campaign(run: JobRun) -> dict[str, object]:
    """Bring the slots of `campaign` (its key) in line with its settings."""
    campaign = Campaign.objects.filter(pk=run.arguments["campaign"]).first()
    if campaign is None:
        raise JobError("The campaign of this job no longer exists.")
    for done, total in update_slots(campaign, run.arguments["newest_slot"]):
        run.report_progress(done / total, f"{done} of {total} clips have their slots")
    return {}


@job_kind(IMPORT_JUDGEMENTS, queue="long")
def import_judgements(run: JobRun) -> dict[str, object]:
    """Store the judgements of the import `judgement_import` (its key)."""
    from annotation.judgements.running import mark_failed, run_import  # loads what only the worker needs

    row = JudgementImport.objects.select_related("campaign", "created_by").filter(pk=run.arguments["judgement_import"])
    judgement_import = row.first()
    if judgement_import is None:
        raise JobError("This import was deleted.")
    try:
        run_import(judgement_import, on_progress=run.report_progress)
    except TableError as error:
        mark_failed(judgement_import, str(error))
        raise JobError(str(error)) from None
    return {"added": judgement_import.added, "refused": judgement_import.refused}


@job_kind(REPLACE_FILE)
def replace_file_of_clip(run: JobRun) -> dict[str, object]:
    """Replace the file of the clip with key `clip` by the upload at `path`."""
    from annotation.corrections.correct import correct_clip  # see import_clips

    path, actor = Path(run.arguments["path"]), run.job.created_by
    clip = Clip.objects.filter(pk=run.arguments["clip"]).first()
    if clip is None or actor is None:
        raise JobError("The clip, or the person who replaced its file, no longer exists.")
    try:
        values = {"video": new_file_process.read_new_file_apart(path)}
        corrected = correct_clip(actor=actor, clip=clip, values=values, reason=run.arguments["reason"])
    except ValidationError as refusal:
        discard_upload(path)
        raise JobError(" ".join(refusal.messages)) from None
    discard_upload(path)
    return {"version": corrected.version}


@job_kind(COMPUTE_FIGURES)
def compute_figures_of_campaign(run: JobRun) -> dict[str, object]:
    """Compute the agreement figures of the campaign with key `campaign`."""
    from annotation.agreement.stored import compute_figures

    campaign = Campaign.objects.filter(pk=run.arguments["campaign"]).first()
    if campaign is None:
        raise JobError("The campaign of this job no longer exists.")
    return {"changed": compute_figures(campaign)}
