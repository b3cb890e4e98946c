"""Render a report card as plain text for a terminal."""

from modelassist.engine.generation.read_scores import Scored
from qsave.axes import AXES, name_level, round_to_level
from qsave.report_card import Evidence


def render_text(scored: Scored) -> str:
    """Render a report card: one line for each axis, with its reason and evidence below."""
    if scored.card is None:
        return f"no report card: {scored.error}"
    lines = []
    for axis in AXES:
        report = scored.card.axis(axis)
        lines.append(f"{axis:<10} {report.score:.2f}  {name_level(round_to_level(report.score))}")
        if report.reason:
            lines.append(f"{'':<10} {report.reason}")
        lines += [f"{'':<10} - {_format_evidence(piece)}" for piece in report.evidence]
    lines += [f"Left out: {problem}." for problem in scored.left_out]
    return "\n".join(lines)


def _format_evidence(piece: Evidence) -> str:
    time = f", {piece.time.start:g}-{piece.time.end:g} s" if piece.time else ""
    box = f", at {piece.box.x:.0%} across and {piece.box.y:.0%} down" if piece.box else ""
    return f"{piece.defect}{time}{box}"
