import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.frames import slowfast
from qsave.frames.choice import Why
from qsave.frames.container import MediaError, TimedFrame, read_shown_frames
from qsave.frames.slowfast import FrameConfig, choose, choose_size, read, watch
from tests.qsave.frames.clips import Encoding, Picture, grey_of, numbered, write_clip, write_lossless

SMALL = FrameConfig(fast_frames=6, fast_pixels=64 * 32, slow_frames=3, slow_pixels=96 * 64)


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


def rings(number: int, width: int = 160, height: int = 96) -> Picture:
    """yuv420p: rings that wander, so that every pixel of every frame is another."""
    down, across = np.mgrid[: height * 3 // 2, :width]
    far = (down - height // 2) ** 2 // 8 + (across - 4 * number) ** 2 // 8
    return np.asarray(far + 7 * number, np.uint8)


@contextmanager
def on_cores(count: int | None) -> Iterator[None]:
    """Decode with as many threads as FFmpeg takes for this many cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


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


def test_the_same_moments_are_chosen_without_looking(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=[1 / 3 + number / 7 for number in range(20)])
    times, frames = choose(path, SMALL), read(path, SMALL)
    assert (times.fast, times.slow) == (frames.fast_times, frames.slow_times)


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("clip.mp4", "libx264", "yuv420p"), ("clip.mov", "mpeg4", "yuv420p"), ("clip.mkv", "libx264", "yuv444p"),
        ("clip.webm", "libvpx-vp9", "yuv420p"), ("clip.avi", "mpeg4", "yuv420p"), ("clip.gif", "gif", "rgb8"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("start", [0.0, 3.0])
def test_every_frame_of_every_container_is_watched_in_one_pass(
    tmp_path: Path, name: str, codec: str, form: str, start: float
) -> None:
    times = [start + number / 10 for number in range(25)]
    path = write_clip(tmp_path / name, times=times, encoding=Encoding(codec=codec, pixel_format=form))
    watched = watch(path, SMALL)
    assert list(watched.times) == [time for time, _ in read_shown_frames(path)]
    assert len(watched.energy) == len(watched.times)
    assert (watched.frames.fast_times[0], watched.frames.fast_times[-1]) == (0.0, watched.times[-1])


def test_the_reasons_and_the_curve_are_told(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=36, rate=12, paint=flash(14))
    watched = watch(path, SMALL)
    assert watched.why == (Why.START, Why.ENERGY, Why.END)
    assert watched.frames.slow_times[1] == round(14 / 12, 6)
    loud = [round(time * 12) for time, energy in zip(watched.times, watched.energy, strict=True) if energy > 50]
    assert loud == [14, 15]
    assert watched.energy[0] == 0


GOLDEN = "2d5a59828166e149a52bc2c3fb6a13b295f533701699dc401130170304e8527b"


@pytest.mark.parametrize("cores", [1, None])
def test_the_same_clip_gives_the_same_pixels_whatever_the_number_of_cores(tmp_path: Path, cores: int | None) -> None:
    path = write_lossless(tmp_path / "clip.mp4", [rings(number) for number in range(40)])
    with on_cores(cores):
        frames = read(path, FrameConfig(fast_frames=8, fast_pixels=64 * 64, slow_frames=4, slow_pixels=128 * 96))
    digest = hashlib.sha256(frames.fast.tobytes() + frames.slow.tobytes())
    digest.update(repr((frames.fast_times, frames.slow_times)).encode())
    assert digest.hexdigest() == GOLDEN


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    short, long = (write_clip(tmp_path / f"{frames}.mp4", frames=frames, size=(480, 272)) for frames in (40, 400))
    assert peak_memory(long) < peak_memory(short) + 15 * 2**20  # the frames of the longer one come to 78 MB


def peak_memory(path: Path) -> int:
    """Bytes of a process of its own that reads one clip."""
    program = (
        "import sys; from pathlib import Path; from qsave.frames.slowfast import FrameConfig, read\n"
        "from tests.support.memory import read_peak_bytes\n"
        "read(Path(sys.argv[1]), FrameConfig()); print(read_peak_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_clip_of_ten_hours_is_refused_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=range(0, 36_000, 60), size=(32, 32))
    monkeypatch.setattr(slowfast, "decode_frames", None)
    with pytest.raises(MediaError, match="lasts more than 600 s; that is the most that is taken"):
        read(path, SMALL)


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
    path = write_clip(tmp_path / "clip.mp4", size=(128, 64), paint=corner, encoding=Encoding(rotation=rotation))
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
def test_sizes_are_chosen(clip: tuple[int, int], budget: int, expected: tuple[int, int]) -> None:
    assert choose_size(*clip, budget, 32) == expected


@given(st.integers(16, 4096), st.integers(16, 4096), st.integers(32 * 32, 512 * 512), st.sampled_from([28, 32]))
def test_a_chosen_size_is_in_steps_of_the_unit_within_budget_and_not_enlarged(
    width: int, height: int, pixels: int, unit: int
) -> None:
    across, down = choose_size(width, height, pixels, unit)
    assert across % unit == down % unit == 0
    assert unit**2 <= across * down <= pixels
    assert across <= max(unit, width + unit / 2)
    assert down <= max(unit, height + unit / 2)


def test_configs_have_keys_that_tell_them_apart_and_refuse_nonsense() -> None:
    assert FrameConfig().compute_key() == FrameConfig().compute_key() != FrameConfig(slow_frames=3).compute_key()
    with pytest.raises(ValueError, match="fast_frames"):
        FrameConfig(fast_frames=0)
    with pytest.raises(ValueError, match="32x32"):
        FrameConfig(fast_pixels=100)


def test_numbered_frames_are_told_apart() -> None:
    assert numbered(3, 4, 4).mean() == grey_of(3) != grey_of(4)


def test_of_a_large_frame_only_the_small_picture_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[av.VideoFrame] = []
    held: list[int] = []

    def recorded(*_: object) -> Iterator[TimedFrame]:
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(numbered(number, 96, 64), format="rgb24").reformat(format="yuv420p")
            frames.append(frame)
            yield number / 12, frame
            del frame
            held.append(sum(sys.getrefcount(each) > 3 for each in frames))  # the list, the loop and the call

    monkeypatch.setattr(slowfast, "decode_frames", recorded)
    seen = read(write_clip(tmp_path / "a.mp4", frames=60), FrameConfig(fast_frames=8, slow_frames=8))

    assert len(seen.slow_times) == 8
    assert max(held) <= 2  # the frame that was given last, and the one before it
