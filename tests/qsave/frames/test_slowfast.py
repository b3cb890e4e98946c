import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.frames import slowfast
from qsave.frames.container import MediaError
from qsave.frames.slowfast import FrameConfig, FrameTimes, choose, fitted_size, pick_fast, pick_slow, read
from tests.qsave.frames.clips import Picture, grey_of, numbered, write_clip

SMALL = FrameConfig(fast_frames=6, fast_pixels=64 * 32, slow_frames=3, slow_pixels=96 * 64)
rising = st.lists(st.integers(0, 10_000), min_size=1, max_size=60, unique=True).map(
    lambda ticks: [tick / 100 for tick in sorted(ticks)]
)


def flash(*moments: int) -> "PaintsFlashes":
    return PaintsFlashes(moments)


class PaintsFlashes:
    """Grey, but for single bright frames."""

    def __init__(self, moments: Sequence[int]) -> None:
        self.moments = moments

    def __call__(self, number: int, width: int, height: int) -> Picture:
        return np.full((height, width, 3), 220 if number in self.moments else 90, np.uint8)


def corner(number: int, width: int, height: int) -> Picture:
    """Dark with a bright top left quarter, as stored."""
    picture = np.full((height, width, 3), 40, np.uint8)
    picture[: height // 2, : width // 2] = 220
    return picture


def test_fast_frames_are_spread_evenly_in_time_from_the_first_to_the_last(tmp_path: Path) -> None:
    times = choose(write_clip(tmp_path / "clip.mp4", frames=21, rate=10), SMALL)
    assert times.fast == (0.0, 0.4, 0.8, 1.2, 1.6, 2.0)


def test_on_a_variable_rate_a_fast_frame_is_the_one_on_screen_at_its_moment(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=[0, 0.1, 0.2, 0.3, 1.9, 2.0])
    frames = read(path, SMALL)
    assert frames.fast_times == (0.0, 0.3, 2.0)  # on screen at 0, at .4, .8, 1.2 and 1.6, and at 2.0


def test_slow_frames_look_where_the_picture_changes(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=36, rate=12, paint=flash(13, 20))
    config = FrameConfig(fast_frames=4, slow_frames=4)
    slow = choose(path, config).slow
    assert {round(time * 12) for time in slow} >= {13, 20}


def test_a_short_flash_at_either_end_is_not_starved(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=36, rate=12, paint=flash(2, 10, 13, 16, 19, 22, 34))
    slow = choose(path, FrameConfig(slow_frames=4)).slow
    assert {round(time * 12) for time in slow} >= {2, 34}


def test_the_pixels_are_those_of_the_frames_at_the_times(tmp_path: Path) -> None:
    frames = read(write_clip(tmp_path / "clip.mp4", frames=20, rate=10), SMALL)
    assert frames.fast.shape == (6, 32, 64, 3)
    assert frames.slow.shape == (3, 64, 96, 3)
    for times, pixels in ((frames.fast_times, frames.fast), (frames.slow_times, frames.slow)):
        expected = [grey_of(round(time * 10)) for time in times]
        assert pixels.mean(axis=(1, 2, 3)) == pytest.approx(expected, abs=3)


def test_stored_times_read_the_same_pixels_even_after_json(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=[1 / 3 + number / 7 for number in range(20)])
    times = choose(path, SMALL)
    stored = json.loads(json.dumps([times.fast, times.slow]))
    once, again = read(path, SMALL), read(path, SMALL, FrameTimes(tuple(stored[0]), tuple(stored[1])))
    assert (once.fast_times, once.slow_times) == (again.fast_times, again.slow_times)
    assert np.array_equal(once.fast, again.fast)
    assert np.array_equal(once.slow, again.slow)


def test_a_clip_too_big_to_hold_in_memory_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=20)
    held = read(path, SMALL)
    monkeypatch.setattr(slowfast, "_HELD_BYTES", 30_000)
    streamed = read(path, SMALL)
    assert np.array_equal(held.fast, streamed.fast)
    assert np.array_equal(held.slow, streamed.slow)


