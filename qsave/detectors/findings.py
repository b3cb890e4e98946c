"""What a detector found in one clip."""

from collections.abc import Sequence
from dataclasses import dataclass

from qsave.detectors.ranges import Run, describe_runs, locate, measure_seconds
from qsave.detectors.readings import Readings
from qsave.report_card import Evidence

MOST_RUNS = 5
"""The most time ranges of one defect; the longest are listed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect with its evidence, and a sentence that says what was measured, where and by which limit."""

    defect: str
    evidence: tuple[Evidence, ...]
    sentence: str


def make_finding(defect: str, readings: Readings, runs: Sequence[Run], measured: str) -> Finding | None:
    """Return the finding, or None if there are no runs. `measured` completes "Frames 3 to 9 (0.2-0.6 s): .."."""
    if not runs:
        return None
    longest = sorted(runs, key=lambda run: -measure_seconds(readings, run))[:MOST_RUNS]
    listed = sorted(longest)
    rest = f", and {len(runs) - len(listed)} more" if len(runs) > len(listed) else ""
    return Finding(
        defect,
        tuple(Evidence(defect, locate(readings, run)) for run in listed),
        f"{describe_runs(readings, listed)}{rest}: {measured}.",
    )


def merge_findings(*findings: Finding | None) -> Finding | None:
    """Merge the findings of one defect; None without a finding."""
    present = [finding for finding in findings if finding is not None]
    if not present:
        return None
    evidence = tuple(dict.fromkeys(piece for finding in present for piece in finding.evidence))
    return Finding(present[0].defect, evidence, " ".join(finding.sentence for finding in present))
