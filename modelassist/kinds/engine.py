"""A local model as a critic: it is loaded in a process of its own, so that its memory is free again when that ends.

There is one such process for each worker. It is replaced when another model is asked, ends by itself after some idle
minutes, and is killed with its parent. If it crashes, the next question starts another; the worker is not harmed.
"""

import atexit
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.kinds.lines import LineReader, PipeEndedError
from modelassist.kinds.messages import answer_from_json, question_to_json
from operations.launcher import list_tied

IDLE_SECONDS = 300
PROGRAM = ("-m", "modelassist.kinds.engine_process")
_CHECKOUT = Path(__file__).resolve().parents[2]
_POLL_SECONDS = 0.5
_LOG_BYTES = 8192
_CRASHES_IN_A_ROW = 2
"""After this many crashes in a row, each with one clip alone, the model is at fault and not a clip."""


class ModelCrashedError(RuntimeError):
    """The process of the model ended without an answer; the message says how, in full sentences."""


class _IdleEndError(RuntimeError):
    """The process had just ended because it was idle: another one gives the answer."""


def _ignore() -> None:
    return None


@dataclass(frozen=True, slots=True)
class EngineProposer:
    """Asks the model in a folder or of a hub id."""

    model: str
    idle_seconds: int = IDLE_SECONDS
    on_wait: Callable[[], None] = _ignore
    """Called twice a second while the model works. If it raises, the process is ended and the error is raised."""

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order. If the process crashes, ask again clip by clip, to find the clip at fault."""
        try:
            return self._ask(questions)
        except ModelCrashedError as crash:
            if len(questions) == 1:
                raise CriticUnavailable(str(crash)) from None
        return self._ask_one_by_one(questions)

    def _ask_one_by_one(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        answers: list[ClipAnswer] = []
        crashes = 0
        for question in questions:
            try:
                answers += self._ask([question])
                crashes = 0
            except ModelCrashedError as crash:
                answers.append(ClipAnswer(error=str(crash)))
                crashes += 1
                if crashes == _CRASHES_IN_A_ROW:
                    raise CriticUnavailable(str(crash)) from None
        return answers

    def _ask(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        with _lock:
            try:
                return _get_process(self).ask(questions, self.on_wait)
            except _IdleEndError:
                return _get_process(self).ask(questions, self.on_wait)
            except BaseException:
                end_process()
                raise


class ModelProcess:
    """The running process of a model."""

    def __init__(self, model: str, idle_seconds: int) -> None:
        self.model = model
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # `end` closes it
        options = [*PROGRAM, model, f"--idle-seconds={idle_seconds}"]
        self._process = subprocess.Popen(
            [*list_tied("KILL"), sys.executable, *options],
            cwd=_CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
        )
        assert self._process.stdout is not None
        self._lines = LineReader(self._process.stdout.fileno())
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def ask(self, questions: Sequence[ClipQuestion], on_wait: Callable[[], None]) -> list[ClipAnswer]:
        """Wait until the model is loaded, then for its answers."""
        if not self._is_ready:
            self._read_reply(on_wait)
            self._is_ready = True
        self._write({"questions": [question_to_json(question) for question in questions]})
        return [answer_from_json(answer) for answer in self._read_reply(on_wait)["answers"]]

    def end(self) -> None:
        """Kill the process, if it runs, and close its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        line = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while line:
                line = line[self._process.stdin.write(line) or 0 :]
        except BrokenPipeError:
            raise self._explain_end() from None

    def _read_reply(self, on_wait: Callable[[], None]) -> dict[str, Any]:
        try:
            while (line := self._lines.read_line(_POLL_SECONDS)) is None:
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
        if not self._is_ready and code > 0:
            return CriticUnavailable(describe_end(code, self._read_last_line()))
        return ModelCrashedError(describe_end(code, self._read_last_line()))

    def _read_last_line(self) -> str:
        end = self._log.seek(0, 2)
        self._log.seek(max(0, end - _LOG_BYTES))
        lines = self._log.read().decode("utf-8", errors="replace").strip().splitlines()
        return " ".join(lines[-1].split()) if lines else ""


def describe_end(code: int, last_line: str) -> str:
    """Say in full sentences why the process of a model ended, from its exit code as `subprocess` gives it."""
    if code == -signal.SIGKILL:
        return (
            "The process of the model was killed, most likely because the machine has too little memory for it. Free"
            " memory, or let a smaller model draft."
        )
    if code < 0:
        return f"The process of the model crashed (signal {signal.Signals(-code).name})."
    return f"The process of the model ended with code {code}: {last_line.rstrip('.') or 'it wrote no error'}."


_lock = threading.Lock()
"""Held while the process is used: a worker has several threads, and the model answers one of them at a time."""
_process: ModelProcess | None = None


def _get_process(proposer: EngineProposer) -> ModelProcess:
    """Return the running process of the proposer's model; start it if none runs. The lock is held."""
    global _process
    if _process is not None and (_process.model != proposer.model or not _process.is_running()):
        end_process()
    if _process is None:
        _process = ModelProcess(proposer.model, proposer.idle_seconds)
    return _process


def end_process() -> None:
    """End the process of the model, if there is one."""
    global _process
    process, _process = _process, None
    if process is not None:
        process.end()


atexit.register(end_process)


def collect_ended_process() -> None:
    """Release what the system still holds of a process that ended by itself, unless a thread uses it now."""
    if _lock.acquire(blocking=False):
        try:
            if _process is not None and not _process.is_running():
                end_process()
        finally:
            _lock.release()
