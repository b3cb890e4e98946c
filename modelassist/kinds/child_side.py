"""The child's side of `modelassist.kinds.child`: answer requests from standard input until idle for too long.

The process also ends when the worker closes the pipe. What libraries print goes to standard error, so that it never
mixes with the replies.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from modelassist.kinds.lines import LineReader, PipeEndedError

FAULTS = (ImportError, MemoryError, OSError, RuntimeError, ValueError)
"""Errors of a program that cannot start or answer. Any other is a bug: the process ends with its trace."""

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def answer_parent(start: Callable[[], Answer], idle_seconds: float) -> None:
    """Start, say so, then answer each request with what `start` returned."""
    output = _reserve_output()
    try:
        answer = start()
        _write(output, {"ready": True})
        _answer_until_idle(answer, output, idle_seconds)
    except FAULTS as error:
        _write(output, {"unavailable": describe_fault(error)})


def describe_fault(error: Exception) -> str:
    """Describe in one line why a program cannot start or answer."""
    words = " ".join(str(error).split()) or type(error).__name__
    kind = "" if isinstance(error, ValueError | RuntimeError | OSError) else f"{type(error).__name__}: "
    return f"{kind}{words.rstrip('.')}."


def leave() -> NoReturn:
    """End this process without waiting for the threads of libraries."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _reserve_output() -> int:
    """Keep standard output for replies alone: what anything else prints goes to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    return output


def _answer_until_idle(answer: Answer, output: int, idle_seconds: float) -> None:
    """The first request is on its way, however long a busy worker takes to write it."""
    lines = LineReader(0)
    try:
        line: bytes | None = lines.wait_for_line()
        while line is not None:
            _write(output, answer(json.loads(line)))
            line = lines.read_line(idle_seconds)
    except PipeEndedError:
        return


def _write(output: int, message: Mapping[str, Any]) -> None:
    line = memoryview(json.dumps(message).encode() + b"\n")
    while line:
        line = line[os.write(output, line) :]
