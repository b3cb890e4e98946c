"""Each detector finds the fault that the toy world renders, and none proposes anything of clean clips.

Thirty clips in all; docs/detectors.md has the figures of six hundred, with weak, brief and small faults among them.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelassist.toy.faults import Fault
from modelassist.toy.render import render_clip
from modelassist.toy.world import ClipSpec, make_spec
from qsave.detectors.measure import measure_clip
from qsave.detectors.propose import DETECTORS, find_defects
from qsave.report_card import TimeRange

SEED = 3
DEFECTS = ("blur", "noise", "blockiness", "under-exposed", "frozen", "flicker", "camera-shake")
CLIPS_A_DEFECT = 3


def draw_clean(count: int) -> Iterator[ClipSpec]:
    """Yield clips in which something moves and nothing is wrong."""
    specs = (replace(make_spec(SEED, index), faults=()) for index in range(10 * count))
    yield from [spec for spec in specs if spec.things][:count]


def detect(spec: ClipSpec, folder: Path) -> list[str]:
    render_clip(spec, folder / "clip.mp4")
    return [finding.defect for finding in find_defects(measure_clip(folder / "clip.mp4"))]


def test_clean_clips_have_no_proposal(tmp_path: Path) -> None:
    false_alarms = Counter(defect for spec in draw_clean(12) for defect in detect(spec, tmp_path))
    assert false_alarms == {}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_strong_fault_is_found_in_most_clips_and_rarely_taken_for_another(defect: str, tmp_path: Path) -> None:
    specs = list(draw_clean(CLIPS_A_DEFECT))
    found = Counter(name for spec in specs for name in detect(add_fault(spec, defect), tmp_path))
    if defect == "blockiness":
        del found["camera-shake"]  # blocks make even motion leap from block to block
    assert found[defect] >= CLIPS_A_DEFECT - 1, found
    assert found.total() - found[defect] <= 1, found


def add_fault(spec: ClipSpec, defect: str) -> ClipSpec:
    time = TimeRange(0.5, 1.25) if defect == "frozen" else None
    return replace(spec, faults=(Fault(defect, 0.8, time),))


def test_every_detector_is_for_a_defect_of_the_taxonomy_that_is_named_once() -> None:
    assert set(DEFECTS) < set(DETECTORS)
