"""The process of a model: load it, then answer questions about clips.

python -m modelassist.kinds.engine_process MODEL --idle-seconds 300
"""

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.kinds.child_side import Answer, answer_parent, leave
from modelassist.kinds.messages import answer_to_json, question_from_json
from qsave.answers.reading import AnswerError, check_card
from qsave.proposal import AxisProposal, Proposal
from qsave.taxonomy import Defect

if TYPE_CHECKING:
    from modelassist.engine.generation.critic import Critic
    from modelassist.engine.generation.read_scores import Scored

AnswerQuestions = Callable[[Sequence[ClipQuestion]], list[ClipAnswer]]
DIRECT_NOTE = "A score without reasons; defects were not asked for."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--idle-seconds", type=float, required=True)
    options = parser.parse_args()
    answer_parent(lambda: make_answer(load(options.model)), options.idle_seconds)


def load(model: str) -> AnswerQuestions:
    """Load a model; return what answers questions with it."""
    from modelassist.engine.models.folder import check_model

    check_model(model)  # before torch is imported, which takes seconds
    from modelassist.engine.generation.critic import Critic

    critic = Critic.load(model)
    return lambda questions: answer_questions(critic, questions)


def make_answer(answer: AnswerQuestions) -> Answer:
    """Return what answers the messages of a worker."""

    def reply(message: Mapping[str, Any]) -> Mapping[str, Any]:
        began = time.monotonic()
        questions = [question_from_json(value) for value in message["questions"]]
        answers = [answer_to_json(one) for one in answer(questions)]
        return {"answers": answers, "seconds": time.monotonic() - began}

    return reply


def answer_questions(critic: "Critic", questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
    """Answer each question, in order."""
    answers: list[ClipAnswer] = []
    for (taxonomy, is_direct), group in groupby(questions, key=lambda one: (one.taxonomy, one.is_direct)):
        critic.set_taxonomy(taxonomy)
        critic.is_direct = is_direct
        results = critic.score([(question.video, question.prompt) for question in group])
        answers += [read_scored(scored, taxonomy) for scored in results]
    return answers


def read_scored(scored: "Scored", taxonomy: Sequence[Defect]) -> ClipAnswer:
    """Turn a result into an answer; what its campaign or its clip rules out is left out of it."""
    if scored.card is None:
        return ClipAnswer(text=scored.text, error=scored.error or "The critic gave no report card.")
    if scored.is_direct:
        axes = {axis.value: AxisProposal(score=score, note=DIRECT_NOTE) for axis, score in scored.card.scores.items()}
        return ClipAnswer(Proposal(**axes), scored.text)
    try:
        answer = check_card(scored.card, taxonomy, math.inf if scored.clip_seconds is None else scored.clip_seconds)
    except AnswerError as error:
        return ClipAnswer(text=scored.text, error=str(error))
    return ClipAnswer(answer.proposal, scored.text)


if __name__ == "__main__":
    main()
    leave()
