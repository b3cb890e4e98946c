"""Find each fault in the pixels, compared with the same clip without it."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from modelassist.toy.faults import Fault
from modelassist.toy.render import render_clip, render_frames
from modelassist.toy.world import SHAPES, ClipSpec, Scene, Thing, compute_things_box, find_frame_range, make_spec
from qsave.axes import Axis
from qsave.frames.probe import probe
from qsave.frames.slowfast import FrameConfig, choose
from qsave.report_card import Box, TimeRange

SPAN = TimeRange(0.5, 1.0)
BOX = Box(0.25, 0.25, 0.5, 0.5)
CLEAN = ClipSpec(
    seed=1,
    index=1,
    generator="toy-atlas",
    requested=Scene(1, "red", "circle", "slides right", "stone"),
    things=(Thing("red", "circle"),),
    motion="slides right",
    ground="stone",
    extra=None,
    width=160,
    height=96,
    rate=12,
    frames=24,
    pan=0.08,
)
INSIDE = slice(6, 12)
Floats = npt.NDArray[np.float64]


def render_clip_frames(fault: Fault | None = None, spec: ClipSpec = CLEAN) -> Floats:
    return render_frames(replace(spec, faults=(fault,) if fault else ())).astype(float)


def sharpness(frames: Floats) -> float:
    return float(np.abs(np.diff(frames, axis=2)).mean())


def redness(frames: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray((frames[..., 0] > 150) & (frames[..., 1] < 50))  # the trail lets the ground through


def centre(picture: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(np.argwhere(redness(picture)).mean(axis=0))


def test_the_thing_travels_as_the_prompt_says() -> None:
    columns = [centre(picture)[1] for picture in render_clip_frames()]
    assert all(right > left for left, right in pairwise(columns))
    assert columns[-1] - columns[0] > 0.5 * CLEAN.width


@pytest.mark.parametrize(
    "defect", ["blur", "noise", "blockiness", "banding", "over-exposed", "under-exposed", "colour-cast", "watermark"]
)
def test_a_visual_fault_changes_its_frames_and_its_part_of_the_picture_and_nothing_else(defect: str) -> None:
    change = np.abs(render_clip_frames(Fault(defect, 0.8, SPAN, BOX)) - render_clip_frames())
    part = change[INSIDE, 24:72, 40:120]
    assert part.mean() > 3
    part[...] = 0
    assert change.max() == 0


@pytest.mark.parametrize("defect", ["blur", "noise", "over-exposed", "under-exposed", "colour-cast", "watermark"])
def test_a_stronger_visual_fault_changes_more(defect: str) -> None:
    weak, strong = (
        np.abs(render_clip_frames(Fault(defect, strength)) - render_clip_frames()).mean() for strength in (0.3, 0.9)
    )
    assert strong > weak > 0


def test_visual_faults_look_like_their_names() -> None:
    plain = render_clip_frames()
    assert sharpness(render_clip_frames(Fault("blur", 0.8))) < 0.6 * sharpness(plain)
    assert sharpness(render_clip_frames(Fault("noise", 0.8))) > 2 * sharpness(plain)
    assert render_clip_frames(Fault("over-exposed", 0.8)).mean() > plain.mean() + 30
    assert render_clip_frames(Fault("under-exposed", 0.8)).mean() < 0.5 * plain.mean()
    assert len(np.unique(render_clip_frames(Fault("banding", 0.8)))) < 0.2 * len(np.unique(plain))
    cast = render_clip_frames(Fault("colour-cast", 0.8)).mean(axis=(0, 1, 2))
    assert cast[1] < 0.8 * min(cast[0], cast[2])


def test_a_freeze_holds_every_frame_of_its_span() -> None:
    frames = render_clip_frames(Fault("frozen", 0.8, SPAN))
    moving = [bool((a != b).any()) for a, b in pairwise(frames)]
    assert not any(moving[6:11])
    assert all(moving[:6] + moving[11:])


def test_flicker_alternates_the_brightness_only_in_its_span() -> None:
    change = render_clip_frames(Fault("flicker", 0.8, SPAN)).mean(axis=(1, 2, 3)) - render_clip_frames().mean(
        axis=(1, 2, 3)
    )
    assert (change[INSIDE][::2] < -20).all()
    assert (change[INSIDE][1::2] > 10).all()
    assert not change[:6].any()
    assert not change[12:].any()


def test_things_pop_out_and_come_back() -> None:
    there = np.asarray(redness(render_clip_frames(Fault("pops-in-or-out", 0.8, SPAN))).any(axis=(1, 2)))
    assert not there[INSIDE].any()
    assert there[:6].all()
    assert there[12:].all()


@pytest.mark.parametrize("defect", ["jitter", "implausible-physics"])
def test_things_leave_their_path_only_in_the_span(defect: str) -> None:
    away = [
        float(np.abs(centre(broken) - centre(plain)).max())
        for broken, plain in zip(render_clip_frames(Fault(defect, 0.9, SPAN)), render_clip_frames(), strict=True)
    ]
    assert max(away[INSIDE]) > 8
    assert max(away[:6] + away[12:]) == 0


def test_a_camera_that_shakes_moves_ground_and_things_alike() -> None:
    frames, plain = render_clip_frames(Fault("camera-shake", 1.0)), render_clip_frames()
    throws = [centre(broken) - centre(still) for broken, still in zip(frames, plain, strict=True)]
    assert np.std(throws, axis=0).min() > 1
    assert all((broken[:20] != still[:20]).any() for broken, still in zip(frames, plain, strict=True))


def test_too_little_motion_shortens_the_way() -> None:
    ways = [
        centre(frames[-1])[1] - centre(frames[0])[1]
        for frames in (render_clip_frames(), render_clip_frames(Fault("too-little-motion", 0.8)))
    ]
    assert ways[1] < 0.4 * ways[0]


def test_morphing_bends_the_shape_for_a_while() -> None:
    change = np.abs(render_clip_frames(Fault("morphing", 0.8, SPAN)) - render_clip_frames()).mean(axis=(1, 2, 3))
    assert (change[INSIDE] > 0.2).all()
    assert not change[:6].any()


def test_misheard_prompts_show() -> None:
    assert not redness(render_clip_frames(spec=replace(CLEAN, things=()))).any()
    assert not redness(render_clip_frames(spec=replace(CLEAN, things=(Thing("blue", "circle"),)))).any()
    lanes = np.asarray(redness(render_clip_frames(spec=replace(CLEAN, things=CLEAN.things * 3)))[0].max(axis=1))
    assert (lanes[1:] > lanes[:-1]).sum() == 3
    square = redness(render_clip_frames(spec=replace(CLEAN, things=(Thing("red", "square"),))))
    assert square.sum() != redness(render_clip_frames()).sum()
    extra = render_clip_frames(Fault("extra-content", 0.8), replace(CLEAN, extra=Thing("yellow", "square")))
    assert np.abs(extra - render_clip_frames())[:, 60:, 120:].mean() > 10


def test_the_box_of_the_things_holds_them_all_the_time() -> None:
    rows, columns = np.nonzero(redness(render_clip_frames()).any(axis=0))
    box = compute_things_box(CLEAN, None)
    assert box.x * 160 - 2 <= columns.min() <= columns.max() <= (box.x + box.width) * 160 + 2
    assert box.y * 96 - 2 <= rows.min() <= rows.max() <= (box.y + box.height) * 96 + 2


@pytest.mark.parametrize("index", range(2))
def test_a_rendered_file_is_what_the_spec_says_and_the_same_every_time(tmp_path: Path, index: int) -> None:
    spec = make_spec(2, index)
    render_clip(spec, tmp_path / "a.mp4")
    render_clip(spec, tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    facts = probe(tmp_path / "a.mp4")
    assert (facts.codec, facts.pixel_format) == ("h264", "yuv420p")
    assert (facts.width, facts.height, facts.frames) == (spec.width, spec.height, spec.frames)
    assert facts.fps == spec.rate
    assert facts.duration == pytest.approx(spec.duration, abs=0.01)


@pytest.mark.parametrize(("defect", "first"), [("pops-in-or-out", 8), ("flicker", 15)])
def test_slow_eyes_find_a_fault_of_three_frames(tmp_path: Path, defect: str, first: int) -> None:
    fault = Fault(defect, 0.8, TimeRange(first / 12, (first + 3) / 12))
    render_clip(replace(CLEAN, faults=(fault,)), tmp_path / "clip.mp4")
    slow = choose(tmp_path / "clip.mp4", FrameConfig()).slow
    assert any(
        find_frame_range(CLEAN, fault).start <= round(time * 12) <= find_frame_range(CLEAN, fault).stop for time in slow
    )


def test_every_kind_of_clip_renders() -> None:
    for index in range(20):
        spec = make_spec(9, index)
        frames = render_frames(spec)
        assert frames.shape == (spec.frames, spec.height, spec.width, 3)
        assert spec.compute_quality(Axis.VISUAL) < 5 or frames.std() > 5


@pytest.mark.parametrize(("motion", "behind"), [("slides right", (0, -1)), ("slides left", (0, 1)), ("rises", (1, 0))])
def test_a_single_picture_tells_the_way(motion: str, behind: tuple[int, int]) -> None:
    picture = render_clip_frames(spec=replace(CLEAN, motion=motion, pan=0.0))[12]
    empty = render_clip_frames(spec=replace(CLEAN, things=(), pan=0.0))[12]
    changed = np.argwhere(np.abs(picture - empty).max(axis=-1) > 20).mean(axis=0)
    way = changed - centre(picture)
    assert np.dot(way, behind) > 1


def test_a_part_of_a_shape_tells_which_it_is() -> None:
    inner = {
        shape: render_clip_frames(spec=replace(CLEAN, things=(Thing("red", shape),)))[12, 44:52, 76:84]
        for shape in SHAPES
    }
    across, down = (
        {shape: np.abs(np.diff(part, axis=axis)).max() > 40 for shape, part in inner.items()} for axis in (1, 0)
    )
    assert across == {"circle": False, "square": True, "triangle": False, "cross": True}
    assert down == {"circle": False, "square": True, "triangle": True, "cross": False}
