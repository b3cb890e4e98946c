"""The process of a model: load it, then answer questions from standard input until it is idle for too long.

    python -m modelassist.kinds.engine_process MODEL --idle-seconds 300

`modelassist.kinds.messages` says what goes over the pipes. The process also ends when the worker closes the pipe. What
libraries print goes to standard error, so that it never mixes with the answers.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.kinds.lines import LineReader, PipeEndedError
from modelassist.kinds.messages import answer_to_json, question_from_json
from qsave.proposal import Proposal

if TYPE_CHECKING:
    from modelassist.engine.generation.critic import Critic
    from modelassist.engine.generation.read_scores import Scored


FAULTS = (ImportError, MemoryError, OSError, RuntimeError, ValueError)
"""Errors of a model that cannot load or answer. Any other is a bug: the process ends with its trace."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--idle-seconds", type=float, required=True)
    options = parser.parse_args(arguments)
    output = _reserve_output()
    try:
        critic = _load(options.model)
        _write(output, {"ready": True})
        _answer_until_idle(critic, output, options.idle_seconds)
    except FAULTS as error:
        _write(output, {"unavailable": describe_fault(error)})


def _reserve_output() -> int:
    """Keep standard output for messages alone: what anything else prints goes to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    return output


def _load(model: str) -> "Critic":
    from modelassist.engine.models.folder import check_model

    check_model(model)  # before torch is imported, which takes seconds
    from modelassist.engine.generation.critic import Critic

    return Critic.load(model)


def _answer_until_idle(critic: "Critic", output: int, idle_seconds: float) -> None:
    lines = LineReader(0)
    try:
        while (line := lines.read_line(idle_seconds)) is not None:
            questions = [question_from_json(value) for value in json.loads(line)["questions"]]
            _write(output, {"answers": [answer_to_json(answer) for answer in _answer(critic, questions)]})
    except PipeEndedError:
        return


def _answer(critic: "Critic", questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
    answers: list[ClipAnswer] = []
    for taxonomy, group in groupby(questions, key=lambda question: question.taxonomy):
        critic.set_taxonomy(taxonomy)
        answers += map(_make_answer, critic.score([(question.video, question.prompt) for question in group]))
    return answers


def _make_answer(scored: "Scored") -> ClipAnswer:
    if scored.card is None:
        return ClipAnswer(text=scored.text, error=scored.error or "The critic gave no report card.")
    return ClipAnswer(Proposal.from_card(scored.card), scored.text)


def describe_fault(error: Exception) -> str:
    """Describe in one line why a critic cannot load or answer."""
    words = " ".join(str(error).split()) or type(error).__name__
    kind = "" if isinstance(error, ValueError | RuntimeError | OSError) else f"{type(error).__name__}: "
    return f"{kind}{words.rstrip('.')}."


def _write(output: int, message: dict[str, Any]) -> None:
    line = memoryview(json.dumps(message).encode() + b"\n")
    while line:
        line = line[os.write(output, line) :]


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # torch's threads would delay the end
