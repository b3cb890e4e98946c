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
PARTIAL = ".unpacking"
"""The name of a file until its last byte is there. It is hidden, so it is never taken for a video or a manifest."""
_DRIVE = re.compile(r"[A-Za-z]:/")
_BAD_ARCHIVE = (zipfile.BadZipFile, zlib.error, LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for an archive that is damaged, encrypted, or compressed by an unknown method."""


class UploadRefused(ValueError):
    """The files cannot be imported; the message names the file and the reason."""


def leads_outside(name: str) -> bool:
    """Return whether a path with slashes is absolute, empty, or climbs out of its folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or not path.parts or bool(_DRIVE.match(name)) or "\0" in name


def list_entries(archive: Path) -> list[tuple[str, int]]:
    """Return the files in a zip: their paths, and the sizes in bytes that it states.

    Raises UploadRefused for a file that is no zip, links, names that lead outside or are there twice, and more than
    MAX_FILES.
    """
    with _name_bad_archive(archive), zipfile.ZipFile(archive) as source:
        return [(name, entry.file_size) for name, entry in _check_entries(source, archive)]


def unpack(archive: Path, folder: Path) -> Iterator[int]:
    """Unpack a zip piece by piece; yield how many bytes each piece has. Raises as `list_entries`, and for MAX_BYTES.

    A file appears only with its whole content. One that is there already, because an earlier attempt was killed, is
    not unpacked again.
    """
    left = MAX_BYTES
    with _name_bad_archive(archive), zipfile.ZipFile(archive) as source:
        for name, entry in _check_entries(source, archive):
            for count in _unpack_entry(source, entry, folder / name, left):
                left -= count
                yield count


def _unpack_entry(source: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> Iterator[int]:
    """Bytes are counted while they are unpacked: the size that the archive states may be false."""
    partial = target.with_name(PARTIAL)
    with skip_long_name():
        if target.is_file() and target.stat().st_size == entry.file_size:
            yield entry.file_size
            return
        with refuse_name_clash(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        with source.open(entry) as stream, partial.open("wb") as out:
            while chunk := stream.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise _make_size_error()
                out.write(chunk)
                yield len(chunk)
        with refuse_name_clash(target):
            partial.rename(target)


@contextmanager
def _name_bad_archive(archive: Path) -> Iterator[None]:
    try:
        yield
    except _BAD_ARCHIVE as error:
        raise UploadRefused(
            _("%(name)s cannot be unpacked: %(error)s. Create the zip again.")
            % {"name": isolate(archive.name), "error": str(error).rstrip(".") or type(error).__name__}
        ) from error


def _check_entries(source: zipfile.ZipFile, archive: Path) -> list[tuple[str, zipfile.ZipInfo]]:
    entries = [entry for entry in source.infolist() if not entry.is_dir()]
    if len(entries) > MAX_FILES:
        raise UploadRefused(
            _("%(name)s has %(count)s files; at most %(most)s are allowed.")
            % {"name": isolate(archive.name), "count": len(entries), "most": MAX_FILES}
        )
    named = [(_read_name(entry), entry) for entry in entries]
    refuse_twin_names(name for name, _entry in named)
    return named


def refuse_twin_names(names: Iterable[str]) -> None:
    """Raise UploadRefused if two files, or a file and a folder, have one path."""
    files, folders = set[str](), set[str]()
    for name in names:
        parents = {str(parent) for parent in PurePosixPath(name).parents}
        if name in files or name in folders or not files.isdisjoint(parents):
            raise _make_name_error(PurePosixPath(name).name)
        files.add(name)
        folders |= parents


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
                    raise _make_size_error()
                out.write(chunk)
    return written


@contextmanager
def refuse_name_clash(target: Path) -> Iterator[None]:
    """Turn the error of a name that exists already into UploadRefused."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise _make_name_error(target.name) from None


@contextmanager
def skip_long_name() -> Iterator[None]:
    """End the block if the name of its file is too long for the disk."""
    try:
        yield
    except OSError as error:
        if error.errno != ENAMETOOLONG:
            raise


def _read_name(entry: zipfile.ZipInfo) -> str:
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
    return str(path)


def _make_name_error(name: str) -> UploadRefused:
    return UploadRefused(_("Two files, or a file and a folder, are named %(name)s.") % {"name": isolate(name)})


def _make_size_error() -> UploadRefused:
    return UploadRefused(_("The archive unpacks to more than %(most)s GB. Split it.") % {"most": MAX_BYTES // 1024**3})
