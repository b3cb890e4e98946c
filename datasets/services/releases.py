"""Freeze a release: an engineer requests it, a job builds its folder, renames it into place and marks the row frozen.

An interrupted build leaves a folder under `.building/`, which no reader reads; the next attempt starts from the
beginning. The row becomes frozen only after its folder has its final name.
"""

import errno
import logging
import re
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.models import Campaign, Rating, Split
from annotation.shared.permissions import require_role
from datasets.models import Release
from datasets.services.folder import Header, write_folder
from datasets.services.judgements import check_sources
from datasets.services.policy import NoTrainRows, ReleasePolicy, ReleaseRefused, check_split_sizes
from datasets.services.progress import Progress, cut_step
from datasets.services.snapshot import count_held_out, has_train_clips, write_snapshot
from datasets.services.tombstones import make_tombstone
from operations import jobs
from operations.jobs import JobCancelledError
from operations.models import Job, JobState
from qsave.release.manifest import FORMAT
from qsave.words import isolate

KIND = "build_release"
BUILDING = ".building"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}", re.IGNORECASE)

logger = logging.getLogger(__name__)


@transaction.atomic
def request_release(*, actor: User, campaign: Campaign, name: str, policy: ReleasePolicy) -> Release:
    """Create a numbered release and the job that builds it. Raises ReleaseRefused if it cannot be made.

    The same request, made again while its release is being built, returns that release (`is_requested_again`).
    """
    name = policy.complete_name(name)
    _check_request(actor, campaign, name, policy)
    _lock_numbers()
    release = find_open_build(campaign, name, policy)
    if release is None:
        release = _create_release(actor, campaign, name, policy)
        release.job = jobs.enqueue(kind=KIND, arguments={"release": release.pk}, actor=actor)
        release.save(update_fields=["job"])
    else:
        release.is_requested_again = True
    return release


def find_open_build(campaign: Campaign, name: str, policy: ReleasePolicy) -> Release | None:
    """Return the release of this name and policy that a job is going to build or is building, if there is one."""
    building = Release.objects.filter(
        campaign=campaign,
        name=name,
        state=Release.State.BUILDING,
        job__state__in=[JobState.QUEUED, JobState.RUNNING],
    )
    return next((release for release in building if ReleasePolicy.from_json(release.policy) == policy), None)


@transaction.atomic
def cancel_job(*, actor: User, release: Release, job: Job) -> bool:
    """Cancel a job of a release: its build, its verification or one of its presets.

    A release whose build is cancelled has failed. Return False if the job had ended, or is one of another release.
    """
    require_role(actor, Role.ENGINEER)
    if job.arguments.get("release") != release.pk or not jobs.cancel(job=job, actor=actor):
        return False
    if job.kind == KIND:
        mark_failed(release)
    return True


def build_release(
    *,
    actor: User,
    campaign: Campaign,
    name: str,
    policy: ReleasePolicy | None = None,
    progress: Progress = lambda share, message: None,
) -> Release:
    """Number, build and freeze a release in this process. Raises ReleaseRefused if it cannot be made."""
    policy = policy or ReleasePolicy()
    name = policy.complete_name(name)
    _check_request(actor, campaign, name, policy)
    release = _start_build(actor, campaign, name, policy)
    with jobs.run_here(kind=KIND, arguments={"release": release.pk}, actor=actor) as run:
        Release.objects.filter(pk=release.pk).update(job=run.job)

        def report(share: float, message: str) -> None:
            run.report_progress(share, message)
            progress(share, message)

        try:
            return build(release, progress=report)
        except BaseException:
            mark_failed(release)
            raise


