"""Delete the data of withdrawn releases and leave a tombstone in its place.

A job does it after the withdrawal. It may be killed at any point and started again.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from accounts.models import Role
from datasets.models import Release
from operations.jobs import enqueue
from operations.models import Job, JobState
from qsave.files import write_json
from qsave.release.manifest import MANIFEST_NAME
from qsave.release.tombstone import TOMBSTONE_NAME, ReleaseName, Tombstone

KIND = "delete_release_data"


def find_replacement(release: Release) -> Release | None:
    """Return the newest frozen release of the campaign that was made later; None without one."""
    later = Release.objects.filter(campaign=release.campaign_id, number__gt=release.number)
    return later.filter(state=Release.State.FROZEN).order_by("-number").first()


def make_tombstone(release: Release) -> Tombstone:
    """Return the tombstone of a withdrawn release."""
    assert release.frozen_at is not None
    assert release.withdrawn_at is not None
    return Tombstone(
        number=release.number,
        name=release.name,
        content_hash=release.content_hash,
        campaign=release.campaign.name,
        simulated=release.is_simulated,
        counts=release.counts,
        parent=_name(release.parent),
        frozen_at=release.frozen_at.isoformat(timespec="seconds"),
        withdrawn_at=release.withdrawn_at.isoformat(timespec="seconds"),
        withdrawn_by=Role.ENGINEER.value,  # only engineers withdraw releases
        reason=release.withdrawal_reason,
        replaced_by=_name(find_replacement(release)),
    )


def delete_data(release: Release) -> None:
    """Replace the data of a withdrawn release by its tombstone, and delete its presets and caches."""
    folder = Path(settings.RELEASE_ROOT) / release.folder
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / TOMBSTONE_NAME, make_tombstone(release).to_json())
    for path in (folder / MANIFEST_NAME, *_list_data(release)):  # without a manifest it is no release any more
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def queue_deletions() -> int:
    """Queue the deletion for withdrawn releases that still have data, and return how many.

    Earlier versions left the data of a withdrawn release in its folder.
    """
    open_jobs = Job.objects.filter(kind=KIND, state__in=[JobState.QUEUED, JobState.RUNNING])
    queued = {job.arguments["release"] for job in open_jobs}
    withdrawn = Release.objects.filter(state=Release.State.WITHDRAWN).exclude(pk__in=queued)
    releases = [release for release in withdrawn if any(_list_data(release))]
    for release in releases:
        enqueue(kind=KIND, arguments={"release": release.pk}, actor=release.withdrawn_by)
    return len(releases)


def _list_data(release: Release) -> Iterator[Path]:
    """Yield what is in a release's folder besides the tombstone, and its presets and caches beside that folder."""
    root = Path(settings.RELEASE_ROOT)
    folder = root / release.folder
    assert release.folder, "without a name, this would be the folder of all releases"
    yield from (path for path in folder.glob("*") if path.name != TOMBSTONE_NAME)
    yield from (path for path in root.glob(f"{release.number:04d}-*") if path != folder)


def _name(release: Release | None) -> ReleaseName | None:
    return ReleaseName(release.number, release.name, release.content_hash) if release else None
