"""What is proposed of made clips: each fault with its time, and nothing of clips that only look like a fault."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from qsave.axes import Axis
from qsave.detectors.measure import measure_clip
from qsave.detectors.propose import DETECTORS, ENABLED, find_defects, propose, summarise
from qsave.detectors.thresholds import OFF
from qsave.taxonomy import DEFAULT_AXIS_OF_DEFECT, DEFAULT_TAXONOMY, Defect
from tests.qsave.frames.clips import Picture, write_clip

FRAMES, RATE = 32, 16
SIZE = (160, 96)
Change = Callable[[int, Picture], Picture]
_NOISE = np.random.default_rng(7)


def paint_scene(number: float) -> Picture:
    """Draw a textured ground with a bright, striped square that moves evenly."""
    width, height = SIZE
    down, across = np.mgrid[:height, :width]
    ground = 90 + 30 * np.sin(across / 7.3) * np.cos(down / 5.1) + 12 * np.sin((across + 2 * down) / 3.7)
    picture = np.repeat(ground[..., None], 3, 2) * np.asarray([1.0, 0.9, 0.8])
    left = round(10 + 3 * number)
    square = (slice(30, 62), slice(left, left + 32))
    picture[square] = np.asarray([220, 205, 180]) * np.where((down[square] // 4) % 2, 1, 0.5)[..., None]
    return clip_levels(picture)


def clip_levels(picture: npt.NDArray[np.generic]) -> Picture:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def write_scene(
    folder: Path, change: Change = lambda number, picture: picture, step: Callable[[int], float] = float
) -> Path:
    def paint(number: int, width: int, height: int) -> Picture:
        return change(number, paint_scene(step(number)))

    return write_clip(folder / "clip.mp4", frames=FRAMES, rate=RATE, size=SIZE, paint=paint)


def between(change: Change) -> Change:
    """Change frames 11 to 20 only: 0.625 to 1.25 s."""
    return lambda number, picture: change(number, picture) if 10 <= number < 20 else picture


def scale(factor: float) -> Change:
    return lambda number, picture: clip_levels(picture * factor)


def blur(number: int, picture: Picture) -> Picture:
    weights = np.hanning(15)[1:-1] / np.hanning(15).sum()
    wide = picture.astype(np.float64)
    for axis in (0, 1):
        wide = np.apply_along_axis(lambda line: np.convolve(np.pad(line, 6, "edge"), weights, "valid"), axis, wide)
    return wide.astype(np.uint8)


def add_noise(number: int, picture: Picture) -> Picture:
    return clip_levels(picture + _NOISE.normal(0, 30, (*picture.shape[:2], 1)))


def draw_blocks(number: int, picture: Picture) -> Picture:
    return np.asarray(picture[4::8, 4::8].repeat(8, 0).repeat(8, 1), np.uint8)


def flash(number: int, picture: Picture) -> Picture:
    return scale(0.55 if number % 2 else 1.0)(number, picture)


def shake(number: int, picture: Picture) -> Picture:
    return np.roll(picture, [(0, 9), (8, -9), (-9, 3), (4, -6)][number % 4], (0, 1))


FAULTS = {
    "blur": between(blur),
    "noise": between(add_noise),
    "blockiness": between(draw_blocks),
    "over-exposed": between(scale(5.0)),
    "under-exposed": between(scale(0.2)),
    "flicker": between(flash),
    "camera-shake": between(shake),
}


SIDE_EFFECTS = {("blockiness", "camera-shake"), ("over-exposed", "frozen")}


@pytest.mark.parametrize("defect", FAULTS)
def test_a_fault_is_proposed_with_its_time_and_nothing_else(tmp_path: Path, defect: str) -> None:
    findings = find_defects(measure_clip(write_scene(tmp_path, FAULTS[defect])))

    # Blocks make even motion leap from block to block; a white picture does not move.
    assert [finding.defect for finding in findings if (defect, finding.defect) not in SIDE_EFFECTS] == [defect]
    (piece,) = findings[0].evidence
    assert piece.time is not None
    assert (piece.time.start, piece.time.end) == pytest.approx((0.625, 1.25), abs=0.2)


def test_a_freeze_is_proposed_with_the_frames_that_are_the_same(tmp_path: Path) -> None:
    readings = measure_clip(write_scene(tmp_path, step=lambda number: 10 if 10 <= number < 20 else number))
    proposal = propose(readings, DEFAULT_TAXONOMY)
    assert proposal.dynamic is not None
    assert proposal.dynamic.evidence
    assert [
        (piece.defect, piece.time and (piece.time.start, piece.time.end)) for piece in proposal.dynamic.evidence
    ] == [("frozen", (0.625, 1.25))]
    assert proposal.dynamic.note.startswith("Frames 11 to 20 (0.62-1.25 s): these frames are the same")
    assert (proposal.dynamic.score, proposal.dynamic.reason) == (None, "")


def test_a_still_clip_has_too_little_motion(tmp_path: Path) -> None:
    proposal = propose(measure_clip(write_scene(tmp_path, step=lambda number: 0)), DEFAULT_TAXONOMY)
    assert proposal.dynamic is not None
    assert proposal.dynamic.evidence
    assert [(piece.defect, piece.time) for piece in proposal.dynamic.evidence] == [("too-little-motion", None)]


def test_a_foreign_frame_pops_in(tmp_path: Path) -> None:
    turned = write_scene(tmp_path, lambda number, picture: picture[::-1] if number == 12 else picture)
    (finding,) = find_defects(measure_clip(turned))
    assert finding.defect == "pops-in-or-out"
    assert finding.sentence.startswith("Frame 13 (0.75-0.81 s): a single frame differs")


def test_a_thing_that_appears_for_a_moment_pops_in(tmp_path: Path) -> None:
    def show(number: int, picture: Picture) -> Picture:
        if 14 <= number < 17:
            picture[4:28, 120:156] = 255
        return picture

    (finding,) = find_defects(measure_clip(write_scene(tmp_path, show)))
    (piece,) = finding.evidence
    assert finding.defect == "pops-in-or-out"
    assert piece.time is not None
    assert (piece.time.start, piece.time.end) == (0.875, 1.062)


QUIET: dict[str, tuple[Change, Callable[[int], float]]] = {
    "a clean clip": (lambda number, picture: picture, float),
    "24 frames in 30": (lambda number, picture: picture, lambda number: number - number // 5),
    "8 frames held 3 times": (lambda number, picture: picture, lambda number: number // 3 * 3),
    "a cut": (lambda number, picture: picture if number < 16 else 255 - picture[::-1], float),
    "a slow pan": (lambda number, picture: np.roll(picture, number, 1), float),
    "a fade from black": (lambda number, picture: scale(min(1, number / 8))(number, picture), float),
    "film grain": (
        lambda number, picture: np.clip(picture + _NOISE.normal(0, 4, (*picture.shape[:2], 1)), 0, 255).astype(
            np.uint8
        ),
        float,
    ),
    "a dark scene with lights": (
        lambda number, picture: np.where(picture > 170, picture, picture // 5).astype(np.uint8),
        float,
    ),
    "a flat cartoon": (lambda number, picture: np.where(picture > 130, 220, 60).astype(np.uint8), float),
}


@pytest.mark.parametrize("name", QUIET)
def test_what_only_resembles_a_fault_is_not_proposed(tmp_path: Path, name: str) -> None:
    change, step = QUIET[name]
    assert find_defects(measure_clip(write_scene(tmp_path, change, step))) == []


def test_a_clean_clip_has_no_proposal_on_any_axis_and_a_summary_for_leads(tmp_path: Path) -> None:
    readings = measure_clip(write_scene(tmp_path))
    assert propose(readings, DEFAULT_TAXONOMY).axes == {}
    assert summarise(readings, [Defect("frozen", Axis.DYNAMIC, "frozen")]) == (
        "Measured in 32 frames of 2.00 s: frozen. Above its limit: none, which does not prove that there is no defect."
    )


def test_only_defects_that_the_campaign_offers_are_proposed_on_its_axis(tmp_path: Path) -> None:
    readings = measure_clip(write_scene(tmp_path, FAULTS["flicker"]))
    assert propose(readings, [Defect("frozen", Axis.DYNAMIC, "frozen")]).axes == {}
    moved = propose(readings, [Defect("flicker", Axis.VISUAL, "flicker")])
    assert set(moved.axes) == {Axis.VISUAL}


def test_detectors_find_defects_of_the_default_taxonomy_and_never_alignment() -> None:
    assert {DEFAULT_AXIS_OF_DEFECT[defect] for defect in DETECTORS} == {Axis.VISUAL, Axis.DYNAMIC}
    assert set(ENABLED) | set(OFF) == set(DETECTORS)


def test_clips_of_one_frame_and_black_clips_find_nothing_but_darkness(tmp_path: Path) -> None:
    one = measure_clip(write_clip(tmp_path / "one.mp4", frames=1))
    black = measure_clip(write_clip(tmp_path / "black.mp4", paint=lambda number, w, h: np.zeros((h, w, 3), np.uint8)))
    everything = tuple(DETECTORS)
    assert [finding.defect for finding in find_defects(one, everything)] == ["under-exposed"]
    assert {finding.defect for finding in find_defects(black, everything)} <= {"too-little-motion"}
