"""The background jobs of annotation."""

from pathlib import Path

from annotation.campaigns.duplicate import COPY_CLIPS, copy_clips
from annotation.campaigns.slots import UPDATE_SLOTS, update_slots
from annotation.intake import uploads
from annotation.models import Campaign
from operations.jobs import JobCancelledError, JobError, JobInterruptedError, JobRun, job_kind
from qsave.tables.table import TableError


@job_kind(uploads.IMPORT_CLIPS, queue="long")
def import_clips(run: JobRun) -> dict[str, object]:
    """Import `manifest` (a path on this host) into `campaign` (its key, or None)."""
    # The web process imports this module too; only the worker should load the code that decodes and groups clips.
    from annotation.intake.clips import import_manifest

    manifest, is_over = Path(run.arguments["manifest"]), True
    try:
        campaign = Campaign.objects.filter(pk=run.arguments["campaign"]).first() if run.arguments["campaign"] else None
        actor = run.job.created_by
        if actor is None or (campaign is None and run.arguments["campaign"]):
            raise JobError("The campaign of this import, or the person who requested it, no longer exists.")
        report = import_manifest(actor=actor, campaign=campaign, manifest=manifest, on_progress=run.report_progress)
    except TableError as error:
        raise JobError(str(error)) from None
    except JobInterruptedError:
        is_over = False
        raise
    except JobCancelledError:
        is_over = not uploads.is_awaited(manifest)  # another worker may have taken the job over
        raise
    finally:
        if is_over:
            uploads.discard(manifest)
    return report.as_json()


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
