"""Child processes that do for a worker what may crash or needs much memory: models, and the decoding of clips.

A worker has one process for each program, so one for each model. It answers the worker's threads in turn, ends by
itself after some idle time, and is killed with its parent. If it crashes, the next request starts another; the worker
is not harmed. `modelassist.kinds.messages` says what goes over the pipes.
"""

import atexit
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelassist.kinds.base import CriticUnavailable
from modelassist.kinds.lines import LineReader, PipeEndedError
from modelassist.kinds.turns import POLL_SECONDS, Turns
from operations.launcher import list_tied

SPARE_SECONDS = 10.0
"""A model that nobody asked for so long is ended when another one starts. One in use is not: both stay loaded."""
_CHECKOUT = Path(__file__).resolve().parents[2]
_LOG_BYTES = 8192
_starter = ThreadPoolExecutor(1, thread_name_prefix="start-child")
"""Its one thread starts all processes, and lives as long as the worker: Linux ends a process that is tied to its parent
when the thread ends that started it."""


class ChildCrashedError(RuntimeError):
    """The process ended without an answer; the message says how, in full sentences."""


class _IdleEndError(RuntimeError):
    """The process had just ended because it was idle: another one gives the answer."""


def ignore() -> None:
    """Do nothing while a process works."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a child process runs: the arguments of Python."""

    arguments: tuple[str, ...]
    subject: str = "The process of the model"
    """How errors name the process."""
    is_model: bool = True
    """Whether it holds a model, and may have to make room for another."""


class ChildProcess:
    """A running process."""

    def __init__(self, program: Program, idle_seconds: float) -> None:
        self._subject = program.subject
        self._process: subprocess.Popen[bytes]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # `end` closes it
        options = [*program.arguments, f"--idle-seconds={idle_seconds}"]
        self._process = _starter.submit(
            subprocess.Popen,
            [*list_tied("KILL"), sys.executable, *options],
            cwd=_CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
        ).result()
        assert self._process.stdout is not None
        self._lines = LineReader(self._process.stdout.fileno())
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def ask(self, message: Mapping[str, Any], on_wait: Callable[[], None]) -> dict[str, Any]:
        """Wait until the process is ready, then for its reply."""
        if not self._is_ready:
            self._read_reply(on_wait)
            self._is_ready = True
        self._write(message)
        return self._read_reply(on_wait)

    def end(self) -> None:
        """Kill the process, if it runs, and close its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        line = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while line:
                line = line[self._process.stdin.write(line) or 0 :]
        except BrokenPipeError:
            raise self._explain_end() from None

    def _read_reply(self, on_wait: Callable[[], None]) -> dict[str, Any]:
        try:
            while (line := self._lines.read_line(POLL_SECONDS)) is None:
                on_wait()
        except PipeEndedError:
            raise self._explain_end() from None
        reply: dict[str, Any] = json.loads(line)
        if reason := reply.get("unavailable"):
            raise CriticUnavailable(reason)
        return reply

    def _explain_end(self) -> Exception:
        code = self._process.wait()
        if code == 0:
            return _IdleEndError()
        words = describe_end(code, self._read_last_line(), self._subject)
        return CriticUnavailable(words) if not self._is_ready and code > 0 else ChildCrashedError(words)

    def _read_last_line(self) -> str:
        end = self._log.seek(0, 2)
        self._log.seek(max(0, end - _LOG_BYTES))
        lines = self._log.read().decode("utf-8", errors="replace").strip().splitlines()
        return " ".join(lines[-1].split()) if lines else ""


def describe_end(code: int, last_line: str, subject: str) -> str:
    """Say in full sentences why a process ended, from its exit code as `subprocess` gives it."""
    if code == -signal.SIGKILL:
        return (
            f"{subject} was killed, most likely because the machine has too little memory for it. Free"
            " memory, or let a smaller model draft."
        )
    if code < 0:
        return f"{subject} crashed (signal {signal.Signals(-code).name})."
    return f"{subject} ended with code {code}: {last_line.rstrip('.') or 'it wrote no error'}."


@dataclass(slots=True)
class _Holder:
    """The process of a program, if it runs. Only the thread that has the turn uses it."""

    program: Program
    turns: Turns = field(default_factory=Turns)
    process: ChildProcess | None = None
    last_used: float = 0.0
    """By time.monotonic()."""

    def get_process(self, idle_seconds: float) -> ChildProcess:
        if self.process is not None and not self.process.is_running():
            self.end()
        if self.process is None:
            if self.program.is_model:
                _end_spare_models()
            self.process = ChildProcess(self.program, idle_seconds)
        return self.process

    def end(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.end()


_holders: dict[Program, _Holder] = {}
_holders_lock = threading.Lock()


def ask_child(
    program: Program, message: Mapping[str, Any], *, idle_seconds: float, on_wait: Callable[[], None]
) -> dict[str, Any]:
    """Return the reply of the program's process, which is started if it does not run.

    `on_wait` is called twice a second meanwhile; if it raises while the process works, the process is ended and the
    error is raised. Raises CriticUnavailable, and ChildCrashedError if the process ends without a reply.
    """
    with _holders_lock:
        holder = _holders.setdefault(program, _Holder(program))
    with holder.turns.take(on_wait):
        try:
            try:
                return holder.get_process(idle_seconds).ask(message, on_wait)
            except _IdleEndError:
                return holder.get_process(idle_seconds).ask(message, on_wait)
        except BaseException:
            holder.end()
            raise
        finally:
            holder.last_used = time.monotonic()


def find_process(program: Program) -> ChildProcess | None:
    """Return the process of a program, if it was started and not collected."""
    return _holders[program].process if program in _holders else None


def collect_ended() -> None:
    """Release what the system still holds of processes that ended by themselves, unless a thread uses them now."""
    _end_where(lambda holder: holder.process is not None and not holder.process.is_running())


def end_child(program: Program) -> None:
    """End the process of a program, unless a thread uses it now."""
    _end_where(lambda holder: holder.program == program)


def end_all() -> None:
    """End all processes."""
    for holder in list(_holders.values()):
        holder.end()


atexit.register(end_all)


def _end_spare_models() -> None:
    """End the models that nobody asked for a while: two large ones rarely fit in memory."""
    latest = time.monotonic() - SPARE_SECONDS
    _end_where(lambda holder: holder.program.is_model and holder.last_used <= latest)


def _end_where(is_meant: Callable[[_Holder], bool]) -> None:
    with _holders_lock:
        holders = list(_holders.values())
    for holder in holders:
        with ExitStack() as turn:
            if turn.enter_context(holder.turns.take_if_free()) and is_meant(holder):
                holder.end()
