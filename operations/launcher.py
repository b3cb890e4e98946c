"""Start and end the processes of the site together.

Each child process leads its own session, so Ctrl-C reaches only the launcher. The launcher then ends the children: it
sends TERM to each, gives them time to finish, and sends KILL to what is left of their process groups. If a child dies
in its first seconds, the launcher ends the others and returns its exit code. It starts a child that dies later again,
after a pause that grows.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

POLL_SECONDS = 0.1
GRACE_SECONDS = 15.0
EARLY_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

WORKERS = {"short,training": 6, "long": 1}
"""The worker processes of this machine: their queues, and how many jobs each runs at a time. At most one job trains
(in a process of its own, which the worker only watches), one drafts, one predicts and one tries a critic, so two are
left for what people wait for. A thread is made when it is first needed, and a process takes 100 MB."""

MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Let glibc return what threads free: otherwise each thread has an arena that stays as large as it ever was."""

Child = subprocess.Popen[bytes]


def build_web_command(host: str, port: int) -> list[str]:
    """Return the command of gunicorn, with threads: a paused player must not block a whole process.

    The site is loaded once, before the workers are forked: they share its memory.
    """
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = [
        "--preload",
        "--worker-class=gthread",
        "--workers=2",
        "--threads=8",
        "--graceful-timeout=5",
        "--log-level=warning",
    ]
    return [sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind={bind}", *options]


def build_worker_command(queues: str, *, threads: int, prefetch: int) -> list[str]:
    """Return the command of a Celery worker, with threads: a process that has loaded a model must not be forked."""
    options = ["--pool=threads", f"--concurrency={threads}", f"--prefetch-multiplier={prefetch}", "--loglevel=warning"]
    name = queues.replace(",", "-")
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", f"--hostname={name}@%h"]
    return [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "--app=config.celery",
        "worker",
        f"--queues={queues}",
        *options,
        *quiet,
    ]


def list_commands(host: str, port: int) -> dict[str, list[str]]:
    """Return the commands of the whole site, by name."""
    workers = {
        f"worker for {queues.replace(',', ' and ')} jobs": build_worker_command(
            queues, threads=threads, prefetch=threads
        )
        for queues, threads in WORKERS.items()
    }
    commands = {"web": build_web_command(host, port), **workers}
    # Without `setpriv`, the next start lists the children that survived a killed launcher.
    return {name: [*list_tied("TERM"), *command] for name, command in commands.items()}


def list_tied(signal_name: str) -> list[str]:
    """List the words before a command that let Linux send it a signal if its parent dies; none on other systems."""
    return ["setpriv", f"--pdeathsig={signal_name}"] if shutil.which("setpriv") else []


def start(command: Sequence[str]) -> Child:
    return subprocess.Popen(command, start_new_session=True, env={**MEMORY, **os.environ})


@dataclass
class Part:
    """A command that the launcher keeps running, and its current process."""

    name: str
    command: Sequence[str]
    child: Child
    started: float
    pause: float = 0.0
    """Seconds between its last death and its last start; 0 until its first restart."""
    due: float | None = None
    """When it starts again, if it is waiting to."""

    def has_failed(self, now: float, say: Callable[[str], None]) -> bool:
        """Return whether the part died right after its first start. If it died later, start it again when it is due."""
        if self.due is not None:
            if now >= self.due:
                self.child, self.started, self.due = start(self.command), now, None
            return False
        code = self.child.poll()
        if code is None:
            return False
        age = now - self.started
        if not self.pause and age < EARLY_SECONDS:
            say(f"The {self.name} ended by itself (code {code}); ending the rest.")
            return True
        kill_group(self.child)  # a child that it left may hold its port
        self.pause = compute_next_pause(self.pause, age)
        self.due = now + self.pause
        say(f"The {self.name} ended by itself (code {code}) after {age:.0f} s. It starts again in {self.pause:g} s.")
        return False


def compute_next_pause(before: float, age: float) -> float:
    """Return the seconds until a dead part starts again: 1, 2, 4 ... 60, and 1 again if it ran for a minute."""
    if not before or age >= LONGEST_PAUSE_SECONDS:
        return FIRST_PAUSE_SECONDS
    return min(2 * before, LONGEST_PAUSE_SECONDS)


def supervise(
    commands: Mapping[str, Sequence[str]],
    *,
    pids: Path,
    say: Callable[[str], None],
    ready: Callable[[], bool] = lambda: False,
    announce: Callable[[], None] = lambda: None,
) -> int:
    """Run the commands until a signal ends this process or one of them cannot start.

    `announce` is called once, when `ready` first returns True. Returns 0 after a signal, else the exit code of the part
    that died early (128 + signal if it was killed, 1 if it ended with 0, because none of them should end). The file
    `pids` lists the children while they run, for `find_left_over_groups`.
    """
    stop = threading.Event()
    parts: list[Part] = []
    with _stop_on_signals(stop):
        try:
            for name, command in commands.items():
                parts.append(Part(name, command, start(command), time.monotonic()))
            failed = _watch(parts, stop, pids, say, make_announcer(ready, announce))
        finally:
            end_all(parts, say)
            pids.unlink(missing_ok=True)
    return 0 if failed is None else _compute_exit_code(failed.child.returncode)


def make_announcer(ready: Callable[[], bool], announce: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `announce` at its first call for which `ready` returns True."""
    announced = False

    def check_ready() -> None:
        nonlocal announced
        if not announced and ready():
            announce()
            announced = True

    return check_ready


def end_all(parts: Sequence[Part], say: Callable[[str], None]) -> None:
    """Send TERM to all, give them time to finish, then send KILL to every group: grandchildren may outlive parents."""
    for part in parts:
        if part.child.poll() is None:
            part.child.terminate()
    limit = time.monotonic() + GRACE_SECONDS
    for part in parts:
        try:
            part.child.wait(max(0.0, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            grace = f"{GRACE_SECONDS:.0f} s"
            say(f"The {part.name} took more than {grace} to end and was killed; its jobs start again later.")
    for part in parts:
        kill_group(part.child)


def kill_group(child: Child) -> None:
    """Send KILL to whatever is left of a child's group."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def find_left_over_groups(pids: Path) -> list[int]:
    """Return the process groups of an earlier start that was killed before it could end its children."""
    if not pids.exists():
        return []
    groups = [int(line) for line in pids.read_text().split()]
    return [group for group in groups if _is_alive(group)]


def _watch(
    parts: Sequence[Part],
    stop: threading.Event,
    pids: Path,
    say: Callable[[str], None],
    check_ready: Callable[[], None],
) -> Part | None:
    """Watch the parts until `stop` is set (return None) or one cannot start (return it)."""
    written: list[int] = []
    while True:
        running = [part.child.pid for part in parts]
        if running != written:
            _write_pids(pids, running)
            written = running
        if stop.wait(POLL_SECONDS):
            return None
        for part in parts:
            if part.has_failed(time.monotonic(), say):
                return part
        check_ready()


def _write_pids(pids: Path, running: Sequence[int]) -> None:
    """Replace the file in one step: another start may read it at any moment."""
    temporary = pids.with_name(f"{pids.name}.new")
    temporary.write_text("\n".join(map(str, running)))
    temporary.replace(pids)


@contextmanager
def _stop_on_signals(stop: threading.Event) -> Iterator[None]:
    earlier = {number: signal.signal(number, lambda *_: stop.set()) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _compute_exit_code(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode or 1


def _is_alive(group: int) -> bool:
    """Return whether a process of the group runs. A zombie does not count: in a container it may stay forever."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's: the number was reused
        return False
    states = [state for state, its_group in _list_processes() if its_group == group]
    return not states or any(state not in "ZX" for state in states)


def _list_processes() -> Iterator[tuple[str, int]]:
    """Yield the state and the group of every process, if the system has /proc."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, _parent, group = path.read_bytes().rpartition(b")")[2].split()[:3]
            yield state.decode(), int(group)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the launcher needs to know to start the site, without Django."""

    host: str
    port: int
    pids: str
    greeting: str
    """Printed once the site answers. It may hold passwords."""


def become_launcher(plan: Plan) -> NoReturn:
    """Replace this process by a launcher that has loaded nothing else: it only waits, for as long as the site runs.

    The plan goes through a pipe, since other users of the machine can read the arguments of a process.
    """
    source, target = os.pipe()
    os.write(target, json.dumps(asdict(plan)).encode())
    os.close(target)
    os.set_inheritable(source, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "operations.launcher", str(source)])  # noqa: S606  # our own program


def is_listening(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def main() -> int:
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as source:
        plan = Plan(**json.load(source))
    return supervise(
        list_commands(plan.host, plan.port),
        pids=Path(plan.pids),
        say=lambda words: print(words, file=sys.stderr, flush=True),
        ready=lambda: is_listening(plan.host, plan.port),
        announce=lambda: print(plan.greeting, flush=True),
    )


if __name__ == "__main__":
    sys.exit(main())
