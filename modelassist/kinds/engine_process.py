"""The process of a model: load it, then answer questions about clips.

python -m modelassist.kinds.engine_process MODEL --idle-seconds 300
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.kinds.child_side import Answer, answer_parent, leave
from modelassist.kinds.messages import answer_to_json, question_from_json
from qsave.proposal import Proposal

if TYPE_CHECKING:
    from modelassist.engine.generation.critic import Critic
    from modelassist.engine.generation.read_scores import Scored

AnswerQuestions = Callable[[Sequence[ClipQuestion]], list[ClipAnswer]]


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
        questions = [question_from_json(value) for value in message["questions"]]
        return {"answers": [answer_to_json(one) for one in answer(questions)]}

    return reply


def answer_questions(critic: "Critic", questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
    """Answer each question, in order."""
    answers: list[ClipAnswer] = []
    for taxonomy, group in groupby(questions, key=lambda question: question.taxonomy):
        critic.set_taxonomy(taxonomy)
        answers += map(_read_answer, critic.score([(question.video, question.prompt) for question in group]))
    return answers


def _read_answer(scored: "Scored") -> ClipAnswer:
    if scored.card is None:
        return ClipAnswer(text=scored.text, error=scored.error or "The critic gave no report card.")
    return ClipAnswer(Proposal.from_card(scored.card), scored.text)


if __name__ == "__main__":
    main()
    leave()
