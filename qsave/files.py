"""Writing files whole or not at all, even if the process is killed, and by one process at a time."""

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
"""Errors of network file systems that cannot sync a folder."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. It is renamed to `path` after the block, or removed if the block raises.

    A folder replaces a folder; replacing a folder by a file raises IsADirectoryError. An OSError names `path`.
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
    """Remove the unfinished files that killed processes left in a folder. No other process may be writing there."""
    for path in folder.glob(".*.*"):
        if path.suffix[1:].isdigit():
            _remove(path)


@contextmanager
def lock_exclusively(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file or folder. Raises BlockingIOError if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.lock")
    with _open_lock(beside, path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = beside.exists() and os.path.samestat(os.fstat(lock.fileno()), beside.stat())
        except BlockingIOError:
            is_ours = False
        if not is_ours:  # another process holds it, or has just finished and removed it
            raise BlockingIOError(errno.EWOULDBLOCK, "another process is writing to it", str(path))
        try:
            yield
        finally:
            beside.unlink(missing_ok=True)


def _open_lock(beside: Path, path: Path) -> TextIO:
    """Open the lock file; an OSError names the file that it protects."""
    try:
        return beside.open("w")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def sync_to_disk(path: Path) -> None:
    """Sync a file, or a folder and the files in it, to the disk, as far as the file system supports it."""
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
    """Write a JSON file, whole or not at all."""
    with atomic_path(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
