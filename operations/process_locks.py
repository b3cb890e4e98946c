"""Know at once which processes that share QSAVE_VAR have died, however they ended.

Each process holds a lock (`flock`) on a file of its own while it lives, and the kernel releases it. Whoever can lock
the file of another process knows that it is dead. A process without such a file is unknown: it may run on a machine
with another QSAVE_VAR.
"""

import atexit
import fcntl
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from django.conf import settings

_own: dict[int, str] = {}  # by process: a fork must not use its parent's name
_creating = threading.Lock()


def get_name() -> str:
    """Return the name of this process, 32 hex digits. The first call locks its file, until the process ends."""
    with _creating:
        if os.getpid() not in _own:
            _own[os.getpid()] = _create()
        return _own[os.getpid()]


@contextmanager
def hold_dead() -> Iterator[list[str]]:
    """Yield the names of dead processes that nobody else holds; forget them after the body, unless it fails."""
    with ExitStack() as locks:
        files = [file for file in _get_folder().glob("*.lock") if _try_lock(file, locks)]
        yield [file.stem for file in files]
        for file in files:
            file.unlink(missing_ok=True)


def has_dead() -> bool:
    """Return whether a process has died that `hold_dead` would yield."""
    with ExitStack() as locks:
        return any(_try_lock(file, locks) for file in _get_folder().glob("*.lock"))


def _get_folder() -> Path:
    return Path(settings.VAR_DIR) / "processes"


def _create() -> str:
    """Lock a new file, and only then give it a name that others look for."""
    folder, name = _get_folder(), uuid.uuid4().hex
    folder.mkdir(parents=True, exist_ok=True)
    temporary, file = folder / f".{name}", folder / f"{name}.lock"
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    temporary.rename(file)
    atexit.register(file.unlink, missing_ok=True)
    return name


def _try_lock(file: Path, locks: ExitStack) -> bool:
    """Return whether the file was locked; the lock is released with `locks`."""
    with suppress(FileNotFoundError, BlockingIOError):
        descriptor = os.open(file, os.O_RDWR)
        locks.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
