"""How many of a critic's answers could be read: what an evaluation says of it, and from where on a run has failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEAST_READABLE = 0.1
"""A run whose critic gives a smaller share of readable answers on held-out clips has failed."""
ADVICE = "Train it for more steps, at another learning rate, or from a model that already writes."
"""What to do about such a critic."""


@dataclass(frozen=True, slots=True)
class Readable:
    """Answers that could be read, of those asked for."""

    read: int
    asked: int

    @property
    def is_enough(self) -> bool:
        """Whether the critic can be used at all."""
        return self.read >= LEAST_READABLE * self.asked and self.read > 0

    def describe(self) -> str:
        """The share beside what a critic needs, as a sentence."""
        return (
            f"{self.read} of {self.asked} answers of the trained critic could be read on held-out clips, and a critic"
            f" needs {LEAST_READABLE:.0%}."
        )


def count_readable(evaluation: Mapping[str, Any]) -> Readable | None:
    """Over all splits of an evaluation; None where nothing was measured."""
    splits = [split for split in evaluation.get("splits", {}).values() if split.get("unparsable_rate") is not None]
    asked = sum(int(split.get("clips", 0)) for split in splits)
    unread = sum(int(split.get("clips", 0)) * float(split["unparsable_rate"]) for split in splits)
    return Readable(asked - round(unread), asked) if asked else None
