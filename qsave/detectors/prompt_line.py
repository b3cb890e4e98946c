"""The findings of the detectors as one line of a critic's question: `Measured: blur, freeze 0.5-1.2s.`

It names defects by their ids and times as the grammar writes them, so that a critic can repeat what it believes. A
critic that is trained with the line is always asked with it, by the same detectors.
"""

from collections.abc import Sequence

from qsave.detectors.findings import Finding
from qsave.detectors.propose import find_defects
from qsave.detectors.readings import Readings
from qsave.report_card import Evidence

MEASURED_WORD = "Measured:"
_NOTHING = "nothing"


def write_measured_line(readings: Readings, detectors: Sequence[str]) -> str:
    """Return what these detectors find in a clip, in one line."""
    findings = find_defects(readings, detectors)
    return f"{MEASURED_WORD} {', '.join(map(_write_finding, findings)) or _NOTHING}."


def _write_finding(finding: Finding) -> str:
    return " ".join([finding.defect, *filter(None, map(_write_time, finding.evidence))])


def _write_time(piece: Evidence) -> str:
    return f"{piece.time.start:.1f}-{piece.time.end:.1f}s" if piece.time else ""
