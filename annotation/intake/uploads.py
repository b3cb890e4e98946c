"""Store uploaded files for an import in a folder with a manifest, and refuse hostile ones.

Nothing is served from this folder: the import copies good files into the media store under names of their own and
deletes the folder.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from annotation.intake.archives import CHUNK, MAX_BYTES, UploadRefused, unpack, write_file
from annotation.intake.folder_manifests import prepare_manifest
from annotation.intake.upload_folders import get_upload_root, remove_stale_folders
from annotation.intake.upload_store import discard_expired_uploads
from qsave.frames.guard import MediaError, guard_file
from qsave.words import isolate


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
    discard_expired_uploads()
    folder = get_upload_root() / uuid.uuid4().hex
    folder.mkdir(parents=True)
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder
        cleanup.pop_all()


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
