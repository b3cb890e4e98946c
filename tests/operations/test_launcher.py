"""The launcher: everything starts together and nothing outlives it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from operations import launcher
from operations.management.commands.up import is_loopback, refuse_if_taken
from tests.support import processes
from tests.support.services import find_free_port, is_listening
from tests.support.waiting import LIMIT_SECONDS, wait_until

SUPERVISOR = """
import json, sys
from pathlib import Path
from operations import launcher
for name, value in json.loads(sys.argv[3]).items():
    setattr(launcher, name, value)
pids, commands = Path(sys.argv[1]), json.loads(sys.argv[2])
sys.exit(launcher.supervise(commands, pids=pids, say=print))
"""
PARTS = 1 + len(launcher.WORKERS)
"""Of a site: web and the workers."""
WAIT = [sys.executable, "-c", "import signal; signal.pause()"]
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
# A parent that leaves a child behind which does not end at TERM. It may live more than once: it adds a line each time.
LEAVE_A_CHILD = (
    "import signal, subprocess, sys; "
    f"child = subprocess.Popen([sys.executable, '-c', {STUBBORN + 'signal.pause()'!r}]); "
    "print(child.pid, file=open(sys.argv[1], 'a'), flush=True); "
)

# No slow machine reaches these limits: the test decides whether a death is early, and a process has the time to end.
EARLY: dict[str, float] = {"EARLY_SECONDS": 600.0, "GRACE_SECONDS": 600.0}
LATE: dict[str, float] = {
    "EARLY_SECONDS": 0.0,
    "FIRST_PAUSE_SECONDS": 0.01,
    "LONGEST_PAUSE_SECONDS": 600.0,
    "GRACE_SECONDS": 600.0,
}

Start = Callable[..., "subprocess.Popen[str]"]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def umask_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))


def first_pid(written: Path) -> int:
    """The process that the first line names, once it is whole: a file is there before its content is."""
    wait_until(lambda: written.exists() and "\n" in written.read_text(), what=f"the pid in {written.name}")
    return int(written.read_text().split()[0])


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    return tmp_path / "pids"


@pytest.fixture
def start(pids: Path) -> Iterator[Start]:
    """Starts a supervisor of the given commands and returns it when all of them run."""
    started: list[subprocess.Popen[str]] = []

    def begin(commands: dict[str, list[str]], limits: dict[str, float] = EARLY) -> "subprocess.Popen[str]":
        arguments = [sys.executable, "-c", SUPERVISOR, str(pids), json.dumps(commands), json.dumps(limits)]
        started.append(subprocess.Popen(arguments, cwd=processes.ROOT, text=True, stdout=subprocess.PIPE))
        wait_until(lambda: pids.exists() or started[0].poll() is not None, what="the supervisor")
        return started[0]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_ends_its_children_and_answers_zero(start: Start, pids: Path, number: signal.Signals) -> None:
    supervisor = start({"web": WAIT, "worker": WAIT})
    children = launcher.find_left_over_groups(pids)
    assert len(children) == 2
    supervisor.send_signal(number)
    assert supervisor.wait(timeout=LIMIT_SECONDS) == 0
    assert not any(map(is_alive, children))
    assert not pids.exists()


def test_a_child_that_dies_early_ends_the_rest_and_its_code_is_ours(start: Start, tmp_path: Path) -> None:
    written = tmp_path / "pid"
    note = f"import os, signal; print(os.getpid(), file=open({str(written)!r}, 'a'), flush=True); signal.pause()"
    die = (
        f"import os, sys, time\nwhile not (os.path.exists({str(written)!r}) and os.path.getsize({str(written)!r})): "
        "time.sleep(0.01)\nsys.exit(7)"
    )
    supervisor = start({"web": [sys.executable, "-c", note], "worker": [sys.executable, "-c", die]})
    message, _ = supervisor.communicate(timeout=LIMIT_SECONDS)
    assert supervisor.returncode == 7
    assert "The worker ended by itself (code 7)" in message
    assert not is_alive(first_pid(written))


@pytest.mark.parametrize(("code", "expected"), [("pass", 1), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_no_end_of_a_child_passes_for_success(start: Start, code: str, expected: int) -> None:
    supervisor = start({"web": [sys.executable, "-c", code]})
    assert supervisor.wait(timeout=LIMIT_SECONDS) == expected


def test_a_child_that_dies_later_is_started_again_and_the_rest_goes_on(start: Start, tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    note = f"import os\nwith open({str(lives)!r}, 'a') as file: file.write(f'{{os.getpid()}}\\n')\n"
    die_twice = f"{note}import signal, sys\nif len(open({str(lives)!r}).readlines()) < 3: sys.exit(7)\nsignal.pause()"
    supervisor = start({"web": WAIT, "worker": [sys.executable, "-c", die_twice]}, LATE)
    wait_until(lambda: lives.exists() and len(lives.read_text().split()) == 3, what="the third life of the worker")
    third = int(lives.read_text().split()[-1])
    assert is_alive(third)
    supervisor.send_signal(signal.SIGTERM)
    message, _ = supervisor.communicate(timeout=LIMIT_SECONDS)
    assert supervisor.returncode == 0
    lines = message.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("The worker ended by itself (code 7)") for line in lines)
    assert [line.rpartition(" starts again in ")[2] for line in lines] == ["0.01 s.", "0.02 s."]
    assert not is_alive(third)


def test_the_list_of_children_names_those_that_run_now(start: Start, pids: Path, tmp_path: Path) -> None:
    supervisor = start({"web": WAIT}, LATE)
    (first,) = launcher.find_left_over_groups(pids)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: launcher.find_left_over_groups(pids) not in ([], [first]), what="another child")
    (second,) = launcher.find_left_over_groups(pids)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=LIMIT_SECONDS) == 0
    assert not is_alive(second)


def test_what_a_dead_child_left_behind_is_killed_before_it_starts_again(start: Start, tmp_path: Path) -> None:
    written = tmp_path / "grandchild"
    supervisor = start({"worker": [sys.executable, "-c", LEAVE_A_CHILD + "sys.exit(3)", str(written)]}, LATE)
    grandchild = first_pid(written)
    wait_until(lambda: not is_alive(grandchild), what="the grandchild's end")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(timeout=LIMIT_SECONDS) == 0


class Scripted:
    """A child that ends when it is stop, without a process."""

    pid = 2**22 + 1  # above what the kernel gives out, so that its group is nobody's

    def __init__(self) -> None:
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode

    wait = poll


def test_a_part_is_judged_by_how_long_it_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Scripted] = []

    def start_scripted(command: object) -> Scripted:
        started.append(Scripted())
        return started[-1]

    monkeypatch.setattr(launcher, "start", start_scripted)
    messages: list[str] = []
    part = launcher.Part("web", ["web"], launcher.start(["web"]), started=100.0)
    now, pauses = 100.0, []
    # Its first life is long enough; the next ones are short, one lasts a minute, the last ones are short again.
    for life in (10.0, 0.0, 1.0, 9.0, 0.0, 0.0, 0.0, 59.0, 60.0, 0.0):
        now += life
        assert not part.has_failed(now - 0.5 * life, messages.append)
        started[-1].returncode = 7
        assert not part.has_failed(now, messages.append)
        assert part.due is not None
        pauses.append(part.due - now)
        before = len(started)
        assert not part.has_failed(part.due - 0.01, messages.append)
        assert len(started) == before, "it waits"
        now = part.due
        assert not part.has_failed(now, messages.append)
        assert len(started) == before + 1
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 1, 2]
    assert len(messages) == len(pauses)


@pytest.mark.parametrize(("lived", "fails"), [(0.0, True), (9.9, True), (10.0, False), (3600.0, False)])
def test_only_an_early_death_in_its_first_life_ends_the_site(lived: float, fails: bool) -> None:
    child = Scripted()
    part = launcher.Part("web", ["web"], child, started=100.0)  # type: ignore[arg-type]  # it acts as one
    child.returncode = 3
    assert part.has_failed(100.0 + lived, lambda line: None) is fails


def test_a_grandchild_that_ignores_everything_is_killed(start: Start, tmp_path: Path) -> None:
    written = tmp_path / "grandchild"
    supervisor = start({"worker": [sys.executable, "-c", LEAVE_A_CHILD + "signal.pause()", str(written)]})
    grandchild = first_pid(written)
    assert is_alive(grandchild)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(timeout=LIMIT_SECONDS) == 0
    wait_until(lambda: not is_alive(grandchild), what="the grandchild's end")


def test_what_a_killed_launcher_left_is_named_with_the_way_to_end_it(start: Start, pids: Path) -> None:
    supervisor = start({"web": WAIT})
    supervisor.kill()
    supervisor.wait()
    (orphan,) = launcher.find_left_over_groups(pids)
    with pytest.raises(CommandError, match=f"kill -- -{orphan}"):
        refuse_if_taken("127.0.0.1", find_free_port(), pids)
    os.killpg(orphan, signal.SIGTERM)
    wait_until(lambda: not is_alive(orphan), what="the orphan's end")


def test_who_ended_and_was_never_collected_is_not_left_over(pids: Path, tmp_path: Path) -> None:
    """As where the first process of a container collects nobody: the site could never be started again."""
    written = tmp_path / "grandchild"
    command = [sys.executable, "-c", LEAVE_A_CHILD + "sys.exit()", str(written)]
    parent = subprocess.Popen(command, start_new_session=True)  # not waited for, until the end
    pids.write_text(str(parent.pid))
    grandchild = first_pid(written)
    wait_until(lambda: not is_alive(parent.pid), what="the parent's end")
    assert launcher.find_left_over_groups(pids) == [parent.pid], "its child runs on"
    os.kill(grandchild, signal.SIGKILL)
    wait_until(lambda: not is_alive(grandchild), what="the grandchild's end")
    assert launcher.find_left_over_groups(pids) == []
    parent.wait()


def test_a_taken_port_is_refused_with_another_to_take(live_server: object, pids: Path) -> None:
    port: int = live_server.thread.port  # type: ignore[attr-defined]  # pytest-django leaves it untyped
    with pytest.raises(CommandError, match=rf"make run PORT={port + 1}"):
        refuse_if_taken("127.0.0.1", port, pids)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("192.0.2.7", False), ("::", False)],
)
def test_sign_ins_are_for_loopback_alone(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.django_db(transaction=True)
def test_the_whole_site_starts_answers_and_ends(tmp_path: Path) -> None:
    connection.close()
    port = find_free_port()
    log = tmp_path / "log"
    with processes.python("manage.py", "up", "--no-demo", "--port", str(port), log=log) as site:
        pids = settings.VAR_DIR / "up.pids"
        wait_until(
            lambda: (
                (len(launcher.find_left_over_groups(pids)) == PARTS and is_listening(port)) or site.poll() is not None
            )
        )
        assert site.poll() is None, log.read_text()
        assert {umask_of(pid) for pid in launcher.find_left_over_groups(pids)} == {0o077}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=LIMIT_SECONDS) as answer:
            assert json.load(answer) == {"status": "ok"}
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        wait_until(lambda: f"http://127.0.0.1:{port}/" in log.read_text(), what="the address")
        wait_until(lambda: f"add_person NAME --role engineer --site http://127.0.0.1:{port}" in log.read_text())
        site.send_signal(signal.SIGINT)
        assert site.wait(timeout=LIMIT_SECONDS) == 0, log.read_text()
    assert not is_listening(port)


@pytest.mark.django_db(transaction=True)
def test_a_killed_launcher_takes_the_site_with_it(tmp_path: Path) -> None:
    connection.close()
    port = find_free_port()
    with processes.python("manage.py", "up", "--no-demo", "--port", str(port), log=tmp_path / "log") as site:
        pids = settings.VAR_DIR / "up.pids"
        # who answers on the port may be another test's server: the list of children is what says that this site runs
        wait_until(lambda: len(launcher.find_left_over_groups(pids)) == PARTS and is_listening(port), what="the site")
        groups = launcher.find_left_over_groups(pids)
        site.kill()
        site.wait()
    wait_until(lambda: not any(map(is_alive, groups)), what="the end of web and workers")
    assert not is_listening(port)
