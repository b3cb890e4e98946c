"""Store uploaded files for an import in a folder with a manifest, and refuse hostile ones.

Nothing is served from this folder: the import copies good files into the media store under names of their own and
deletes the folder.
"""

from __future__ import annotations

import re
import shutil
import stat
import struct
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from errno import ENAMETOOLONG
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.models import Role, User
from annotation.intake.manifests import SUFFIXES
from annotation.models import Campaign
from annotation.shared.permissions import require_role
from operations.jobs import enqueue
from operations.models import Job, JobState
from qsave.frames.guard import MediaError, guard_file
from qsave.words import isolate

IMPORT_CLIPS = "import_clips"
OTHER_ARCHIVES = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tgz", ".xz", ".zst"})
MAX_FILES = 20_000
DRIVE = re.compile(r"[A-Za-z]:/")
MAX_BYTES = 50 * 1024**3
CHUNK = 1024 * 1024
STALE_SECONDS = 24 * 3600
_OPEN = (JobState.QUEUED, JobState.RUNNING)
_BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for an archive that is damaged, encrypted, or compressed by an unknown method."""


class UploadRefused(ValueError):
    """The files cannot be imported; the message names the file and the reason."""


def receive_files(files: Sequence[UploadedFile[Any]]) -> Path:
    """Store uploaded files in a folder of their own and return the path of the manifest among them."""
    remove_stale_folders()
    folder = get_upload_root() / uuid.uuid4().hex
    folder.mkdir(parents=True)
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        for file in files:
            _store(file, folder)
        manifest = find_manifest(folder)
        if manifest.stat().st_size == 0:
            raise UploadRefused(
                _("The manifest %(name)s is empty (0 bytes). Choose one that has a row for each video.")
                % {"name": isolate(manifest.name)}
            )
        cleanup.pop_all()
        return manifest


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


def find_manifest(folder: Path) -> Path:
    """Return the only manifest at the top of a folder, or of the only folder in it; `manifest.*` wins over others."""
    for level in (folder, *_list_only_folder(folder)):
        manifests = sorted(path for path in level.iterdir() if path.suffix.lower() in SUFFIXES)
        named = [path for path in manifests if path.stem.lower() == "manifest"]
        if len(named or manifests) == 1:
            return (named or manifests)[0]
        if manifests:
            names = ", ".join(isolate(path.name) for path in manifests)
            raise UploadRefused(
                _("There are several manifests (%(names)s). Send only one, or name one of them manifest.csv.")
                % {"names": names}
            )
    archives = ", ".join(
        isolate(path.name) for path in sorted(folder.iterdir()) if path.suffix.lower() in OTHER_ARCHIVES
    )
    if archives:
        raise UploadRefused(_("Only zip archives are unpacked. Send %(names)s as a zip.") % {"names": archives})
    raise UploadRefused(_("There is no manifest among the files. Add a CSV, TSV, JSON, JSONL or Parquet file."))


def _list_only_folder(folder: Path) -> list[Path]:
    folders = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(("__", "."))]
    return folders if len(folders) == 1 else []


def _store(file: UploadedFile[Any], folder: Path) -> None:
    name = PurePosixPath((file.name or "").replace("\\", "/")).name
    if not name or name.startswith("."):
        raise UploadRefused(
            _("%(name)s cannot be used as a file name. Rename the file.") % {"name": isolate(repr(file.name))}
        )
    target = folder / name
    try:
        with guard_file(output=get_upload_root(), passing=(UploadRefused,)):
            _write(target, file.chunks(CHUNK), MAX_BYTES)
            if target.suffix.lower() == ".zip":
                unpack(target, folder)
                target.unlink()
    except MediaError as problem:
        raise UploadRefused(_("%(name)s: %(reason)s") % {"name": isolate(name), "reason": problem}) from None


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip; refuse links, names outside the folder, and more than MAX_FILES or MAX_BYTES."""
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(archive) as source:
            entries = [entry for entry in source.infolist() if not entry.is_dir()]
            if len(entries) > MAX_FILES:
                raise UploadRefused(
                    _("%(name)s has %(count)s files; at most %(most)s are allowed.")
                    % {"name": isolate(archive.name), "count": len(entries), "most": MAX_FILES}
                )
            for entry in entries:
                left -= _unpack_entry(source, entry, folder, left)
    except _BAD_ARCHIVE as error:
        raise UploadRefused(
            _("%(name)s cannot be unpacked: %(error)s. Create the zip again.")
            % {"name": isolate(archive.name), "error": str(error).rstrip(".") or type(error).__name__}
        ) from error


def _unpack_entry(source: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int) -> int:
    """Return the bytes written. They are counted while unpacking: the size stated in the archive may be false."""
    target = _find_entry_path(folder, entry)
    with source.open(entry) as stream:
        return _write(target, iter(lambda: stream.read(CHUNK), b""), left)


def _write(target: Path, chunks: Iterable[bytes], most: int) -> int:
    """Return the bytes written to a new file. A file with too long a name is skipped; its row reports it."""
    written = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        out = target.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise UploadRefused(
            _("Two files, or a file and a folder, are named %(name)s.") % {"name": isolate(target.name)}
        ) from None
    except OSError as error:
        if error.errno == ENAMETOOLONG:
            return 0
        raise
    with out:
        for chunk in chunks:
            written += len(chunk)
            if written > most:
                raise UploadRefused(
                    _("The archive unpacks to more than %(most)s GB. Split it.") % {"most": MAX_BYTES // 1024**3}
                )
            out.write(chunk)
    return written


def _find_entry_path(folder: Path, entry: zipfile.ZipInfo) -> Path:
    path = PurePosixPath(entry.filename.replace("\\", "/"))  # Windows may write backslashes
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UploadRefused(
            _("The archive has a link, %(filename)s. Only plain files are allowed.")
            % {"filename": isolate(repr(entry.filename))}
        )
    if path.is_absolute() or ".." in path.parts or not path.parts or DRIVE.match(str(path)):
        raise UploadRefused(
            _("The archive has a name that leads outside it: %(filename)s.")
            % {"filename": isolate(repr(entry.filename))}
        )
    return folder.joinpath(*path.parts)
