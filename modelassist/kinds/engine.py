"""A local model as a critic: it is loaded in a process of its own, so that its memory is free again when that ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.kinds.child import ChildCrashedError, Program, ask_child, end_child, ignore
from modelassist.kinds.messages import answer_from_json, question_to_json

IDLE_SECONDS = 300
PROGRAM = ("-m", "modelassist.kinds.engine_process")
_CRASHES_IN_A_ROW = 2
"""After this many crashes in a row, each with one clip alone, the model is at fault and not a clip."""


@dataclass(frozen=True, slots=True)
class EngineProposer:
    """Asks the model in a folder or of a hub id."""

    model: str
    idle_seconds: int = IDLE_SECONDS
    on_wait: Callable[[], None] = ignore
    """Called twice a second while the model works. If it raises, the process is ended and the error is raised."""

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order. If the process crashes, ask again clip by clip, to find the clip at fault."""
        try:
            return self._ask(questions)
        except ChildCrashedError as crash:
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
            except ChildCrashedError as crash:
                answers.append(ClipAnswer(error=str(crash)))
                crashes += 1
                if crashes == _CRASHES_IN_A_ROW:
                    raise CriticUnavailable(str(crash)) from None
        return answers

    def _ask(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        message = {"questions": [question_to_json(question) for question in questions]}
        reply = ask_child(make_program(self.model), message, idle_seconds=self.idle_seconds, on_wait=self.on_wait)
        return [answer_from_json(answer) for answer in reply["answers"]]


def make_program(model: str) -> Program:
    """Return what the process of a model runs."""
    return Program((*PROGRAM, model))


def end_model(model: str) -> None:
    """End the process of a model, unless it is answering."""
    end_child(make_program(model))
