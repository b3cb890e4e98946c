"""Hold the times of evidence to the clip: a critic may name seconds that the clip does not have."""

from dataclasses import replace

from qsave.axes import AXES
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

SLACK_SECONDS = 0.25
"""A time this far behind the end is cut to the end: critics round times, and see frames at some distance."""


def explain_time_outside(piece: Evidence, duration: float) -> str:
    """Return why the time of a piece is refused in a clip of `duration` seconds; empty if it is not."""
    if piece.time is None or (piece.time.start <= duration and piece.time.end <= duration + SLACK_SECONDS):
        return ""
    times = f"{piece.time.start:g}-{piece.time.end:g} s"
    return f"{piece.defect[:60]!r} at {times} is outside the clip of {duration:g} s"


def cut_to_clip(piece: Evidence, duration: float) -> Evidence:
    """Return the piece with a time that ends no later than the clip."""
    if piece.time is None or piece.time.end <= duration:
        return piece
    return replace(piece, time=TimeRange(piece.time.start, duration))


def hold_card_to_clip(card: ReportCard, duration: float) -> tuple[ReportCard, tuple[str, ...]]:
    """Return the card with times inside the clip only, and in words which times were left out.

    The defect stays without its time and box: a card without it would say "no defect".
    """
    left_out: list[str] = []

    def hold(piece: Evidence) -> Evidence:
        if problem := explain_time_outside(piece, duration):
            left_out.append(problem)
            return Evidence(piece.defect)
        return cut_to_clip(piece, duration)

    def hold_axis(report: AxisReport) -> AxisReport:
        return replace(report, evidence=tuple(map(hold, report.evidence)))

    return ReportCard(**{axis.value: hold_axis(card.axis(axis)) for axis in AXES}), tuple(left_out)
