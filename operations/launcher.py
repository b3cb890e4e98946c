"""Several processes run as one: together they start, and together they end.

Each child leads a session of its own, so that Ctrl-C reaches only this process, which then ends them in order: TERM to
each, a time to finish, and KILL to whatever is left of their groups. When a child dies the others are ended, and its
exit code is ours.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_SECONDS = 0.1
GRACE_SECONDS = 15.0
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

WORKERS = {"short": 2, "long": 1, "training": 1}
"""How many jobs of each queue this machine does at a time."""

Children = Mapping[str, "subprocess.Popen[bytes]"]


def web_command(host: str, port: int) -> list[str]:
    """gunicorn with threads: a paused player must not hold a whole process."""
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = ["--worker-class=gthread", "--workers=2", "--threads=8", "--graceful-timeout=5", "--log-level=warning"]
    return [sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind={bind}", *options]


def worker_command(queue: str, *, threads: int, prefetch: int) -> list[str]:
    """A Celery worker with threads: jobs may hold a model, and a process that holds one must not be forked."""
    options = ["--pool=threads", f"--concurrency={threads}", f"--prefetch-multiplier={prefetch}", "--loglevel=warning"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", f"--hostname={queue}@%h"]
    return [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "--app=config.celery",
        "worker",
        f"--queues={queue}",
        *options,
        *quiet,
    ]


def commands(host: str, port: int) -> dict[str, list[str]]:
    """All that a whole site needs, by name."""
    workers = {
        f"worker for {queue} jobs": worker_command(queue, threads=threads, prefetch=threads)
        for queue, threads in WORKERS.items()
    }
    wanted = {"web": web_command(host, port), **workers}
    # On Linux the kernel ends them if this process is killed and cannot; elsewhere the next start names what is left.
    tied = ["setpriv", "--pdeathsig=TERM"] if shutil.which("setpriv") else []
    return {name: [*tied, *command] for name, command in wanted.items()}


def supervise(
    wanted: Mapping[str, Sequence[str]],
    *,
    pids: Path,
    say: Callable[[str], None],
    ready: Callable[[], bool] = lambda: False,
    announce: Callable[[], None] = lambda: None,
) -> int:
    """Run the commands until one ends or we are told to; calls `announce` once when `ready` first says so.

    Returns 0 when told to end, else the code of the child that ended first (128 + signal if one killed it, and 1 where
    it ended with 0, since none of them should). `pids` names the children while they live, for `left_over`.
    """
    told = threading.Event()
    children: dict[str, subprocess.Popen[bytes]] = {}
    with _told_by_signals(told):
        try:
            for name, command in wanted.items():
                children[name] = subprocess.Popen(command, start_new_session=True)
            pids.write_text("\n".join(str(child.pid) for child in children.values()))
            dead = _watch(children, told, ready, announce)
            if dead is not None:
                say(f"The {dead} ended by itself (code {children[dead].returncode}); ending the rest.")
        finally:
            end_all(children, say)
            pids.unlink(missing_ok=True)
    return 0 if dead is None else _exit_code(children[dead].returncode)


def end_all(children: Children, say: Callable[[str], None]) -> None:
    """TERM to all, a time to finish, then KILL to every group: grandchildren may outlive their parents."""
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    limit = time.monotonic() + GRACE_SECONDS
    for name, child in children.items():
        try:
            child.wait(max(0.0, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"The {name} took more than {GRACE_SECONDS:.0f} s to end and was killed; its jobs start again later.")
    for child in children.values():
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def left_over(pids: Path) -> list[int]:
    """Process groups of an earlier start that was killed before it could end its children."""
    if not pids.exists():
        return []
    groups = [int(line) for line in pids.read_text().split()]
    return [group for group in groups if _is_alive(group)]


def _watch(
    children: Children, told: threading.Event, ready: Callable[[], bool], announce: Callable[[], None]
) -> str | None:
    """The name of the first child that ended, or None when told to end."""
    announced = False
    while not told.wait(POLL_SECONDS):
        for name, child in children.items():
            if child.poll() is not None:
                return name
        if not announced and ready():
            announce()
            announced = True
    return None


@contextmanager
def _told_by_signals(told: threading.Event) -> Iterator[None]:
    earlier = {number: signal.signal(number, lambda *_: told.set()) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _exit_code(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode or 1


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's: the number has been given anew
        return False
    return True
