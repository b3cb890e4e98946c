"""Count how many of a critic's answers can be read, and decide whether a run has failed."""

from dataclasses import dataclass

from qsave.run.evaluation import Evaluation

LEAST_READABLE = 0.1
"""A run whose critic gives a smaller share of readable answers on held-out clips has failed."""
ADVICE = "Train it for more steps, at another learning rate, or from a model that already writes."
"""What to do about such a critic."""


@dataclass(frozen=True, slots=True)
class Readable:
    """How many of a critic's answers can be read."""

    readable: int
    answers: int

    @property
    def is_enough(self) -> bool:
        """Whether the critic can be used at all."""
        return self.readable >= LEAST_READABLE * self.answers and self.readable > 0

    def describe(self) -> str:
        """State the share, and the share that a critic needs, in a sentence."""
        return (
            f"{self.readable} of {self.answers} answers of the trained critic could be read on held-out clips, and a"
            f" critic needs {LEAST_READABLE:.0%}."
        )


def count_readable(evaluation: Evaluation) -> Readable | None:
    """Count over all splits of an evaluation; returns None if nothing was measured."""
    rates = [(split.counts.clips, split.unparsable_rate) for split in evaluation.splits.values()]
    answers = sum(clips for clips, rate in rates if rate is not None)
    unreadable = sum(clips * rate for clips, rate in rates if rate is not None)
    return Readable(answers - round(unreadable), answers) if answers else None
