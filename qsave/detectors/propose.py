"""Turn readings into a proposal: visual and dynamic defects with the times at which they were measured.

Nothing is proposed on alignment, which cannot be measured, and nothing on an axis without a finding: readings show
some defects, never that a clip has no defect. There are no scores and no reasons.
"""

from collections.abc import Sequence

from qsave.axes import Axis
from qsave.detectors.dynamic import DYNAMIC_DETECTORS
from qsave.detectors.findings import Finding
from qsave.detectors.jitter import find_jitter
from qsave.detectors.readings import Readings
from qsave.detectors.thresholds import OFF
from qsave.detectors.visual import VISUAL_DETECTORS
from qsave.proposal import AxisProposal, Proposal
from qsave.taxonomy import Defect

DETECTORS = VISUAL_DETECTORS | DYNAMIC_DETECTORS | {"jitter": find_jitter}
"""The detectors by the defect that each finds."""
ENABLED: tuple[str, ...] = tuple(defect for defect in DETECTORS if defect not in OFF)
"""The detectors that propose by default; `thresholds.OFF` has the reason for each of the others."""


def find_defects(readings: Readings, enabled: Sequence[str] = ENABLED) -> list[Finding]:
    """Run the detectors named in `enabled`."""
    findings = (DETECTORS[defect](readings) for defect in enabled)
    return [finding for finding in findings if finding is not None]


def propose(readings: Readings, taxonomy: Sequence[Defect], enabled: Sequence[str] = ENABLED) -> Proposal:
    """Propose the defects that were found and that the taxonomy offers, on the taxonomy's axis."""
    axis_of = {defect.id: defect.axis for defect in taxonomy}
    findings = find_defects(readings, [defect for defect in enabled if defect in axis_of])
    return Proposal(
        visual=_gather([finding for finding in findings if axis_of[finding.defect] is Axis.VISUAL]),
        dynamic=_gather([finding for finding in findings if axis_of[finding.defect] is Axis.DYNAMIC]),
    )


def summarise(readings: Readings, taxonomy: Sequence[Defect], enabled: Sequence[str] = ENABLED) -> str:
    """Return what was measured and what passed its limit, in two sentences. Leads read it, also where nothing is
    proposed; raters do not, because "nothing was found" would sway them."""
    offered = {defect.id for defect in taxonomy}
    measured = [defect for defect in enabled if defect in offered]
    above = [finding.defect for finding in find_defects(readings, measured)]
    count, seconds = len(readings.times), readings.duration
    frames = f"{count} {'frame' if count == 1 else 'frames'} of {seconds:.2f} s"
    return (
        f"Measured in {frames}: {', '.join(measured) or 'nothing, because the campaign offers no such defect'}. "
        f"Above its limit: {', '.join(above) or 'none, which does not prove that there is no defect'}."
    )


def _gather(findings: Sequence[Finding]) -> AxisProposal | None:
    if not findings:
        return None
    evidence = tuple(piece for finding in findings for piece in finding.evidence)
    return AxisProposal(evidence, note=" ".join(finding.sentence for finding in findings))
