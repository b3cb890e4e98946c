"""Open files below a root that an operator has opened for imports, and none outside, whatever links lead where.

A check of a path says nothing about what is there when the path is opened later. So the links of a path are resolved
first, and the result is opened folder by folder without following any link: one that appeared meanwhile is refused.
"""

import os
import stat
from errno import ELOOP, ENOTDIR
from io import BufferedReader
from pathlib import Path

from django.utils.translation import gettext as _

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a named pipe must not block


class LeadsOutside(OSError):
    """A link leads out of the root."""

    def __init__(self) -> None:
        super().__init__(ELOOP, _("a link leads out of the folders that are open for imports"))


def open_below(root: Path, path: Path) -> BufferedReader:
    """Open a plain file for reading. Raises LeadsOutside if it is not below the root, and OSError."""
    top, real = root.resolve(), path.resolve(strict=True)
    if not real.is_relative_to(top):
        raise LeadsOutside
    *folders, name = real.relative_to(top).parts
    folder = os.open(top, _FOLDER)
    try:
        for part in folders:
            folder = _enter(folder, part)
        file = _open(name, _FILE, folder)
    finally:
        os.close(folder)
    return _check_plain(file)


def _enter(folder: int, name: str) -> int:
    """Open a folder in an open folder, which is closed."""
    inner = _open(name, _FOLDER, folder)
    os.close(folder)
    return inner


def _open(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (ELOOP, ENOTDIR):  # a link came into the path after it was resolved
            raise LeadsOutside from None
        raise


def _check_plain(file: int) -> BufferedReader:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise LeadsOutside
    return os.fdopen(file, "rb")
