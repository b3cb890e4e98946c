"""Critics that answer in the test's process, as they are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.models import Critic
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import Evidence, TimeRange

PROPOSAL = Proposal(
    visual=AxisProposal((Evidence("blur", TimeRange(0.1, 0.4)),), "The edge is soft.", 3.5),
    dynamic=AxisProposal((), "", None, "No frozen frame (threshold 0.5 s)."),
)
"""A score, a defect with its time, an axis without a score, and nothing on alignment."""
ANSWER = ClipAnswer(PROPOSAL, "as generated")
ENDPOINT = {"base_url": "https://models.example/v1", "model": "vlm"}


@dataclass
class Answering:
    """Gives one answer to every question, or what `answer` makes of it, and remembers what it was asked."""

    answer: Callable[[ClipQuestion], ClipAnswer] | ClipAnswer = ANSWER
    questions: list[ClipQuestion] = field(default_factory=list)
    rounds: int = 0

    def __call__(self, critic: Critic, on_wait: Callable[[], None] | None = None, **_others: object) -> "Answering":
        """Stand in for `choose_proposer` and `make_proposer`."""
        return self

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        self.questions += questions
        self.rounds += 1
        return [self.answer if isinstance(self.answer, ClipAnswer) else self.answer(one) for one in questions]


def make_critic(name: str = "ada", version: int = 1, **values: object) -> Critic:
    return Critic.objects.create(**{"name": name, "version": version, "model": "a/b", "origin": "hub"} | values)


def make_endpoint(name: str = "remote") -> Critic:
    return make_critic(name, kind="endpoint", origin="endpoint", model="", settings=ENDPOINT)
