"""Store uploaded files for an import in a folder with a manifest, and refuse hostile ones.

Nothing is served from this folder: the import copies good files into the media store under names of their own and
deletes the folder.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from errno import ENOTSUP, EPERM, EXDEV
from pathlib import Path, PurePosixPath
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.intake.archives import (
    CHUNK,
    MAX_BYTES,
    MAX_FILES,
    UploadRefused,
    refuse_name_clash,
    skip_long_name,
    write_file,
)
from annotation.intake.folder_manifests import Manifest, prepare_manifest
from annotation.intake.importing import request_import
from annotation.intake.unpacking import list_archives, plan_unpacking, refuse_bad_files
from annotation.intake.upload_folders import get_upload_root, remove_stale_folders
from annotation.intake.upload_store import FULL_DISK, DiskFull, Upload, discard_expired_uploads
from annotation.models import Campaign, ClipImport
from qsave.words import isolate

NO_LINKS = frozenset({EPERM, ENOTSUP, EXDEV})
"""What a disk without hard links answers."""


def receive_files(
    files: Iterable[UploadedFile[Any]], uploads: Sequence[Upload] = (), *, generator: str = ""
) -> Manifest:
    """Make one folder of uploaded files and return their manifest. Resumable uploads have their paths, files none.

    The import's job unpacks zip archives; what their names tell is checked at once.

    Without a manifest, one is written: `generator` is that of videos that are in no folder. The uploads stay until
    `discard_uploads`, so that nothing has to be sent again after a refusal. Raises UploadRefused.
    """
    _check_uploads(uploads)
    with open_upload_folder() as folder:
        for upload in uploads:
            _link(upload, folder)
        for file in files:
            _store(file, folder)
        archives = list_archives(folder)
        if archives:
            return plan_unpacking(folder, archives, generator=generator)
        return prepare_manifest(folder, generator=generator)


@transaction.atomic
def import_folder(
    *,
    actor: User,
    campaign: Campaign,
    source: str,
    manifest: Manifest,
    root: Path | None = None,
    has_preview: bool = True,
    group_column: str = "",
) -> ClipImport:
    """Request the import of a folder's manifest; its notes are in the preview. No link is followed out of `root`."""
    clip_import = request_import(
        actor=actor,
        campaign=campaign,
        source=source,
        name=manifest.name,
        manifest=manifest.path,
        videos=manifest.videos,
        has_preview=has_preview,
    )
    clip_import.notes, clip_import.root, clip_import.group_column = manifest.notes, str(root or ""), group_column
    clip_import.save(update_fields=["notes", "root", "group_column"])
    return clip_import


def _check_uploads(uploads: Sequence[Upload]) -> None:
    if len(uploads) > MAX_FILES:
        raise UploadRefused(
            _("%(count)s files are too many for one import; at most %(most)s are allowed. Send them as a zip.")
            % {"count": len(uploads), "most": MAX_FILES}
        )
    for upload in uploads:
        if not upload.is_complete:
            raise UploadRefused(
                _("%(name)s has not arrived completely. Choose the same files again to resume.")
                % {"name": isolate(upload.about.path)}
            )


def _link(upload: Upload, folder: Path) -> None:
    """Give the bytes of an upload their path in a folder, without copying them where the disk allows that."""
    target = folder / upload.about.path
    with refuse_name_clash(target), skip_long_name():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(upload.content)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            shutil.copyfile(upload.content, target)


@contextmanager
def open_upload_folder() -> Iterator[Path]:
    """Create a folder for the files of one import; delete it if the body raises an exception.

    A full disk in the body becomes DiskFull.
    """
    remove_stale_folders()
    discard_expired_uploads()
    folder = get_upload_root() / uuid.uuid4().hex
    with ExitStack() as cleanup, _name_full_disk():
        folder.mkdir(parents=True)
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder
        cleanup.pop_all()


@contextmanager
def _name_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        raise DiskFull(
            _(
                "The site's disk has no room for these files. Nothing is imported. Ask an operator to make room, then "
                "send them again."
            )
        ) from None


def _store(file: UploadedFile[Any], folder: Path) -> None:
    name = PurePosixPath((file.name or "").replace("\\", "/")).name
    if not name or name.startswith("."):
        raise UploadRefused(
            _("%(name)s cannot be used as a file name. Rename the file.") % {"name": isolate(repr(file.name))}
        )
    target = folder / name
    with refuse_bad_files(name):
        write_file(target, file.chunks(CHUNK), MAX_BYTES)
