"""What the annotation room does in the background."""

from pathlib import Path

from annotation import uploads
from annotation.models import Campaign
from annotation.services.manifests import ManifestError
from operations.jobs import JobError, JobRun, job_kind


@job_kind("import_clips", queue="long")
def import_clips(run: JobRun) -> dict[str, object]:
    """Imports `manifest` (a path on this host) into `campaign` (its key, or None) for whoever asked."""
    # The web process reads this module too, to know the kind; what decodes and groups clips is the worker's to load.
    from annotation.services.clips import import_manifest

    campaign = Campaign.objects.filter(pk=run.arguments["campaign"]).first() if run.arguments["campaign"] else None
    actor = run.job.created_by
    if actor is None or (campaign is None and run.arguments["campaign"]):
        raise JobError("The campaign of this import, or the person who asked for it, is gone.")
    manifest = Path(run.arguments["manifest"])
    try:
        report = import_manifest(actor=actor, campaign=campaign, manifest=manifest, on_progress=run.progress)
    except ManifestError as error:
        uploads.discard(manifest)
        raise JobError(str(error)) from None
    uploads.discard(manifest)
    return report.as_json()
