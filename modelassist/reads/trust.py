"""How far a critic can be trusted: its figures on held-out clips, beside what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelassist.models import Critic
from modelassist.reads.evaluation import HEADLINE_SPLITS, AxisRow, arrange_axis
from qsave.axes import AXES
from qsave.run.encoding import encode_figures
from qsave.run.evaluation import Evaluation

FIGURES = ("srcc", "rmse", "constant_rmse", "within_one")


@dataclass(frozen=True, slots=True)
class Trust:
    """The figures of a critic on one split. `unparsable` is the share of its clips without a report card."""

    split: str
    clips: int
    is_simulated: bool
    unparsable: float | None
    rows: tuple[AxisRow, ...]


def read_trust(critic: Critic) -> Trust | None:
    """Return the figures of a critic on test, or else on val; None if it was never measured."""
    evaluation = Evaluation.from_json(critic.evaluation)
    name = next((name for name in HEADLINE_SPLITS if name in evaluation.splits), None)
    if name is None:
        return None
    split = evaluation.splits[name]
    rows = tuple(arrange_axis(axis, split.axes[axis]) for axis in AXES)
    return Trust(name, split.counts.clips, split.simulated, split.unparsable_rate, rows)


def encode_trust(critic: Critic) -> Mapping[str, Any]:
    """Return the same for scripts: `{"is_measured": false}`, or the split, its clips, and figures by axis."""
    trust = read_trust(critic)
    if trust is None:
        return {"is_measured": False}
    axes = {row.axis: encode_figures({name: getattr(row, name) for name in FIGURES}) for row in trust.rows}
    return {
        "is_measured": True,
        "split": trust.split,
        "clips": trust.clips,
        "is_simulated": trust.is_simulated,
        "axes": axes,
    }
