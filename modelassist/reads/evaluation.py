"""Arrange an evaluation for pages: figures as text, and a table for each split."""

from dataclasses import dataclass, fields

from modelassist.engine.evaluation.intervals import is_above_zero
from qsave.axes import AXES, Axis
from qsave.run.encoding import NOT_MEASURED
from qsave.run.evaluation import CROSS_VALIDATION, Evaluation
from qsave.run.figures import BLANK_FRAMES, DETECTORS, DIRECT, AxisFigures
from qsave.splits import HELD_OUT
from qsave.statistics.figures import Estimate, Undefined

HEADLINE_SPLITS = (*HELD_OUT[::-1], CROSS_VALIDATION)
"""Splits for a headline, test first; the first one that was measured is used."""


@dataclass(frozen=True, slots=True)
class AxisRow:
    """One axis on one split: figures of the critic, the constant predictor, the same critic with blank frames, its
    direct answers, the detectors, one rater against the others, and the ceiling that noise in the MOS sets."""

    axis: str
    srcc: Estimate
    plcc: Estimate
    rmse: Estimate
    within_one: Estimate
    constant_rmse: Estimate
    blank_srcc: Estimate
    direct_srcc: Estimate
    detectors_srcc: Estimate
    detectors_rmse: Estimate
    beats_detectors: bool
    """Whether the whole interval of the critic's SRCC minus that of the detectors is above 0."""
    rater_srcc: Estimate
    ceiling_srcc: Estimate


_OF_RIVALS = ("direct_srcc", "detectors_srcc", "detectors_rmse")
"""Figures that evaluations of earlier versions lack."""


@dataclass(frozen=True, slots=True)
class SplitTable:
    """One split. `unparsable` is the share of clips without a report card."""

    split: str
    clips: int
    unparsable: float | None
    axes: tuple[AxisRow, ...]

    @property
    def is_cross_validated(self) -> bool:
        """Whether the clips were learned from, each scored by a fit that did not see its prompt."""
        return self.split == CROSS_VALIDATION

    @property
    def has_rivals(self) -> bool:
        """Whether detectors and direct answers were rivals, be it only with the reason why they have no figures."""
        return any(getattr(row, name) != NOT_MEASURED for row in self.axes for name in _OF_RIVALS)

    @property
    def beaten(self) -> list[str]:
        """List the axes on which the critic is above the detectors."""
        return [row.axis for row in self.axes if row.beats_detectors]

    @property
    def reasons(self) -> list[str]:
        """List why figures are undefined, each reason once."""
        hidden = () if self.has_rivals else _OF_RIVALS
        names = [field.name for field in fields(AxisRow) if field.name not in hidden]
        figures = [getattr(row, name) for row in self.axes for name in names]
        estimates = [figure for figure in figures if isinstance(figure, Estimate)]
        return sorted({str(figure.value) for figure in estimates if isinstance(figure.value, Undefined)})


def arrange_splits(evaluation: Evaluation) -> list[SplitTable]:
    """Arrange the figures split by split; an empty list if nothing was measured."""
    return [
        SplitTable(
            split=name,
            clips=split.counts.clips,
            unparsable=split.unparsable_rate,
            axes=tuple(arrange_axis(axis, split.axes[axis]) for axis in AXES),
        )
        for name, split in evaluation.splits.items()
    ]


def arrange_axis(axis: Axis, figures: AxisFigures) -> AxisRow:
    """Arrange the figures of one axis beside those that they are compared with."""
    blank, direct, detectors = (figures.rivals.get(name) for name in (BLANK_FRAMES, DIRECT, DETECTORS))
    people = figures.people
    if isinstance(people, Undefined):
        rater, ceiling = Estimate(people, people), Estimate(people, people)
    else:
        rater, ceiling = people.baseline_srcc, people.ceiling_srcc
    return AxisRow(
        axis=axis.value,
        srcc=figures.critic.srcc,
        plcc=figures.critic.plcc,
        rmse=figures.critic.rmse,
        within_one=figures.critic.within_one,
        constant_rmse=figures.constant.agreement.rmse,
        blank_srcc=blank.agreement.srcc if blank else NOT_MEASURED,
        direct_srcc=direct.agreement.srcc if direct else NOT_MEASURED,
        detectors_srcc=detectors.agreement.srcc if detectors else NOT_MEASURED,
        detectors_rmse=detectors.agreement.rmse if detectors else NOT_MEASURED,
        beats_detectors=detectors is not None and is_above_zero(detectors.gain.srcc),
        rater_srcc=rater,
        ceiling_srcc=ceiling,
    )


def read_headline(evaluation: Evaluation) -> dict[str, Estimate]:
    """Return the SRCC with raters on held-out clips, by axis."""
    split = next((evaluation.splits[name] for name in HEADLINE_SPLITS if name in evaluation.splits), None)
    return {axis.value: split.axes[axis].critic.srcc if split else NOT_MEASURED for axis in AXES}


def write_number(value: float) -> str:
    return f"{value:.2f}"
