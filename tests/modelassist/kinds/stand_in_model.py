"""A stand-in for the process of a model: it speaks the same protocol without loading anything.

What it does with a clip is in the clip's prompt.
"""

import os
import signal
import time

from modelassist.kinds import engine_process
from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.kinds.child_side import leave
from qsave.proposal import AxisProposal, Proposal


def load(model: str) -> engine_process.AnswerQuestions:
    if model == "missing":
        raise ValueError("There is no such model folder")
    if model == "kill-at-load":
        os.kill(os.getpid(), signal.SIGKILL)
    if model == "bug-at-load":
        raise KeyError("num_heads")
    return lambda questions: [_answer_one(model, question) for question in questions]


def _answer_one(critic: str, question: ClipQuestion) -> ClipAnswer:
    match question.prompt:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "memory":
            raise MemoryError
        case "wait":
            time.sleep(60)
        case "print":
            print("a library prints this")
        case "bad":
            return ClipAnswer(error="The file is corrupt or cut off.")
    note = f"{critic} {os.getpid()} {question.video.name} {len(question.taxonomy)}"
    return ClipAnswer(Proposal(visual=AxisProposal(score=3.5, note=note)), "as generated \u2028 é")


if __name__ == "__main__":
    engine_process.load = load
    engine_process.main()
    leave()
