"""Unpack the zip archives of an upload, and write its files under names that stay in its folder."""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import ENAMETOOLONG
from lzma import LZMAError
from pathlib import Path, PurePosixPath

from django.utils.translation import gettext as _

from qsave.words import isolate

MAX_FILES = 20_000
MAX_BYTES = 50 * 1024**3
CHUNK = 1024 * 1024
_DRIVE = re.compile(r"[A-Za-z]:/")
_BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for an archive that is damaged, encrypted, or compressed by an unknown method."""


class UploadRefused(ValueError):
    """The files cannot be imported; the message names the file and the reason."""


def leads_outside(name: str) -> bool:
    """Return whether a relative path, with slashes, is none: it is absolute, empty, or climbs out of its folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or not path.parts or bool(_DRIVE.match(name)) or "\0" in name


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
        return write_file(target, iter(lambda: stream.read(CHUNK), b""), left)


def write_file(target: Path, chunks: Iterable[bytes], most: int) -> int:
    """Return the bytes written to a new file. A file with too long a name is skipped; its row reports it."""
    written = 0
    with skip_long_name():
        with refuse_name_clash(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            out = target.open("xb")
        with out:
            for chunk in chunks:
                written += len(chunk)
                if written > most:
                    raise UploadRefused(
                        _("The archive unpacks to more than %(most)s GB. Split it.") % {"most": MAX_BYTES // 1024**3}
                    )
                out.write(chunk)
    return written


@contextmanager
def refuse_name_clash(target: Path) -> Iterator[None]:
    """Turn the error of a name that exists already into UploadRefused."""
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise UploadRefused(
            _("Two files, or a file and a folder, are named %(name)s.") % {"name": isolate(target.name)}
        ) from None


@contextmanager
def skip_long_name() -> Iterator[None]:
    """End the block if the name of its file is too long for the disk."""
    try:
        yield
    except OSError as error:
        if error.errno != ENAMETOOLONG:
            raise


def _find_entry_path(folder: Path, entry: zipfile.ZipInfo) -> Path:
    path = PurePosixPath(entry.filename.replace("\\", "/"))  # Windows may write backslashes
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UploadRefused(
            _("The archive has a link, %(filename)s. Only plain files are allowed.")
            % {"filename": isolate(repr(entry.filename))}
        )
    if leads_outside(str(path)):
        raise UploadRefused(
            _("The archive has a name that leads outside it: %(filename)s.")
            % {"filename": isolate(repr(entry.filename))}
        )
    return folder.joinpath(*path.parts)
