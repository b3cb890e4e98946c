"""Find the video that a row of a manifest names, however the name came there.

Names in a manifest and on disk differ for known reasons: Windows writes backslashes, macOS takes letters apart (NFD),
Django reads `&reg` in the name of an upload as a sign, and the names in a zip without the flag for UTF-8 read as an old
code page. A file name alone is enough where it is unique, so that folders may be lost or added on the way.
"""

import html
import os
import re
import stat
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from errno import ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
from io import BufferedReader
from operator import attrgetter
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Protocol

from annotation.intake.manifests import RowRefused
from annotation.intake.rooted_files import open_below

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_ABSENT = (ENOENT, ENOTDIR, ELOOP)
_ZIP_CODE_PAGE = "cp437"
_OLD_ENCODINGS = ("utf-8", "gb18030", "shift_jis", "euc_kr", "big5", "cp1252", "cp850", "cp866")
"""In which programs write the names of a zip without saying so."""


class BucketStopped(OSError):
    """A bucket does not answer, so that its import has to be resumed later."""


class VideoSource(Protocol):
    """Where the videos of an import are: a folder, or a bucket."""

    def find(self, name: str) -> Path:
        """Return the file that a row names. Raises RowRefused."""

    def open(self, path: Path) -> BufferedReader:
        """Open a file that `find` has returned. Raises OSError, also if a link leads out of an operator's root."""


class VideoFolder:
    """The files under a folder, and how often the rows of a manifest use each file name.

    An operator's own folder is `trusted`: names may be absolute paths under it, and links are followed, but out of
    `root`, if that is given.
    """

    def __init__(self, folder: Path, names: Iterable[str], *, trusted: bool = False, root: Path | None = None) -> None:
        self._folder = folder
        self._root = root
        self._trusted = trusted
        self._uses = Counter(_get_base(path) for path in {_simplify(name) for name in names})
        self._files: dict[str, list[Path]] | None = None

    def find(self, name: str) -> Path:
        """Return the file that a row names. Raises RowRefused if it is outside, a link, or does not exist."""
        path = self._locate(name)
        try:
            file = self._get_file(path)
            candidates = [file] if file else self._search(path)
        except OSError as error:
            reason = "has a name too long for a file" if error.errno == ENAMETOOLONG else "cannot be read"
            raise _refuse(f"{reason}: {error.strerror}" if reason == "cannot be read" else reason, name) from None
        if len(candidates) > 1:
            raise _refuse(f"fits {len(candidates)} files. Name its folder too", name)
        if not candidates:
            raise _refuse(self._describe_absence(path), name)
        return candidates[0]

    def open(self, path: Path) -> BufferedReader:
        return path.open("rb") if self._root is None else open_below(self._root, path)

    def list_files(self) -> Iterator[tuple[str, Path]]:
        """Yield the path in the folder, and on disk, of each file that rows may name."""
        for file in walk(self._folder, follow_links=self._trusted, root=self._root):
            yield self.get_name(file), file

    def get_name(self, file: Path) -> str:
        """Return the path in the folder of a file that `find` or `list_files` has returned."""
        return str(file)[len(str(self._folder)) + 1 :]  # `relative_to` takes as long as to read the file's size

    def _describe_absence(self, path: str) -> str:
        if (self._folder / path).is_dir():
            return "is not a file"
        base = _get_base(path)
        if self._uses[base] > 1 and any(key in self._index() for key in _list_keys(base)):
            return (
                f"does not exist in its folder, and rows name {self._uses[base]} videos with its file name. Import the "
                "folder with the videos, so that the files keep their paths"
            )
        return "does not exist"

    def _locate(self, name: str) -> str:
        """Return the path of a name in the folder, without `..`."""
        if _ADDRESS.match(name):
            raise RowRefused("video is an address. Put the file beside the manifest and name its path.")
        if self._trusted and name.startswith("/"):
            absolute = PurePosixPath(normpath(name))
            if not absolute.is_relative_to(self._folder):
                raise _refuse(f"leads out of {self._folder}", name)
            return str(absolute.relative_to(self._folder))
        path = normpath(_simplify(name))
        if path.startswith(("/", "../")) or path in {"..", "."} or _DRIVE.match(name) or "\0" in path:
            raise _refuse("leads out of the manifest's folder", name)
        return path

    def _get_file(self, path: str) -> Path | None:
        """Return the file at exactly this path, if there is one. Raises RowRefused if a link leads there."""
        current, mode = str(self._folder), 0
        for part in path.split("/"):
            current = f"{current}/{part}"
            mode = self._read_mode(current)
            if stat.S_ISLNK(mode):
                raise _refuse("is, or is behind, a symbolic link", path)
        return Path(current) if stat.S_ISREG(mode) else None

    def _read_mode(self, path: str) -> int:
        """Return the mode of a file or folder, as `os.stat` gives it; 0 if the path does not exist."""
        try:
            return (os.stat if self._trusted else os.lstat)(path).st_mode
        except ValueError:  # a name that no file can have
            return 0
        except OSError as error:
            if error.errno in _ABSENT:
                return 0
            raise

    def _search(self, path: str) -> list[Path]:
        """Return the files with another writing of this path; without one, those with its file name."""
        files = self._index()
        for key in _list_keys(path):
            if key in files:
                return files[key]
        base = _get_base(path)
        if self._uses[base] > 1 and base != path:
            return []
        candidates = {file for key in _list_keys(base) for file in files.get(f"*/{key}", [])}
        return sorted(candidates)

    def _index(self) -> dict[str, list[Path]]:
        """Return the plain files by each writing of their path and, below `*/`, of their name. Read once."""
        if self._files is None:
            files: dict[str, list[Path]] = defaultdict(list)
            for path, file in self.list_files():
                for key in _list_keys(path):
                    files[key].append(file)
                for key in _list_keys(_get_base(path)):
                    files[f"*/{key}"].append(file)
            self._files = dict(files)
        return self._files


def walk(folder: Path, *, follow_links: bool, root: Path | None = None) -> Iterator[Path]:
    """Yield the files below a folder. Each folder is read once, also if links make a circle; none outside `root` is."""
    read = set[Path]()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        real = current.resolve()
        if real in read or (root is not None and not real.is_relative_to(root.resolve())):
            continue
        read.add(real)
        with os.scandir(current) as listing:
            entries = sorted(listing, key=attrgetter("name"))
        for entry in entries:
            if entry.is_symlink() and not follow_links:
                continue
            if entry.is_dir():
                waiting.append(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)


def _simplify(name: str) -> str:
    return name.replace("\\", "/")


def _get_base(path: str) -> str:
    return path.rpartition("/")[2]


def _list_keys(path: str) -> list[str]:
    """Return the writings of a path under which it is looked for."""
    texts = [path, html.unescape(path)]
    try:
        stored = path.encode(_ZIP_CODE_PAGE) if not path.isascii() else b""
    except UnicodeEncodeError:
        stored = b""
    for encoding in _OLD_ENCODINGS if stored else ():
        try:
            texts.append(stored.decode(encoding))
        except UnicodeDecodeError:
            continue
    return list(dict.fromkeys(unicodedata.normalize("NFC", text) for text in texts))


def _refuse(reason: str, name: str) -> RowRefused:
    return RowRefused(f"video {reason}: {name[:200]!r}.")
