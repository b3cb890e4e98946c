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


TURN_SECONDS = 4.0
"""How long a model works for one thread before the next one gets its turn, roughly: someone may wait for one score."""
_FIRST_CLIPS, _MOST_CLIPS = 2, 8
_clips_a_turn: dict[str, int] = {}
"""By model: how many clips it is asked about at once. More at once are faster for each clip, but take longer."""


@dataclass(frozen=True, slots=True)
class EngineProposer:
    """Asks the model in a folder or of a hub id."""

    model: str
    idle_seconds: int = IDLE_SECONDS
    on_wait: Callable[[], None] = ignore
    """Called twice a second while the model works. If it raises, the process is ended and the error is raised."""

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order, some in each turn.

        If the process crashes, the questions of that turn are asked one by one, to find the clip at fault.
        """
        answers: list[ClipAnswer] = []
        crashes = alone_until = 0
        while left := questions[len(answers) :]:
            is_alone = len(answers) < alone_until or len(left) == 1
            turn = left[: 1 if is_alone else _clips_a_turn.get(self.model, _FIRST_CLIPS)]
            try:
                answers += self._ask(turn)
                crashes = 0
            except ChildCrashedError as crash:
                if len(turn) > 1:
                    alone_until = len(answers) + len(turn)
                    continue
                crashes += 1
                if crashes == min(len(questions), _CRASHES_IN_A_ROW):
                    raise CriticUnavailable(str(crash)) from None
                answers.append(ClipAnswer(error=str(crash)))
        return answers

    def _ask(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        message = {"questions": [question_to_json(question) for question in questions]}
        reply = ask_child(make_program(self.model), message, idle_seconds=self.idle_seconds, on_wait=self.on_wait)
        _clips_a_turn[self.model] = choose_clips_a_turn(len(questions), reply["seconds"])
        return [answer_from_json(answer) for answer in reply["answers"]]


def choose_clips_a_turn(clips: int, seconds: float) -> int:
    """Return how many clips the next turn has, if one with `clips` took `seconds`."""
    if seconds > 2 * TURN_SECONDS:
        return max(1, clips // 2)
    return min(_MOST_CLIPS, 2 * clips) if seconds < TURN_SECONDS else clips


def make_program(model: str) -> Program:
    """Return what the process of a model runs."""
    return Program((*PROGRAM, model))


def end_model(model: str) -> None:
    """End the process of a model, unless it is answering."""
    end_child(make_program(model))
