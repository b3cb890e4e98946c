"""How well a report card agrees with what people reported, and with itself: pure functions to numbers in [0, 1]."""

from collections.abc import Sequence
from statistics import fmean

from qsave.axes import MAX_LEVEL, round_to_level
from qsave.report_card import AxisReport, Evidence, TimeRange

_POOR = 2


def compute_defect_f1(listed: Sequence[str], reference: Sequence[str]) -> float:
    """Compute the F1 of the defects listed for one axis; two empty lists agree."""
    if not listed and not reference:
        return 1.0
    return 2 * len(set(listed) & set(reference)) / (len(set(listed)) + len(set(reference)))


def compute_evidence_overlap(evidence: Sequence[Evidence], reference: Sequence[Evidence]) -> float | None:
    """Compute the mean over people's timed evidence of its best overlap with evidence of the same defect; None if
    people marked no time."""
    timed = [piece for piece in reference if piece.time is not None]
    if not timed:
        return None
    return fmean(max((_overlap(piece, other) for other in evidence), default=0.0) for piece in timed)


def compute_time_iou(one: TimeRange, other: TimeRange) -> float:
    """Compute the intersection over union of two time ranges; equal moments of no length overlap wholly."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    union = max(one.end, other.end) - min(one.start, other.start)
    if shared < 0:
        return 0.0
    return shared / union if union > 0 else 1.0


def contradicts_level(report: AxisReport) -> bool:
    """Return whether the listed defects contradict the level: excellent with a defect, or poor or bad with none."""
    level = round_to_level(report.score)
    return (level == MAX_LEVEL and bool(report.evidence)) or (level <= _POOR and not report.evidence)


def _overlap(one: Evidence, other: Evidence) -> float:
    if one.defect != other.defect or one.time is None or other.time is None:
        return 0.0
    return compute_time_iou(one.time, other.time)
