import csv
from pathlib import Path

import pytest

from qsave.detectors.measure import measure_clip
from qsave.detectors.propose import find_defects


@pytest.mark.real_clips
def test_the_proposals_on_the_real_clips_are_those_that_were_looked_at(real_clips: Path) -> None:
    """docs/detectors.md says of each why it is right. A change here means: look at the clip, then change the page."""
    with (real_clips / "manifest.csv").open(newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    findings = {row["clip_id"]: find_defects(measure_clip(real_clips / row["video"])) for row in rows}
    proposed = {clip: [finding.defect for finding in found] for clip, found in findings.items() if found}
    assert proposed == {
        "wan22-a-super-robot-protecting-city": ["pops-in-or-out"],
        "wan22-flex-a-super-robot-protecting-city": ["pops-in-or-out"],
    }
