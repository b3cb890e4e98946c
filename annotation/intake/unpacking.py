"""Unpack the zip archives of an upload in its import's job, and find its manifest there.

What the names in the archives tell is checked while the person waits: `plan_unpacking`. The bytes are unpacked by the
job, which may be killed at any point: a file that is there completely is not unpacked again.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from errno import ENOSPC
from pathlib import Path, PurePosixPath

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from annotation.intake.archives import UploadRefused, list_entries, refuse_twin_names, unpack
from annotation.intake.folder_manifests import Manifest, check_names, prepare_manifest
from annotation.intake.upload_folders import get_upload_root
from annotation.intake.video_folder import walk
from annotation.models import ClipImport
from qsave.frames.guard import MediaError, guard_file
from qsave.words import isolate

PLAN = ".unpack.json"
MOST_SHARE = 0.99
"""Progress while the last file is unpacked; the job itself reports that it is done."""
Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """The archives of an upload, by their paths in its folder, and the generator of videos in no folder."""

    archives: list[str]
    generator: str


def list_archives(folder: Path) -> list[str]:
    """Return the paths of the zip archives below a folder."""
    return sorted(name for name, _size in _list_files(folder) if name.lower().endswith(".zip"))


def plan_unpacking(folder: Path, archives: list[str], *, generator: str) -> Manifest:
    """Check the names and stated sizes in the archives of a folder, and note that they are to be unpacked.

    The manifest that is returned has no path yet. Raises UploadRefused, and OSError if the disk has not enough room.
    """
    files = [(name, size) for name, size in _list_files(folder) if name not in archives]
    unpacked = 0
    for archive in archives:
        entries = _list_guarded(folder / archive)
        files += [(str(PurePosixPath(archive).parent / name), size) for name, size in entries]
        unpacked += sum(size for _name, size in entries)
    refuse_twin_names(name for name, _size in files)
    check_names(dict(files), generator=generator)
    if shutil.disk_usage(folder).free < unpacked:
        raise OSError(ENOSPC, os.strerror(ENOSPC))
    (folder / PLAN).write_text(json.dumps(asdict(Plan(archives, generator))))
    return Manifest(None, folder, ", ".join(PurePosixPath(archive).name for archive in archives))


def unpack_upload(clip_import: ClipImport, on_progress: Progress) -> None:
    """Unpack the archives of an import, if it has any left, and store where its manifest is.

    Raises UploadRefused. `on_progress(share, message)` may end the work by an exception.
    """
    folder = Path(clip_import.videos)
    if clip_import.manifest or not (folder / PLAN).exists():
        return
    manifest = unpack_folder(folder, on_progress)
    clip_import.manifest, clip_import.videos = str(manifest.path), str(manifest.videos)
    clip_import.name, clip_import.notes = manifest.name[:300], manifest.notes
    clip_import.save(update_fields=["manifest", "videos", "name", "notes"])


def unpack_folder(folder: Path, on_progress: Progress = lambda _share, _message: None) -> Manifest:
    """Unpack the archives of a folder as it was planned, and return its manifest. Raises UploadRefused."""
    plan = Plan(**json.loads((folder / PLAN).read_text()))
    left = [folder / name for name in plan.archives if (folder / name).exists()]
    total = sum(size for archive in left for _name, size in _list_guarded(archive))
    done = 0
    for archive in left:
        for count in _unpack_guarded(archive):
            done += count
            words = {"done": filesizeformat(done), "total": filesizeformat(total)}
            on_progress(min(MOST_SHARE, done / max(1, total)), _("Unpacking, %(done)s of %(total)s") % words)
        archive.unlink()
    return prepare_manifest(folder, generator=plan.generator)


def _list_guarded(archive: Path) -> list[tuple[str, int]]:
    with refuse_bad_files(archive.name):
        return list_entries(archive)


def _unpack_guarded(archive: Path) -> Iterator[int]:
    """Unpack an archive piece by piece. What the consumer raises between two pieces is no fault of the archive."""
    pieces = unpack(archive, archive.parent)
    while True:
        with refuse_bad_files(archive.name):
            count = next(pieces, None)
        if count is None:
            return
        yield count


@contextmanager
def refuse_bad_files(name: str) -> Iterator[None]:
    """Turn errors that the content of this file causes in the block into UploadRefused."""
    try:
        with guard_file(output=get_upload_root(), passing=(UploadRefused,)):
            yield
    except MediaError as problem:
        raise UploadRefused(_("%(name)s: %(reason)s") % {"name": isolate(name), "reason": problem}) from None


def _list_files(folder: Path) -> Iterator[tuple[str, int]]:
    for file in walk(folder, follow_links=False):
        yield file.relative_to(folder).as_posix(), file.stat().st_size
