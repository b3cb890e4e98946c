"""What a figure rests on, and which spread within clips is used where one is needed."""

from dataclasses import dataclass

from qsave.statistics.evidence import LEAST_CLIPS, Weighed, count_in_words, weigh
from qsave.statistics.figures import Estimate, Figure, Undefined
from qsave.statistics.mos import pooled_sd
from qsave.statistics.table import RatingTable


@dataclass(frozen=True, slots=True)
class Basis:
    """What a figure rests on. `paired` counts the clips that have two ratings or more; `kind` names the ratings where
    there are others too. `thin` stands before figures on too few clips; it is empty where there are enough."""

    ratings: int
    clips: int
    paired: int
    kind: str = ""

    @classmethod
    def of(cls, table: RatingTable, kind: str = "") -> "Basis":
        return cls(len(table), table.item_count, int((table.n >= 2).sum()), kind)

    @property
    def thin(self) -> str:
        return count_in_words(self.paired, self.kind) if self.paired < LEAST_CLIPS else ""

    def weigh(self, estimate: Estimate) -> Weighed:
        """Judge a figure of agreement that rests on this."""
        return weigh(estimate, clips=self.paired, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Spread:
    """The pooled SD within a clip, and what it rests on."""

    sd: Figure
    basis: Basis

    @classmethod
    def of(cls, table: RatingTable, kind: str = "") -> "Spread":
        return cls(pooled_sd(table), Basis.of(table, kind))


def choose_spread(blind: Spread, both: Spread) -> Spread:
    """The spread that intervals of MOS and plans use: drafts draw ratings together, so that of blind ratings where
    there is one."""
    return both if isinstance(blind.sd, Undefined) else blind
