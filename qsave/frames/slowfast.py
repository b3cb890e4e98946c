"""SlowFast: the frames of a clip that a critic sees, from one sequential decode.

Fast frames are many, small and evenly spread in time. Slow frames are few, large and at the moments that change: those
with the most change energy (mean absolute difference of a small grey picture from the frame before), a minimum distance
apart; if there are three or more, one is near the start and one near the end. The same clip and config give the same
times and the same pixels in training, drafting and evaluation, on any number of cores.

Memory does not grow with the clip: frames are scaled as they are decoded, and only the chosen ones and the candidates
of `choice` are stored.
"""

import hashlib
import json
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from qsave.frames.choice import FastChoice, Seen, SlowChoice, Why
from qsave.frames.container import TimedFrame, count_quarter_turns, decode_frames, open_clip, rewind
from qsave.frames.extent import measure

Pixels = npt.NDArray[np.uint8]

_CHOICE = 3
"""Increase it when the code selects other frames for the same config. This invalidates caches and stored times."""
_SCALER = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_GREY_SIZE = (64, 48)


@dataclass(frozen=True, slots=True)
class FrameConfig:
    """How many fast and slow frames a critic sees, and their size."""

    fast_frames: int = 16
    """Frames spread evenly over the whole clip."""
    fast_pixels: int = 224 * 128
    """Most pixels of a fast frame; its sides are multiples of `unit`, close to the clip's aspect ratio."""
    slow_frames: int = 4
    """Frames at the moments that change."""
    slow_pixels: int = 448 * 256
    """Most pixels of a slow frame, as above."""
    min_distance: float = 0.5
    """Least time between slow frames, as a share of their even spacing."""
    unit: int = 32
    """Pixels a side of one vision token: 32 for Qwen3-VL, 28 for Qwen2.5-VL. A loaded model sets its own."""

    def __post_init__(self) -> None:
        if self.fast_frames < 1:
            raise ValueError(f"fast_frames must be at least 1, got {self.fast_frames}")
        if self.slow_frames < 0:
            raise ValueError(f"slow_frames must be at least 0, got {self.slow_frames}")
        if not 0 <= self.min_distance <= 1:
            raise ValueError(f"min_distance must be in 0..1, got {self.min_distance}")
        least = max(1, self.unit) ** 2
        for name in ("fast_pixels", "slow_pixels"):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {self.unit}x{self.unit} pixels, got {getattr(self, name)}")

    def compute_key(self) -> str:
        """Compute a short hash that identifies this config in caches and manifests."""
        content = {"choice": _CHOICE, **asdict(self)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Seconds from the first shown frame, in rising order; at most one time a frame of the clip."""

    fast: tuple[float, ...]
    slow: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """`fast` (t, h, w, 3) and `slow` (s, H, W, 3), RGB, with their `FrameTimes`."""

    fast: Pixels
    fast_times: tuple[float, ...]
    slow: Pixels
    slow_times: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """The frames of a clip, and the figures from which they were chosen."""

    frames: Frames
    why: tuple[Why, ...]
    """Why each slow frame was chosen."""
    times: Sequence[float]
    """Seconds of every frame of the clip."""
    energy: Sequence[float]
    """Change energy of every frame: mean absolute difference from the one before, in grey levels of 0 to 255."""

    @property
    def duration(self) -> float:
        """Return the seconds until the last frame disappears, if it is shown as long as the one before."""
        return self.times[-1] + (self.times[-1] - self.times[-2] if len(self.times) > 1 else 0.0)


class GreyScaler:
    """Makes the small grey picture of one frame after the other; the same frame again costs nothing."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()
        self._frame: VideoFrame | None = None
        self._grey = np.zeros((0, 0), np.uint8)

    def scale(self, frame: VideoFrame) -> Pixels:
        """Return the luma of the whole frame as stored, not turned, full range: (48, 64)."""
        if frame is not self._frame:
            self._frame, self._grey = frame, _scale(self._scaler, frame, _GREY_SIZE, "gray8")
        return self._grey


def choose(path: Path, config: FrameConfig) -> FrameTimes:
    """Return the times of the fast and the slow frames. Raises MediaError as `read` does."""
    frames = read(path, config)
    return FrameTimes(frames.fast_times, frames.slow_times)


def choose_among(source: Iterable[TimedFrame], last: float, config: FrameConfig) -> FrameTimes:
    """Return the times of the fast and the slow frames of a clip whose last frame appears at `last` seconds.

    The same as `choose`, without scaling the chosen frames.
    """
    fast = FastChoice(last, config.fast_frames)
    slow = SlowChoice(last, config.slow_frames, config.min_distance, lambda frame: None)
    energy = _Energy(GreyScaler())
    fast_times: list[float] = []
    for time, frame in source:
        seen = Seen(time, energy.compute(frame), frame)
        fast_times += _list_time(fast.take(seen))
        slow.take(seen)
    fast_times += _list_time(fast.end())
    return FrameTimes(tuple(fast_times), tuple(candidate.time for candidate, _ in slow.end()))


def _list_time(seen: Seen | None) -> list[float]:
    return [seen.time] if seen is not None else []


def read(path: Path, config: FrameConfig) -> Frames:
    """Return the frames of a clip. Raises MediaError if it cannot be decoded or is beyond the limits."""
    return watch(path, config).frames


def watch(path: Path, config: FrameConfig) -> Watched:
    """Return the frames of a clip with the reasons for their choice. Raises MediaError as `read` does."""
    with open_clip(path) as (container, stream):
        last = measure(container, stream).last
        rewind(container)
        return watch_among(decode_frames(container, stream), last, config)


@lru_cache(maxsize=256)
def choose_size(width: int, height: int, pixels: int, unit: int) -> tuple[int, int]:
    """Return width and height as multiples of `unit`: close to the aspect ratio, at most `pixels`, not enlarged."""
    widest, tallest = (max(1, round(side / unit)) for side in (width, height))
    budget = pixels // unit**2

    def rate_size(size: tuple[int, int]) -> float:
        across, down = size
        distortion = abs(math.log(across * height / (down * width)))
        return math.log(across * down) - 3 * distortion

    sizes = [
        (across, down)
        for down in range(1, min(tallest, budget) + 1)
        for across in range(1, min(widest, budget // down) + 1)
    ]
    across, down = max(sizes, key=rate_size)
    return across * unit, down * unit


def watch_among(
    source: Iterable[TimedFrame], last: float, config: FrameConfig, grey: GreyScaler | None = None
) -> Watched:
    """Return what `watch` does, of the decoded frames of a clip whose last frame appears at `last` seconds.

    A caller that needs the small grey pictures of these frames too passes its `grey`: each is then scaled once.
    """
    small = _FrameStack(config.fast_frames, config.fast_pixels, config.unit)
    large = _FrameStack(config.slow_frames, config.slow_pixels, config.unit)
    fast = FastChoice(last, config.fast_frames)
    slow = SlowChoice(last, config.slow_frames, config.min_distance, large.scale)
    energy = _Energy(grey or GreyScaler())
    times, energies = array("d"), array("d")
    for time, frame in source:
        if not times:
            small.fit(frame)
            large.fit(frame)
        seen = Seen(time, energy.compute(frame), frame)
        times.append(time)
        energies.append(seen.energy)
        small.add(fast.take(seen))
        slow.take(seen)
    small.add(fast.end())
    chosen = slow.end()
    for candidate, _ in chosen:
        large.keep(candidate.time, candidate.picture)
    frames = Frames(small.stack(), tuple(small.times), large.stack(), tuple(large.times))
    return Watched(frames, tuple(why for _, why in chosen), times, energies)


class _Energy:
    """Computes the change energy of one frame after the other."""

    def __init__(self, grey: GreyScaler) -> None:
        self._grey = grey
        self._before: npt.NDArray[np.int16] | None = None

    def compute(self, frame: VideoFrame) -> float:
        grey = self._grey.scale(frame).astype(np.int16)
        change = int(np.abs(grey - self._before).sum(dtype=np.int64)) if self._before is not None else 0
        self._before = grey
        return change / grey.size


class _FrameStack:
    """Scales frames to their final size and stores them. The clip's first frame decides the size."""

    def __init__(self, count: int, budget: int, unit: int) -> None:
        self._count, self._budget, self._unit = count, budget, unit
        self._scaler = VideoReformatter()
        self._pixels = np.zeros((0, unit, unit, 3), np.uint8)
        self.times: list[float] = []

    def fit(self, frame: VideoFrame) -> None:
        upright = (frame.height, frame.width) if count_quarter_turns(frame) % 2 else (frame.width, frame.height)
        across, down = choose_size(*upright, self._budget, self._unit)
        self._pixels = np.empty((self._count, down, across, 3), np.uint8)

    def add(self, seen: Seen | None) -> None:
        if seen is not None:
            self.keep(seen.time, self.scale(seen.frame))

    def scale(self, frame: VideoFrame) -> Pixels:
        """Return the frame upright, in the size of this clip."""
        quarter_turns = count_quarter_turns(frame)
        down, across = self._pixels.shape[1:3]
        stored = (down, across) if quarter_turns % 2 else (across, down)
        return np.rot90(_scale(self._scaler, frame, stored, "rgb24"), quarter_turns)

    def keep(self, time: float, pixels: Pixels) -> None:
        self._pixels[len(self.times)] = pixels
        self.times.append(time)

    def stack(self) -> Pixels:
        return self._pixels[: len(self.times)]


def _scale(scaler: VideoReformatter, frame: VideoFrame, size: tuple[int, int], form: str) -> Pixels:
    small = scaler.reformat(frame, *size, form, interpolation=_SCALER, threads=1)
    return small.to_ndarray().astype(np.uint8, copy=False)
