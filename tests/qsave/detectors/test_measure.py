"""Every kind of clip that is taken gives readings; they do not depend on how the frames are stored."""

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qsave.detectors.measure import measure_and_read, measure_clip
from qsave.detectors.readings import SERIES, Readings, ReadingsError, readings_from_json, readings_to_json
from qsave.frames.container import MediaError
from qsave.frames.slowfast import FrameConfig, read
from tests.qsave.frames.clips import Encoding, Picture, write_clip, write_sound


def scene(number: int, width: int, height: int) -> Picture:
    """Draw a bright square that moves to the right over a smooth ground."""
    ramp = np.linspace(40, 120, width)[None, :, None] + np.linspace(0, 60, height)[:, None, None]
    picture = np.broadcast_to(ramp, (height, width, 3)).astype(np.uint8).copy()
    left = (2 * number) % max(1, width - height // 3)
    picture[height // 3 : 2 * height // 3, left : left + height // 3] = (220, 200, 60)
    return picture


KINDS = {
    "one frame": {"frames": 1},
    "two frames": {"frames": 2},
    "tiny": {"size": (16, 16)},
    "odd and wide": {"size": (150, 18)},
    "portrait": {"size": (64, 300)},
    "turned": {"encoding": Encoding(rotation=90)},
    "10 bit": {"encoding": Encoding(codec="libx265", pixel_format="yuv420p10le")},
    "4:4:4": {"encoding": Encoding(pixel_format="yuv444p")},
    "29.97": {"rate": Fraction(30000, 1001)},
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_clip_has_finite_readings_and_survives_json(tmp_path: Path, kind: dict[str, object]) -> None:
    path = write_clip(tmp_path / "clip.mp4", paint=scene, **kind)  # type: ignore[arg-type]

    readings = measure_clip(path)

    assert len(readings.times) == kind.get("frames", 12)
    assert all(np.isfinite(getattr(readings, name)).all() for name in SERIES)
    assert_equal(readings_from_json(json.loads(json.dumps(readings_to_json(readings)))), readings)


@pytest.mark.parametrize("encoding", [Encoding(codec="ffv1", pixel_format="bgra"), Encoding(codec="ffv1")])
def test_alpha_and_other_stores_give_the_readings_of_the_same_picture(tmp_path: Path, encoding: Encoding) -> None:
    plain = measure_clip(write_clip(tmp_path / "plain.mkv", paint=scene, encoding=Encoding(codec="ffv1")))
    other = measure_clip(write_clip(tmp_path / "other.mkv", paint=scene, encoding=encoding))
    for name in ("luma", "contrast", "brightest", "change", "sharpness"):
        np.testing.assert_allclose(getattr(other, name), getattr(plain, name), rtol=0.2, atol=1.5)


def test_a_gif_has_readings(tmp_path: Path) -> None:
    pictures = [Image.fromarray(scene(number, 64, 48)) for number in range(4)]
    pictures[0].save(tmp_path / "clip.gif", save_all=True, append_images=pictures[1:], duration=100)
    assert len(measure_clip(tmp_path / "clip.gif").times) == 4


def test_times_are_the_clips_own_at_a_variable_rate(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.6, 0.65, 1.5]
    readings = measure_clip(write_clip(tmp_path / "clip.mp4", times=times, frames=6, paint=scene))
    np.testing.assert_allclose(readings.times, times, atol=1e-3)
    assert all(before < after for before, after in pairwise(readings.ends))


def test_a_turned_clip_is_measured_as_shown(tmp_path: Path) -> None:
    readings = measure_clip(write_clip(tmp_path / "clip.mp4", size=(96, 64), encoding=Encoding(rotation=90)))
    assert (readings.width, readings.height) == (64, 96)


def test_one_decode_gives_the_readings_and_the_frames_of_two(tmp_path: Path) -> None:
    path, config = write_clip(tmp_path / "clip.mp4", paint=scene), FrameConfig()
    readings, frames = measure_and_read(path, config)
    alone = read(path, config)
    assert_equal(readings, measure_clip(path))
    assert (frames.fast_times, frames.slow_times) == (alone.fast_times, alone.slow_times)
    np.testing.assert_array_equal(frames.slow, alone.slow)


def test_a_sound_file_is_refused_as_elsewhere(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "sound.mp4")
    with pytest.raises(MediaError) as refusal:
        read(path, FrameConfig())
    with pytest.raises(MediaError, match=str(refusal.value)):
        measure_clip(path)


def test_a_clip_whose_frames_change_size_is_measured_to_the_end(tmp_path: Path) -> None:
    from qsave.detectors.measure import Meter
    from qsave.frames.container import read_shown_frames

    meter = Meter()
    for name, size in (("wide", (96, 64)), ("tall", (64, 96))):
        path = write_clip(tmp_path / f"{name}.mp4", frames=3, size=size, paint=scene)
        for time, frame in read_shown_frames(path):
            meter.take(time + (name == "tall"), frame)
    readings = meter.end(2.0)
    assert len(readings.times) == 6
    assert readings.change[3] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 0}, "Measure the clip again"),
        ({"luma": [1.0]}, "one value per frame"),
        ({"luma": ["dark"]}, "of another type"),
        ({"times": []}, "one value per frame"),
    ],
)
def test_stored_readings_of_another_shape_are_refused_with_the_reason(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    stored = readings_to_json(measure_clip(write_clip(tmp_path / "clip.mp4", frames=2)))
    with pytest.raises(ReadingsError, match=words):
        readings_from_json({**stored, **change})
    with pytest.raises(ReadingsError, match="have no noise"):
        readings_from_json({name: value for name, value in stored.items() if name != "noise"})


def test_readings_need_a_value_per_frame(tmp_path: Path) -> None:
    readings = measure_clip(write_clip(tmp_path / "clip.mp4", frames=3))
    with pytest.raises(ReadingsError, match="one value per frame"):
        replace(readings, luma=readings.luma[:2])


def assert_equal(one: Readings, other: Readings) -> None:
    assert (one.width, one.height, one.duration) == (other.width, other.height, other.duration)
    for name in ("times", *SERIES):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
