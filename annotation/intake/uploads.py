"""Store uploaded files for an import in a folder with a manifest, and refuse hostile ones.

Nothing is served from this folder: the import copies good files into the media store under names of their own and
deletes the folder.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.intake.archives import CHUNK, MAX_BYTES, UploadRefused, unpack, write_file
from annotation.intake.folder_manifests import prepare_manifest
from annotation.models import Campaign
from annotation.shared.permissions import require_role
from operations.jobs import enqueue
from operations.models import Job, JobState
from qsave.frames.guard import MediaError, guard_file
from qsave.words import isolate

IMPORT_CLIPS = "import_clips"
STALE_SECONDS = 24 * 3600
_OPEN = (JobState.QUEUED, JobState.RUNNING)


def receive_files(files: Sequence[UploadedFile[Any]], *, generator: str = "") -> Path:
    """Store uploaded files in a folder of their own and return the path of their manifest.

    Without a manifest, one is written: `generator` is that of videos that are in no folder. Raises UploadRefused.
    """
    with open_upload_folder() as folder:
        for file in files:
            _store(file, folder)
        return prepare_manifest(folder, generator=generator).path


@contextmanager
def open_upload_folder() -> Iterator[Path]:
    """Create a folder for the files of one import; delete it if the body raises an exception."""
    remove_stale_folders()
    folder = get_upload_root() / uuid.uuid4().hex
    folder.mkdir(parents=True)
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder
        cleanup.pop_all()


def request_import(*, actor: User, campaign: Campaign, manifest: Path) -> Job:
    """Enqueue the import of a manifest on this host into a campaign."""
    require_role(actor, Role.LEAD)
    return enqueue(kind=IMPORT_CLIPS, arguments={"campaign": campaign.pk, "manifest": str(manifest)}, actor=actor)


def find_last_import(campaign: Campaign) -> Job | None:
    """Return the newest import into a campaign that the pages or the API requested."""
    return Job.objects.filter(kind=IMPORT_CLIPS, arguments__campaign=campaign.pk).order_by("-created_at").first()


def get_upload_root() -> Path:
    return Path(settings.VAR_DIR) / "uploads"


def discard(manifest: Path) -> None:
    """Delete the folder that `receive_files` created, if `manifest` is in one."""
    root = get_upload_root()
    if manifest.is_relative_to(root):
        shutil.rmtree(root / manifest.relative_to(root).parts[0], ignore_errors=True)


def is_awaited(manifest: Path) -> bool:
    """Return whether an unfinished job will read this manifest."""
    return Job.objects.filter(kind=IMPORT_CLIPS, state__in=_OPEN, arguments__manifest=str(manifest)).exists()


def remove_stale_folders() -> None:
    """Delete old folders that no job will read: those of cancelled jobs and of workers that died."""
    root = get_upload_root()
    folders = list(root.iterdir()) if root.exists() else []
    old = [folder for folder in folders if _is_old(folder)]
    if old:
        waiting = Job.objects.filter(kind=IMPORT_CLIPS, state__in=_OPEN)
        awaited = [Path(name) for name in waiting.values_list("arguments__manifest", flat=True)]
        for folder in old:
            if not any(manifest.is_relative_to(folder) for manifest in awaited):
                shutil.rmtree(folder, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:  # another request deleted it meanwhile
        return False


def _store(file: UploadedFile[Any], folder: Path) -> None:
    name = PurePosixPath((file.name or "").replace("\\", "/")).name
    if not name or name.startswith("."):
        raise UploadRefused(
            _("%(name)s cannot be used as a file name. Rename the file.") % {"name": isolate(repr(file.name))}
        )
    target = folder / name
    with refuse_bad_files(name):
        write_file(target, file.chunks(CHUNK), MAX_BYTES)
        unpack_in_place(target)


@contextmanager
def refuse_bad_files(name: str) -> Iterator[None]:
    """Turn errors that the content of this file causes in the block into UploadRefused."""
    try:
        with guard_file(output=get_upload_root(), passing=(UploadRefused,)):
            yield
    except MediaError as problem:
        raise UploadRefused(_("%(name)s: %(reason)s") % {"name": isolate(name), "reason": problem}) from None


def unpack_in_place(path: Path) -> None:
    """Put the files of a zip archive in its place; leave another file as it is."""
    if path.suffix.lower() == ".zip" and path.exists():
        unpack(path, path.parent)
        path.unlink()
