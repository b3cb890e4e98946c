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
        "wan21-2-guys-talking-near-a-big-tree-animation": ["jitter"],
        "wan21-origami-dancers-in-white-paper-3d-render": ["jitter"],
        "wan21-flex-2-guys-talking-near-a-big-tree-animation": ["jitter"],
        "wan21-flex-origami-dancers-in-white-paper-3d-render": ["jitter"],
        "wan22-a-cat-wearing-sunglasses-and-working-as": ["jitter"],
        "wan22-a-super-robot-protecting-city": ["pops-in-or-out"],
        "wan22-cyborg-samurai-robot-bunnies-fighting-in": ["jitter"],
        "wan22-flex-a-cat-wearing-sunglasses-and-working-as": ["jitter"],
        "wan22-flex-a-super-robot-protecting-city": ["pops-in-or-out", "jitter"],
        "wan22-flex-robot-dancing-in-times-square": ["jitter"],
        "wan22-flex-cyborg-samurai-robot-bunnies-fighting-in": ["jitter"],
    }
