"""The section of the agreement page beyond the headlines: noise, plans, drift, and agreement on defects."""

from dataclasses import dataclass
from typing import Any

from annotation.agreement.stored import StoredFigures
from qsave.axes import Axis
from qsave.statistics.defects import DefectAgreement
from qsave.statistics.figures import Estimate, Interval, Undefined
from qsave.statistics.power import DIFFERENCE

LEAST_DRIFT = 0.2
"""Smallest drift that is shown, in levels over 100 ratings."""


@dataclass(frozen=True, slots=True)
class DriftLine:
    """A rater whose bias moves on an axis: its interval excludes 0."""

    name: str
    axis: Axis
    slope: Estimate


def read_measures(figures: StoredFigures) -> dict[str, Any]:
    """Return what the section shows."""
    labels = {str(defect["id"]): str(defect["label"]) for defect in figures.campaign.taxonomy}
    rows = [(axis, row) for axis, own in figures.defect_agreement.items() for row in own if row.clips]
    readable = [(axis, labels.get(row.defect, row.defect), row) for axis, row in rows if not row.alpha.is_thin]
    return {
        "measures": [(axis, figures.details[axis]) for axis in figures.details],
        "difference": DIFFERENCE,
        "has_dominant": any(one.ac2 for one in figures.details.values()),
        "drifts": list_drifts(figures),
        "defects_agreed": sorted(readable, key=lambda line: _read_alpha(line[2])),
        "rare_defects": len(rows) - len(readable),
    }


def list_drifts(figures: StoredFigures) -> list[DriftLine]:
    """Return the raters whose bias moves by LEAST_DRIFT or more, the largest drift first."""
    names = {rater.rater: rater.name for rater in figures.raters}
    lines = [
        DriftLine(names[rater], axis, estimate)
        for rater, drifts in figures.drifts.items()
        for axis, estimate in drifts.items()
        if rater in names and _moves(estimate)
    ]
    return sorted(lines, key=lambda line: -abs(float(str(line.slope.value))))


def _moves(estimate: Estimate) -> bool:
    value, interval = estimate.value, estimate.interval
    if isinstance(value, Undefined) or not isinstance(interval, Interval):
        return False
    return abs(value) >= LEAST_DRIFT and not interval.low <= 0 <= interval.high


def _read_alpha(row: DefectAgreement) -> float:
    value = row.alpha.estimate.value
    return 1.0 if isinstance(value, Undefined) else value
