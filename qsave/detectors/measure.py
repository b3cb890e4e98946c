"""Measure a clip in one decode, alone or in the pass that reads its SlowFast frames."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from qsave.detectors.colour import Colour, measure_colour
from qsave.detectors.detail import Detail, average_tiles, measure_blockiness, measure_detail
from qsave.detectors.exposure import Exposure, measure_exposure
from qsave.detectors.motion import CHANGE_TILES, MOTION_FIELDS, Luma, MotionMeter, measure_flashes
from qsave.detectors.pictures import Pictures, Pixels
from qsave.detectors.readings import Readings, round_values
from qsave.frames.container import TimedFrame, count_quarter_turns, decode_frames, open_clip, rewind
from qsave.frames.extent import measure
from qsave.frames.slowfast import FrameConfig, Frames, GreyScaler, watch_among

_NAMES = (*Colour._fields, *Exposure._fields, *Detail._fields, "blockiness", *MOTION_FIELDS)

DETAIL_SECONDS = 0.1
"""Least time between two frames of which exposure and detail are measured; frames between them have the readings of the
last one. A visual defect counts from 0.2 s on, so nothing is lost, and half of the time is saved."""
GRID_SECONDS = 0.2
"""The same for blockiness, which takes as long as all other detail."""
COLOUR_SECONDS = 1.0
"""The same for colour, which no detector that is on needs."""


BATCH = 16
"""Small pictures that are compared at a time."""


class _Held:
    """Readings that are taken again only after `seconds`."""

    def __init__(self, seconds: float, measure: Callable[[VideoFrame], tuple[float, ...]]) -> None:
        self._seconds, self._measure = seconds, measure
        self._values: tuple[float, ...] = ()
        self._due = 0.0

    def read(self, time: float, frame: VideoFrame) -> tuple[float, ...]:
        """Return the readings at `time`."""
        if time >= self._due or not self._values:
            self._values, self._due = self._measure(frame), time + self._seconds
        return self._values


class Meter:
    """Takes the readings of one frame after the other. Memory grows by some 200 bytes a frame."""

    def __init__(self, grey: GreyScaler | None = None) -> None:
        """Share the `grey` of a caller that reads the same frames with `watch_among`."""
        self._grey, self._pictures = grey or GreyScaler(), Pictures()
        self._times, self._looks = array("d"), array("f")
        self._held = (
            _Held(COLOUR_SECONDS, self._measure_colour),
            _Held(DETAIL_SECONDS, self._measure_detail),
            _Held(GRID_SECONDS, self._measure_blockiness),
        )
        self._sides, self._upright = (0, 0), (0, 0)
        self._motion, self._waiting = MotionMeter(), list[Pixels]()
        self._paces, self._tiles = list[Luma](), list[npt.NDArray[np.uint8]]()

    def take(self, time: float, frame: VideoFrame) -> None:
        """Measure the next frame, shown from `time` seconds on. A frame of another size is not compared."""
        turns, sides = count_quarter_turns(frame), (frame.width, frame.height)
        if not self._times:
            self._upright = sides[::-1] if turns % 2 else sides
        if sides != self._sides:
            self._compare()
            self._sides, self._motion = sides, MotionMeter()
        self._times.append(time)
        for held in self._held:
            self._looks.extend(held.read(time, frame))
        self._waiting.append(np.rot90(self._grey.scale(frame), turns))
        if len(self._waiting) == BATCH:
            self._compare()

    def _measure_colour(self, frame: VideoFrame) -> tuple[float, ...]:
        return measure_colour(*self._pictures.read_colour(frame))

    def _measure_blockiness(self, frame: VideoFrame) -> tuple[float, ...]:
        return (measure_blockiness(self._pictures.read_luma(frame)),)

    def _measure_detail(self, frame: VideoFrame) -> tuple[float, ...]:
        detail, share = measure_detail(self._pictures.read_luma(frame))
        return (*measure_exposure(share, self._pictures.has_full_range(frame)), *detail)

    def _compare(self) -> None:
        """Measure the motion of the pictures that wait."""
        if self._waiting:
            pictures = np.stack(self._waiting).astype(np.float32)
            self._waiting.clear()
            self._paces.append(self._motion.measure(pictures))
            self._tiles.append(average_tiles(pictures, CHANGE_TILES).astype(np.uint8).reshape(len(pictures), -1))

    def tee(self, source: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
        """Yield the frames of `source`, each after it was measured."""
        for time, frame in source:
            self.take(time, frame)
            yield time, frame

    def end(self, duration: float) -> Readings:
        """Return the readings of a clip of `duration` seconds."""
        self._compare()
        looks = np.asarray(self._looks, np.float32).reshape(len(self._times), -1)
        series = np.hstack((looks, np.concatenate(self._paces)))
        times = np.asarray(self._times)
        return Readings(
            width=self._upright[0],
            height=self._upright[1],
            duration=duration,
            times=times,
            flash=round_values(measure_flashes(np.concatenate(self._tiles), times)),
            **{name: round_values(series[:, index]) for index, name in enumerate(_NAMES)},
        )


def measure_clip(path: Path) -> Readings:
    """Return the readings of a clip. Raises MediaError if it cannot be decoded or is beyond the limits."""
    meter = Meter()
    with open_clip(path) as (container, stream):
        duration = measure(container, stream).duration
        rewind(container)
        for time, frame in decode_frames(container, stream):
            meter.take(time, frame)
    return meter.end(duration)


def measure_and_read(path: Path, config: FrameConfig) -> tuple[Readings, Frames]:
    """Return the readings and the SlowFast frames of a clip from one decode. Raises MediaError."""
    grey = GreyScaler()
    meter = Meter(grey)
    with open_clip(path) as (container, stream):
        extent = measure(container, stream)
        rewind(container)
        watched = watch_among(meter.tee(decode_frames(container, stream)), extent.last, config, grey)
    return meter.end(extent.duration), watched.frames
