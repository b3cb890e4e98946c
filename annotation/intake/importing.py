"""Request an import, start it after its preview, cancel it, and discard it.

The row of an import is the truth about it; jobs read its table (`staging`) and work through its rows (`row_work`).
"""

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.campaigns.campaigns import StateRefused
from annotation.intake.clip_removal import remove_unready
from annotation.intake.staging import check_group_column, split_into_batches
from annotation.intake.upload_folders import IMPORT_CLIPS, delete_files, remove_stale_previews
from annotation.judgements.upkeep import match_after_import
from annotation.models import Campaign, Clip, ClipImport, ImportRow
from annotation.shared.permissions import require_role
from operations import jobs
from operations.models import Job, JobState
from qsave.tables.table import TableError
from qsave.words import isolate

STAGE_IMPORT = "stage_import"
State = ClipImport.State
RowState = ImportRow.State


@transaction.atomic
def request_import(
    *,
    actor: User,
    campaign: Campaign | None,
    source: str,
    name: str,
    manifest: Path | None,
    videos: Path | str,
    has_preview: bool = True,
) -> ClipImport:
    """Create an import; nothing becomes a clip before `start_import`. A job reads its table for the preview, if any.

    `source` is one of ClipImport.Source. `manifest` is None if the videos' own names describe them. The files of an
    upload are deleted when the import is over. A folder on the server is trusted: links in it are followed.
    """
    require_role(actor, Role.LEAD)
    remove_stale_previews()
    clip_import = ClipImport.objects.create(
        campaign=campaign,
        state=State.PREVIEWED,
        source=source,
        name=name[:300],
        manifest=str(manifest or ""),
        videos=str(videos),
        created_by=actor,
    )
    if has_preview:
        clip_import.job = jobs.enqueue(kind=STAGE_IMPORT, arguments=list_arguments(clip_import), actor=actor)
        clip_import.save(update_fields=["job"])
    return clip_import


@transaction.atomic
def start_import(*, actor: User, clip_import: ClipImport, applies_changes: bool = False) -> ClipImport:
    """Start a previewed import, or resume a failed one. Raises StateRefused in other states.

    One that failed before its preview was there is read again for its preview, and not started.
    """
    require_role(actor, Role.LEAD)
    current = _lock_import(clip_import, State.PREVIEWED, State.FAILED)
    if find_state(current) == State.FAILED and current.job is not None and current.job.kind == STAGE_IMPORT:
        return _read_again(current, actor)
    if find_state(current) == State.PREVIEWED:
        _check_is_read(current)
        current.applies_changes = applies_changes
        current.rows.exclude(note="").update(note="")  # those of the preview
    current.state, current.error = State.RUNNING, ""
    current.job = jobs.enqueue(kind=IMPORT_CLIPS, arguments=list_arguments(current), actor=actor)
    current.save(update_fields=["state", "error", "job", "applies_changes"])
    audit.record(actor=actor, action="import.started", target=current.campaign or actor, manifest=current.name)
    return current


@transaction.atomic
def group_by_column(*, actor: User, clip_import: ClipImport, column: str) -> ClipImport:
    """Make rows with the same value of a column one prompt group, or group by similarity again if it is empty.

    Rows that name a prompt_group keep it. A job reads the table again. Raises StateRefused once the import has started,
    while its rows are being read, and for a column that its rows do not have.
    """
    require_role(actor, Role.LEAD)
    current = _lock_import(clip_import, State.PREVIEWED)
    _check_is_read(current)
    try:
        check_group_column(current, column)
    except TableError as refusal:
        raise StateRefused(str(refusal)) from None
    current.group_column, current.row_count, current.preview = column, None, {}
    current.job = jobs.enqueue(kind=STAGE_IMPORT, arguments=list_arguments(current), actor=actor)
    current.save(update_fields=["group_column", "row_count", "preview", "job"])
    return current


def _read_again(current: ClipImport, actor: User) -> ClipImport:
    current.state, current.error = State.PREVIEWED, ""
    current.job = jobs.enqueue(kind=STAGE_IMPORT, arguments=list_arguments(current), actor=actor)
    current.save(update_fields=["state", "error", "job"])
    return current


@transaction.atomic
def cancel_import(*, actor: User, clip_import: ClipImport) -> ClipImport:
    """Cancel a running import: the rows that wait become cancelled, and clips that went in stay."""
    require_role(actor, Role.LEAD)
    current = _lock_import(clip_import, State.RUNNING)
    has_worker = _has_worker(current)
    if current.job is not None:
        jobs.cancel(job=current.job, actor=actor)
    current.rows.filter(state=RowState.WAITING).update(state=RowState.CANCELLED)
    current.state, current.finished_at = State.CANCELLED, timezone.now()
    current.save(update_fields=["state", "finished_at"])
    if not has_worker:  # else the worker settles its rows when it sees the cancellation
        end_cancelled_import(current)
    audit.record(actor=actor, action="import.cancelled", target=current.campaign or actor, manifest=current.name)
    return current


