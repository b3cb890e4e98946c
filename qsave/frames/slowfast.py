"""SlowFast: two pairs of eyes on a clip, from one sequential decode.

Fast eyes see many small frames, evenly spread in time. Slow eyes see a few large ones at the moments that change:
those with the most change energy (mean absolute difference of a small grey picture from the frame before), a minimum
distance apart, one of them always near the start and one near the end. The same clip and config give the same times
and the same pixels in training, drafting and evaluation.
"""

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from qsave.frames.container import TIME_DIGITS, MediaError, shown_frames, turns

Pixels = npt.NDArray[np.uint8]
TimedFrame = tuple[float, VideoFrame]

SIDE_STEP = 32  # a vision token of Qwen3-VL is 32x32 pixels
_SCALER = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_GREY_SIZE = (64, 48)
_HELD_BYTES = 256 * 2**20  # decoded frames kept in memory, so that choosing and reading share one decode


@dataclass(frozen=True, slots=True)
class FrameConfig:
    """How many frames each pair of eyes sees, and how large."""

    fast_frames: int = 16
    fast_pixels: int = 224 * 128
    """Most pixels of a fast frame; the shape keeps the clip's aspect in steps of 32."""
    slow_frames: int = 4
    slow_pixels: int = 448 * 256
    min_distance: float = 0.5
    """Least time between slow frames, as a share of an even spacing of them."""

    def __post_init__(self) -> None:
        if self.fast_frames < 1 or self.slow_frames < 0 or not 0 <= self.min_distance <= 1:
            raise ValueError(f"needs fast_frames >= 1, slow_frames >= 0, min_distance in 0..1, got {self}")
        if min(self.fast_pixels, self.slow_pixels) < SIDE_STEP**2:
            raise ValueError(f"a frame has at least {SIDE_STEP}x{SIDE_STEP} pixels, got {self}")

    def key(self) -> str:
        """A short hash that names this config in caches and manifests."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Seconds from the first shown frame, rising; never more than there are frames."""

    fast: tuple[float, ...]
    slow: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """`fast` (t, h, w, 3) and `slow` (s, H, W, 3), RGB, with the times they are shown at."""

    fast: Pixels
    fast_times: tuple[float, ...]
    slow: Pixels
    slow_times: tuple[float, ...]


def choose(path: Path, config: FrameConfig) -> FrameTimes:
    """The moments both pairs of eyes look at; raises MediaError for a clip that cannot be decoded."""
    return _choose(shown_frames(path), config)


def read(path: Path, config: FrameConfig, times: FrameTimes | None = None) -> Frames:
    """The pixels at `times` (as chosen before), or at the moments that `choose` gives.

    Raises MediaError where the clip cannot be decoded or shows no frame at one of the times.
    """
    if times is not None:
        return _collect(shown_frames(path), config, times)
    source = shown_frames(path)
    held, complete = _hold(source)
    if complete:
        return _collect(held, config, _choose(held, config))
    source.close()
    held.clear()
    return _collect(shown_frames(path), config, choose(path, config))