def build(release: Release, *, progress: Progress) -> Release:
    """Build and freeze a requested release; one that is frozen already stays as it is. Safe to run again."""
    release = Release.objects.select_related("campaign", "parent").get(pk=release.pk)
    if release.state in (Release.State.FROZEN, Release.State.WITHDRAWN):
        return release
    root = Path(settings.RELEASE_ROOT)
    work = root / BUILDING / f"{release.pk}-{uuid.uuid4().hex}"
    final = root / f"{release.number:04d}-{release.name}"
    _clear([*(root / BUILDING).glob(f"{release.pk}-*"), final])
    try:
        manifest = _write(release, work, progress)
        (work / "release").rename(final)
        return _freeze(release, final, manifest)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise ReleaseRefused(
            f"The disk of the releases ({root}) is full ({error.strerror}). Nothing of release {release} is left on "
            "it. Free some space, then freeze it again."
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def mark_failed(release: Release) -> None:
    """Mark a release that is still being built as failed."""
    Release.objects.filter(pk=release.pk, state=Release.State.BUILDING).update(state=Release.State.FAILED)


def locate_release(release: Release) -> Path:
    """Return the folder of a frozen release. Raises ReleaseRefused if it is not frozen or has an earlier format."""
    if release.state == Release.State.WITHDRAWN:
        raise ReleaseRefused(make_tombstone(release).explain())
    if release.state != Release.State.FROZEN:
        raise ReleaseRefused(
            _("Release %(release)s is %(state)s and has no folder.")
            % {"release": isolate(release), "state": release.state}
        )
    if release.is_of_earlier_format:
        raise ReleaseRefused(
            _(
                "Release %(release)s has the earlier format %(format)s, which is not read any more. Freeze it again: a "
                "new release of the same campaign has the present format."
            )
            % {"release": isolate(release), "format": release.format}
        )
    return Path(settings.RELEASE_ROOT) / release.folder


def _check_request(actor: User, campaign: Campaign, name: str, policy: ReleasePolicy) -> None:
    """Raise ReleaseRefused if it is known before the build that the release cannot be made."""
    require_role(actor, Role.ENGINEER)
    if not _NAME.fullmatch(name):
        raise ReleaseRefused(
            _("The name of a release is made of letters, digits, - and _ (at most 80); got %(name)s.")
            % {"name": isolate(repr(name))}
        )
    if not Rating.objects.filter(item__campaign=campaign).exists():
        raise ReleaseRefused(
            _("Campaign %(name)s has no ratings yet. Rate some of its clips first.") % {"name": isolate(campaign.name)}
        )
    if not has_train_clips(campaign, reviewed=policy.choose_target(Split.TRAIN) == "reviewed"):
        raise NoTrainRows(campaign.name, policy)
    check_split_sizes(count_held_out(campaign), policy)
    check_sources(campaign, policy.imported_sources)


def _lock_numbers() -> None:
    """Make other requests wait until the transaction ends, so that two releases never get one number."""
    Campaign.objects.select_for_update(no_key=True).order_by("pk").first()


@transaction.atomic
def _start_build(actor: User, campaign: Campaign, name: str, policy: ReleasePolicy) -> Release:
    """Create the release that this process builds. Raises ReleaseRefused if it is being built already."""
    _lock_numbers()
    building = find_open_build(campaign, name, policy)
    if building is not None:
        raise ReleaseRefused(
            _("Release %(release)s with the same name and options is being built already. Wait until it is frozen.")
            % {"release": isolate(building)}
        )
    return _create_release(actor, campaign, name, policy)


def _create_release(actor: User, campaign: Campaign, name: str, policy: ReleasePolicy) -> Release:
    newest = Release.objects.aggregate(newest=Max("number"))["newest"] or 0
    release = Release.objects.create(
        number=newest + 1,
        name=name,
        campaign=campaign,
        parent=Release.objects.filter(campaign=campaign, state=Release.State.FROZEN).order_by("-number").first(),
        policy=policy.to_json(),
        created_by=actor,
    )
    audit.record(actor=actor, action="release.requested", target=release, number=release.number, campaign=campaign.name)
    return release


def _clear(folders: Iterable[Path]) -> None:
    """Remove the folders of earlier attempts. No reader uses the folder of a release before its row is frozen."""
    for folder in folders:
        if folder.exists():
            logger.warning("Removing %s, left by an interrupted build", folder)
            shutil.rmtree(folder)


def _write(release: Release, work: Path, progress: Progress) -> dict[str, object]:
    folder = work / "release"
    folder.mkdir(parents=True)
    snapshot = work / "snapshot"
    policy = ReleasePolicy.from_json(release.policy)
    write_snapshot(release.campaign, snapshot, policy, cut_step(progress, 0.0, 0.4))
    parent = release.parent
    return write_folder(
        folder,
        snapshot,
        header=Header(
            name=release.name,
            number=release.number,
            campaign=release.campaign.name,
            title=release.campaign.title,
            parent={"number": parent.number, "content_hash": parent.content_hash} if parent else None,
            simulated=release.campaign.is_simulated,
        ),
        policy=policy,
        media=Path(settings.MEDIA_ROOT),
        progress=cut_step(progress, 0.4, 1.0),
    )


@transaction.atomic
def _freeze(release: Release, final: Path, manifest: dict[str, object]) -> Release:
    state = Release.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=release.pk)
    if state != Release.State.BUILDING:
        shutil.rmtree(final)
        raise JobCancelledError
    release.state = Release.State.FROZEN
    release.format = FORMAT
    release.folder = final.name
    release.content_hash = str(manifest["content_hash"])
    release.counts = manifest["counts"]
    release.is_simulated = bool(manifest["simulated"])
    release.frozen_at = timezone.now()
    release.save(update_fields=["state", "format", "folder", "content_hash", "counts", "is_simulated", "frozen_at"])
    audit.record(
        actor=release.created_by,
        action="release.frozen",
        target=release,
        number=release.number,
        content_hash=release.content_hash,
    )
    return release
