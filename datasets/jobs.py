"""Background jobs of releases."""

from datasets.models import Release
from datasets.services import presets, releases, tombstones
from datasets.services.policy import ReleaseRefused
from operations.jobs import JobCancelledError, JobError, JobInterruptedError, JobRun, job_kind
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import verify_release

VERIFY = "verify_release"


@job_kind(releases.KIND, queue="long")
def build_release(run: JobRun) -> dict[str, object]:
    """Build and freeze the release whose key is `release`."""
    release = Release.objects.filter(pk=run.arguments["release"]).first()
    if release is None:
        raise JobError("The release of this job no longer exists.")
    try:
        frozen = releases.build(release, progress=run.report_progress)
    except ReleaseRefused as refusal:
        releases.mark_failed(release)
        raise JobError(str(refusal)) from None
    except (JobInterruptedError, JobCancelledError):  # another worker may have taken the job over
        raise
    except BaseException:
        releases.mark_failed(release)
        raise
    return {"number": frozen.number, "content_hash": frozen.content_hash}


@job_kind(VERIFY, queue="long")
def check_release(run: JobRun) -> dict[str, object]:
    """Check every byte of the release whose key is `release`; the result lists the problems."""
    release = Release.objects.filter(pk=run.arguments["release"]).first()
    if release is None:
        raise JobError("The release of this job no longer exists.")
    try:
        return {"problems": verify_release(releases.locate_release(release))}
    except ReleaseRefused as refusal:
        raise JobError(str(refusal)) from None


@job_kind(tombstones.KIND, queue="long")
def delete_release_data(run: JobRun) -> dict[str, object]:
    """Replace the data of the withdrawn release whose key is `release` by its tombstone."""
    release = Release.objects.filter(pk=run.arguments["release"], state=Release.State.WITHDRAWN).first()
    if release is None:
        raise JobError("The release of this job is not withdrawn, so its data stays.")
    tombstones.delete_data(release)
    return {"number": release.number}


@job_kind(presets.KIND, queue="long")
def write_preset(run: JobRun) -> dict[str, object]:
    """Write the preset `preset` of the release whose key is `release`; the result has its rows."""
    release = Release.objects.filter(pk=run.arguments["release"]).first()
    if release is None:
        raise JobError("The release of this job no longer exists.")
    try:
        summary = presets.build_preset(release, run.arguments["preset"], progress=run.report_progress)
    except (ReleaseRefused, ReleaseError) as refusal:
        raise JobError(str(refusal)) from None
    return {"rows": summary["rows"]}
