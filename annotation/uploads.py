"""What a browser sends for an import becomes a folder with a manifest in it; what is hostile is refused here.

Nothing uploaded is served from this folder: the import reads it, copies what is good into the media folder under a
name of its own, and the folder goes.
"""

from __future__ import annotations

import shutil
import stat
import uuid
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

MANIFEST_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".parquet"})
MOST_FILES = 20_000
MOST_BYTES = 50 * 1024**3
CHUNK = 1024 * 1024


class UploadRefused(ValueError):
    """The files cannot be taken; the text names the file and the reason."""


def receive(files: Sequence[UploadedFile[Any]]) -> Path:
    """Stores uploaded files in a folder of their own and returns the path of the manifest among them."""
    folder = upload_root() / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        for file in files:
            _store(file, folder)
        return find_manifest(folder)
    except (UploadRefused, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise


def upload_root() -> Path:
    return Path(settings.VAR_DIR) / "uploads"


def discard(manifest: Path) -> None:
    """Removes the folder that `receive` made, if `manifest` lies in one."""
    root = upload_root()
    if manifest.is_relative_to(root):
        shutil.rmtree(root / manifest.relative_to(root).parts[0], ignore_errors=True)


def find_manifest(folder: Path) -> Path:
    """The one manifest at the top of a folder, or of the only folder in it; `manifest.*` wins over others."""
    for level in (folder, *_only_folder(folder)):
        found = sorted(path for path in level.iterdir() if path.suffix.lower() in MANIFEST_SUFFIXES)
        named = [path for path in found if path.stem.lower() == "manifest"]
        if len(named or found) == 1:
            return (named or found)[0]
        if found:
            names = ", ".join(path.name for path in found)
            raise UploadRefused(
                _("There are several manifests (%(names)s). Send one, or name one of them manifest.csv.")
                % {"names": names}
            )
    raise UploadRefused(_("There is no manifest among the files: add a CSV, TSV, JSON, JSONL or Parquet file."))


def _only_folder(folder: Path) -> list[Path]:
    folders = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(("__", "."))]
    return folders if len(folders) == 1 else []


def _store(file: UploadedFile[Any], folder: Path) -> None:
    name = PurePosixPath((file.name or "").replace("\\", "/")).name
    if not name or name.startswith("."):
        raise UploadRefused(_("%(name)r is not a file name that can be kept.") % {"name": file.name})
    target = folder / name
    if target.exists():
        raise UploadRefused(_("Two files are called %(name)s.") % {"name": name})
    with target.open("wb") as out:
        for chunk in file.chunks(CHUNK):
            out.write(chunk)
    if zipfile.is_zipfile(target) and target.suffix.lower() == ".zip":
        unpack(target, folder)
        target.unlink()


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a zip; refuses names that climb out, links, and more than the stated number of files or bytes."""
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(archive) as source:
            entries = [entry for entry in source.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise UploadRefused(f"{archive.name} holds {len(entries)} files; at most {MOST_FILES} are taken.")
            for entry in entries:
                left -= _unpack_entry(source, entry, folder, left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise UploadRefused(
            _("%(name)s cannot be unpacked: %(error)s.") % {"name": archive.name, "error": error}
        ) from error


def _unpack_entry(source: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int) -> int:
    """Bytes written. They are counted while they come: the size that the archive states may be a lie."""
    target = _inside(folder, entry)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with source.open(entry) as stream, target.open("xb") as out:
        while chunk := stream.read(CHUNK):
            written += len(chunk)
            if written > left:
                raise UploadRefused(
                    _("The archive unpacks to more than %(most)s GB.") % {"most": MOST_BYTES // 1024**3}
                )
            out.write(chunk)
    return written


def _inside(folder: Path, entry: zipfile.ZipInfo) -> Path:
    path = PurePosixPath(entry.filename)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UploadRefused(
            _("The archive holds a link, %(filename)r; only plain files are taken.") % {"filename": entry.filename}
        )
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or not path.parts or ":" in path.parts[0]:
        raise UploadRefused(
            _("The archive holds a name that leads outside it: %(filename)r.") % {"filename": entry.filename}
        )
    return folder.joinpath(*path.parts)
