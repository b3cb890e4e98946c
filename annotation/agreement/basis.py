"""Count the ratings and clips behind a figure, and choose the spread within clips for intervals."""

from dataclasses import dataclass

from qsave.statistics.evidence import LEAST_CLIPS, Weighed, describe_count, weigh
from qsave.statistics.figures import Estimate, Figure, Undefined
from qsave.statistics.mos import compute_pooled_sd
from qsave.statistics.table import RatingTable


@dataclass(frozen=True, slots=True)
class Basis:
    """The ratings and clips behind a figure.

    `paired` counts the clips with two ratings or more. `kind` names the ratings if there are others too. `thin` is the
    sentence to show before a figure on too few clips; it is empty if there are enough.
    """

    ratings: int
    clips: int
    paired: int
    kind: str = ""

    @classmethod
    def of(cls, table: RatingTable, kind: str = "") -> "Basis":
        return cls(len(table), table.item_count, int((table.n >= 2).sum()), kind)

    @property
    def thin(self) -> str:
        return describe_count(self.paired, self.kind) if self.paired < LEAST_CLIPS else ""

    def weigh(self, estimate: Estimate) -> Weighed:
        """Weigh a figure of agreement that rests on these ratings."""
        return weigh(estimate, clips=self.paired, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Spread:
    """The pooled SD within a clip, and its basis."""

    sd: Figure
    basis: Basis

    @classmethod
    def of(cls, table: RatingTable, kind: str = "") -> "Spread":
        return cls(compute_pooled_sd(table), Basis.of(table, kind))


def choose_spread(blind: Spread, both: Spread) -> Spread:
    """Return the spread for intervals of MOS and for plans.

    It is the spread of blind ratings if that is defined, because drafts make ratings more alike.
    """
    return both if isinstance(blind.sd, Undefined) else blind