@transaction.atomic
def discard_import(*, actor: User, clip_import: ClipImport) -> None:
    """Delete an import that was not started, with its rows and uploaded files."""
    require_role(actor, Role.LEAD)
    current = _lock_import(clip_import, State.PREVIEWED)
    if current.job is not None:
        jobs.cancel(job=current.job, actor=actor)
    audit.record(actor=actor, action="import.discarded", target=current.campaign or actor, manifest=current.name)
    transaction.on_commit(lambda: delete_files(current))
    ClipImport.objects.filter(pk=current.pk).delete()


def _lock_import(clip_import: ClipImport, *states: str) -> ClipImport:
    current = ClipImport.objects.select_for_update().get(pk=clip_import.pk)
    if find_state(current) not in states:
        raise StateRefused(
            _("The import %(name)s is %(state)s.")
            % {"name": isolate(current.name), "state": current.get_state_display()}
        )
    return current


def _check_is_read(current: ClipImport) -> None:
    if is_being_read(current):
        raise StateRefused(
            _("The rows of %(name)s are still being read. Start the import when they are there.")
            % {"name": isolate(current.name)}
        )


def is_being_read(clip_import: ClipImport) -> bool:
    """Return whether a job has yet to store the preview of an import. Those of earlier versions may lack one."""
    job = clip_import.job
    if job is None or find_state(clip_import) != State.PREVIEWED:
        return False
    return not clip_import.preview and job.state != JobState.DONE


def list_arguments(clip_import: ClipImport) -> dict[str, object]:
    """Return the arguments of an import's jobs."""
    return {"clip_import": clip_import.pk, "campaign": clip_import.campaign_id}


def find_state(clip_import: ClipImport) -> str:
    """Return the state of an import. It has failed, too, if its job ended without a word: its workers died."""
    job = clip_import.job
    if job is None or clip_import.state not in (State.RUNNING, State.PREVIEWED):
        return clip_import.state
    if job.state == JobState.CANCELLED and clip_import.state == State.RUNNING:
        return State.CANCELLED
    return State.FAILED if job.state == JobState.FAILED else clip_import.state


def _has_worker(clip_import: ClipImport) -> bool:
    """Return whether a process works on the import, or has until a moment ago."""
    job = clip_import.job
    if job is None or job.state != JobState.RUNNING or job.heartbeat_at is None:
        return False
    return bool(job.heartbeat_at > timezone.now() - settings.JOB_STALE)


def fail_import(clip_import: ClipImport, error: str) -> None:
    """Record why an import ended before its last row. It can be resumed. Clips that went in get their judgements."""
    unfinished = ClipImport.objects.filter(pk=clip_import.pk, state__in=[State.PREVIEWED, State.RUNNING])
    unfinished.update(state=State.FAILED, error=error, finished_at=timezone.now())
    match_after_import(actor=clip_import.created_by)


def describe_machine_error(error: OSError, *, has_started: bool = True) -> str:
    """Say what the machine lacks, such as room on the disk, and how to continue; paths of the server stay out."""
    reason = error.strerror or type(error).__name__
    if not has_started:
        return _("%(reason)s. Correct that, then resume the import.") % {"reason": reason}
    return _("%(reason)s. Correct that, then resume the import. Its clips so far are in.") % {"reason": reason}


@transaction.atomic
def end_cancelled_import(clip_import: ClipImport) -> None:
    """Settle the rows of an import whose job was cancelled: rows that are left are cancelled, unready clips removed.

    A clip that another import waits for stays. Clips that went in get their judgements.
    """
    running = ClipImport.objects.filter(pk=clip_import.pk, state=State.RUNNING)
    running.update(state=State.CANCELLED, finished_at=timezone.now())
    rows = clip_import.rows.order_by("pk").select_for_update()
    left = list(rows.filter(state__in=[RowState.WAITING, RowState.WORKING, RowState.STORED]).only("pk", "clip"))
    clips = {row.clip_id for row in left if row.clip_id}
    for batch in split_into_batches([row.pk for row in left]):
        ImportRow.objects.filter(pk__in=batch).update(state=RowState.CANCELLED, worker="", clip=None, is_new=False)
    awaited = ImportRow.objects.filter(clip__in=clips, state=RowState.STORED).values("clip")
    remove_unready(list(Clip.objects.filter(pk__in=clips, is_ready=False).exclude(pk__in=awaited)))
    delete_files(clip_import)
    match_after_import(actor=clip_import.created_by)


def adopt_earlier_job(job: Job) -> ClipImport | None:
    """Return the import of a job that an earlier version queued, which names a manifest and a campaign."""
    campaign = Campaign.objects.filter(pk=job.arguments["campaign"]).first()
    if job.created_by is None or (campaign is None and job.arguments["campaign"]):
        return None
    manifest = Path(job.arguments["manifest"])
    values = {"campaign": campaign, "created_by": job.created_by, "name": manifest.name[:300]}
    return ClipImport.objects.get_or_create(job=job, defaults=values | {"manifest": str(manifest)})[0]
