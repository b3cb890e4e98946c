"""The trainer: a separate process that outlives the worker which started it.

The trainer holds a lock on `<folder>/trainer.lock` while it runs. So a restarted worker can check whether the trainer
still runs, even if another process has got the same process id.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from operations.jobs import JobError
from qsave.run.files import PROGRESS_FILE

LOCK, RECORD, LOG = "trainer.lock", "trainer.json", "trainer.log"
STOP_SECONDS = 10
"""How long a trainer may take to end after SIGTERM, before it is killed."""
_MAX_LOG_BYTES = 8192


class TrainingFailed(JobError):
    """The trainer ended without a result; the message has the last lines of its log."""


def start(folder: Path, command: Sequence[str], *, cwd: Path) -> None:
    """Start the trainer in `folder`, unless one runs there already."""
    folder.mkdir(parents=True, exist_ok=True)
    with _lock_file(folder) as lock:
        if not _try_lock(lock):
            return
        with (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=_limit_threads() | os.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],  # the child inherits the lock with the descriptor
                start_new_session=True,
            )
        record = {"pid": process.pid, "host": socket.gethostname(), "command": list(command)}
        (folder / RECORD).write_text(json.dumps(record) + "\n")
        process.returncode = 0  # nobody waits for it through this object; `_reap` collects its exit


def is_running(folder: Path) -> bool:
    """Whether a trainer of `folder` is running."""
    if not (folder / LOCK).exists():
        return False
    with _lock_file(folder) as lock:
        return not _try_lock(lock)


def is_here(folder: Path) -> bool:
    """Whether the trainer of `folder` was started on this host, so that its process id is valid here."""
    return (_read_json(folder / RECORD) or {}).get("host") == socket.gethostname()


def watch(folder: Path, on_progress: Callable[[float, str], None], *, every: float = 1.0) -> None:
    """Report progress until the trainer ends. An error of `on_progress` stops the watching, not the trainer."""
    while is_running(folder):
        on_progress(*read_progress(folder))
        time.sleep(every)
    _reap(folder)


def stop(folder: Path) -> None:
    """Stop the trainer, with SIGKILL if SIGTERM does not end it; does nothing if no trainer is running."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
        if not is_running(folder):
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(_read_pid(folder), number)
        deadline = time.monotonic() + seconds
        while is_running(folder) and time.monotonic() < deadline:
            time.sleep(0.1)
    _reap(folder)


def read_progress(folder: Path) -> tuple[float, str]:
    """Read (share done, message) from the progress file; (0, "starting") before it exists."""
    progress = _read_json(folder / PROGRESS_FILE)
    return (float(progress["share"]), str(progress["message"])) if progress else (0.0, "starting")


def read_last_lines(folder: Path, count: int = 20) -> str:
    """Read the end of the trainer's log, without progress bars and blank lines."""
    try:
        with (folder / LOG).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _MAX_LOG_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.splitlines()]
    return "\n".join([line for line in lines if line][-count:])


def _limit_threads() -> dict[str, str]:
    """Let the trainer use half of the cores, since the machine also serves the site; the environment overrides this.

    With more threads than free cores torch is many times slower.
    """
    return {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2))}


@contextlib.contextmanager
def _lock_file(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid(folder: Path) -> int:
    return int((_read_json(folder / RECORD) or {})["pid"])


def _reap(folder: Path) -> None:
    """Collect the exit status of the trainer if this process started it; only its parent process can do this."""
    with contextlib.suppress(ChildProcessError, KeyError):
        os.waitpid(_read_pid(folder), os.WNOHANG)


def _read_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; returns None while it is missing or half written."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None