@lru_cache(maxsize=256)
def fitted_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Width and height in steps of 32: close to the aspect, at most `pixels`, not enlarged."""
    widest, tallest = (max(1, round(side / SIDE_STEP)) for side in (width, height))
    budget = pixels // SIDE_STEP**2

    def worth(size: tuple[int, int]) -> float:
        across, down = size
        distortion = abs(math.log(across * height / (down * width)))
        return math.log(across * down) - 3 * distortion

    sizes = [
        (across, down)
        for down in range(1, min(tallest, budget) + 1)
        for across in range(1, min(widest, budget // down) + 1)
    ]
    across, down = max(sizes, key=worth)
    return across * SIDE_STEP, down * SIDE_STEP


def pick_fast(times: Sequence[float], count: int) -> list[int]:
    """Indices of the frames on screen at `count` even moments from the first frame to the last, without repeats."""
    moments = np.linspace(times[0], times[-1], count) if count > 1 else [(times[0] + times[-1]) / 2]
    return sorted({bisect_right(times, moment + 10.0**-TIME_DIGITS) - 1 for moment in moments})


def pick_slow(times: Sequence[float], energy: Sequence[float], count: int, min_distance: float) -> list[int]:
    """Indices of up to `count` frames of high change energy, `min_distance` of an even spacing apart.

    One is chosen within the first and one within the last half spacing before the rest compete (with one or two to
    give, the liveliest moments of the whole clip get them). Ties go to the earlier frame.
    """
    spacing = (times[-1] - times[0]) / max(count, 1)
    ranked = sorted(range(len(times)), key=lambda index: (-energy[index], index))
    picked: list[int] = []

    def take(candidates: Iterable[int], limit: int) -> None:
        for index in candidates:
            if len(picked) >= limit:
                return
            apart = min((abs(times[index] - times[other]) for other in picked), default=math.inf)
            if apart > 0 and apart >= spacing * min_distance:
                picked.append(index)

    if count > 2:
        take((index for index in ranked if times[index] - times[0] <= spacing / 2), 1)
        take((index for index in ranked if times[-1] - times[index] <= spacing / 2), 2)
    take(ranked, count)
    return sorted(picked)


def _choose(source: Iterable[TimedFrame], config: FrameConfig) -> FrameTimes:
    times: list[float] = []
    energy: list[float] = []
    scaler = VideoReformatter()
    before: npt.NDArray[np.int16] | None = None
    for time, frame in source:
        grey = _scaled(scaler, frame, _GREY_SIZE, "gray8").astype(np.int16)
        energy.append(float(np.abs(grey - before).mean()) if before is not None else 0.0)
        times.append(time)
        before = grey
    return FrameTimes(
        fast=tuple(times[index] for index in pick_fast(times, config.fast_frames)),
        slow=tuple(times[index] for index in pick_slow(times, energy, config.slow_frames, config.min_distance)),
    )


def _collect(source: Iterable[TimedFrame], config: FrameConfig, times: FrameTimes) -> Frames:
    fast = _Eye(times.fast, config.fast_pixels)
    slow = _Eye(times.slow, config.slow_pixels)
    last = max(times.fast + times.slow)
    for time, frame in source:
        fast.look(time, frame)
        slow.look(time, frame)
        if time >= last:
            break
    return Frames(fast.pixels(), times.fast, slow.pixels(), times.slow)


class _Eye:
    """Converts the wanted frames, and only those, straight to their final size."""

    def __init__(self, times: tuple[float, ...], budget: int) -> None:
        self._wanted = {round(time, TIME_DIGITS) for time in times}
        self._budget = budget
        self._scaler = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self._seen: list[Pixels] = []

    def look(self, time: float, frame: VideoFrame) -> None:
        quarter_turns = turns(frame)
        if self._size is None:
            shown = (frame.height, frame.width) if quarter_turns % 2 else (frame.width, frame.height)
            self._size = fitted_size(*shown, self._budget)
        if time not in self._wanted:
            return
        self._wanted.discard(time)
        stored = self._size[::-1] if quarter_turns % 2 else self._size
        self._seen.append(np.rot90(_scaled(self._scaler, frame, stored, "rgb24"), quarter_turns))

    def pixels(self) -> Pixels:
        if self._wanted:
            raise MediaError(f"the clip shows no frame at {min(self._wanted)} s: these times are another clip's")
        if not self._seen:
            across, down = self._size or (SIDE_STEP, SIDE_STEP)
            return np.zeros((0, down, across, 3), np.uint8)
        return np.stack(self._seen)


def _scaled(scaler: VideoReformatter, frame: VideoFrame, size: tuple[int, int], form: str) -> Pixels:
    small = scaler.reformat(frame, *size, form, interpolation=_SCALER, threads=1)
    return small.to_ndarray().astype(np.uint8, copy=False)


def _hold(source: Iterator[TimedFrame]) -> tuple[list[TimedFrame], bool]:
    """The decoded frames, and whether all of them fitted into the memory set aside."""
    held: list[TimedFrame] = []
    size = 0
    for timed in source:
        size += sum(plane.buffer_size for plane in timed[1].planes)
        if size > _HELD_BYTES:
            return held, False
        held.append(timed)
    return held, True