def test_times_of_another_clip_are_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=20, rate=10)
    with pytest.raises(MediaError, match=r"no frame at 0\.123 s"):
        read(path, SMALL, FrameTimes((0.0, 0.123), (0.5,)))


def test_a_clip_of_one_frame(tmp_path: Path) -> None:
    frames = read(write_clip(tmp_path / "clip.mp4", frames=1), SMALL)
    assert frames.fast_times == frames.slow_times == (0.0,)
    assert frames.fast.shape[0] == frames.slow.shape[0] == 1


def test_no_slow_frames_may_be_asked_for(tmp_path: Path) -> None:
    frames = read(write_clip(tmp_path / "clip.mp4"), FrameConfig(fast_frames=4, slow_frames=0))
    assert frames.slow.shape[0] == 0
    assert frames.slow_times == ()


@pytest.mark.parametrize(("rotation", "bright"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (-90, (0, 1))])
def test_rotation_is_honoured(tmp_path: Path, rotation: int, bright: tuple[int, int]) -> None:
    path = write_clip(tmp_path / "clip.mp4", size=(128, 64), paint=corner, rotation=rotation)
    picture = read(path, SMALL).slow[0].mean(axis=2)
    height, width = picture.shape
    assert (width > height) == (rotation in (0, 180))
    quarters = picture.reshape(2, height // 2, 2, width // 2).mean(axis=(1, 3))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == bright


def test_an_unreadable_clip_is_a_media_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64)
    with pytest.raises(MediaError):
        choose(path, SMALL)
    with pytest.raises(MediaError):
        read(path, SMALL)


@pytest.mark.parametrize(
    ("clip", "budget", "expected"),
    [
        ((832, 480), 224 * 128, (224, 128)),
        ((480, 832), 224 * 128, (128, 224)),
        ((160, 96), 448 * 256, (160, 96)),
        ((640, 640), 128 * 128, (128, 128)),
        ((33, 17), 448 * 256, (32, 32)),
    ],
)
def test_fitted_sizes(clip: tuple[int, int], budget: int, expected: tuple[int, int]) -> None:
    assert fitted_size(*clip, budget) == expected


@given(st.integers(16, 4096), st.integers(16, 4096), st.integers(32 * 32, 512 * 512))
def test_a_fitted_size_is_in_steps_of_32_within_budget_and_not_enlarged(width: int, height: int, pixels: int) -> None:
    across, down = fitted_size(width, height, pixels)
    assert across % 32 == down % 32 == 0
    assert 32 * 32 <= across * down <= pixels
    assert across <= max(32, width + 16)
    assert down <= max(32, height + 16)


@given(rising, st.integers(1, 20))
def test_fast_picks_rise_and_hold_both_ends(times: list[float], count: int) -> None:
    picked = pick_fast(times, count)
    assert picked == sorted(set(picked))
    assert len(picked) <= count
    if count > 1:
        assert (picked[0], picked[-1]) == (0, len(times) - 1)


@given(rising, st.data(), st.integers(1, 8), st.floats(0, 1))
def test_slow_picks_keep_their_distance_and_take_the_liveliest(
    times: list[float], data: st.DataObject, count: int, distance: float
) -> None:
    energy = data.draw(st.lists(st.floats(0, 255), min_size=len(times), max_size=len(times)))
    picked = pick_slow(times, energy, count, distance)
    spacing = (times[-1] - times[0]) / count
    assert 1 <= len(picked) <= count
    assert all(times[b] - times[a] >= distance * spacing for a, b in pairwise(picked))
    if count > 2:
        assert times[picked[0]] - times[0] <= spacing / 2
    if count <= 2:
        assert energy.index(max(energy)) in picked


def test_configs_have_keys_that_tell_them_apart_and_refuse_nonsense() -> None:
    assert FrameConfig().key() == FrameConfig().key() != FrameConfig(slow_frames=3).key()
    with pytest.raises(ValueError, match="fast_frames"):
        FrameConfig(fast_frames=0)
    with pytest.raises(ValueError, match="32x32"):
        FrameConfig(fast_pixels=100)


def test_numbered_frames_are_told_apart() -> None:
    assert numbered(3, 4, 4).mean() == grey_of(3) != grey_of(4)
