"""Writing files so that a cut never leaves half of one, and two never write to the same."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

_NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP)
"""What some network file systems answer."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the name `path` when the block ends well, and is removed when it does not.

    A folder takes the place of a folder; a file that would raises IsADirectoryError. An OSError names `path`.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _remove(unfinished)
        yield unfinished
        if path.is_dir() and unfinished.is_dir():
            shutil.rmtree(path)
        unfinished.replace(path)
    except OSError as error:
        if error.filename in (None, str(unfinished)):  # a write that fails does not know its file
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        _remove(unfinished)


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder; nobody else may be writing there."""
    for path in folder.glob(".*.*"):
        if path.suffix[1:].isdigit():
            _remove(path)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Nobody else works on this file or folder in the meantime; raises BlockingIOError where somebody does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.lock")
    with _opened(beside, path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lasts = beside.exists() and os.path.samestat(os.fstat(lock.fileno()), beside.stat())
        except BlockingIOError:
            lasts = False
        if not lasts:  # held by somebody, or removed by somebody who was done just now
            raise BlockingIOError(errno.EWOULDBLOCK, "another process is writing to it", str(path))
        try:
            yield
        finally:
            beside.unlink(missing_ok=True)


def _opened(beside: Path, path: Path) -> TextIO:
    """A file beside another to lock; where that cannot be, the other is named."""
    try:
        return beside.open("w")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def to_disk(path: Path) -> None:
    """Wait until a file, or a folder and the files in it, would survive a power cut, as far as its file system can."""
    for each in [*(path.iterdir() if path.is_dir() else ()), path]:
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if not each.is_dir() or error.errno not in _NO_SYNC_OF_FOLDERS:
                raise
        finally:
            os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    with atomic_path(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
