"""Measure a clip in one decode, alone or in the pass that reads its SlowFast frames."""

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av import VideoFrame

from qsave.detectors.colour import Colour, measure_colour
from qsave.detectors.detail import Detail, average_tiles, measure_detail
from qsave.detectors.motion import CHANGE_TILES, Motion, MotionMeter, measure_flashes
from qsave.detectors.pictures import Pictures
from qsave.detectors.readings import Readings, round_values
from qsave.frames.container import TimedFrame, count_quarter_turns, decode_frames, open_clip, rewind
from qsave.frames.extent import measure
from qsave.frames.slowfast import FrameConfig, Frames, watch_among

_NAMES = ("luma", *Colour._fields, *Detail._fields, *Motion._fields)

LOOK_SECONDS = 0.1
"""Least time between two frames of which colour and detail are measured; frames between them have the readings of the
last one. A visual defect counts from 0.2 s on, so nothing is lost, and half of the time is saved."""


class _Look(NamedTuple):
    """How a frame looks: its colour and its detail."""

    colour: Colour
    detail: Detail


class Meter:
    """Takes the readings of one frame after the other. Memory grows by some 200 bytes a frame."""

    def __init__(self) -> None:
        self._pictures, self._motion = Pictures(), MotionMeter()
        self._times, self._values, self._tiles = array("d"), array("f"), bytearray()
        self._size = (0, 0)
        self._look: _Look | None = None
        self._look_time = 0.0

    def take(self, time: float, frame: VideoFrame) -> None:
        """Measure the next frame, shown from `time` seconds on."""
        if not self._times:
            is_on_its_side = count_quarter_turns(frame) % 2
            self._size = (frame.height, frame.width) if is_on_its_side else (frame.width, frame.height)
        if self._look is None or time >= self._look_time + LOOK_SECONDS:
            self._look, self._look_time = self._measure_look(frame), time
        luma = self._pictures.scale(frame).astype(np.float32)
        tiles = average_tiles(luma, CHANGE_TILES)
        self._times.append(time)
        self._tiles.extend(tiles.astype(np.uint8).tobytes())
        self._values.append(float(luma.mean()))
        for part in (*self._look, self._motion.measure(luma)):
            self._values.extend(part)

    def _measure_look(self, frame: VideoFrame) -> _Look:
        colour = measure_colour(*self._pictures.scale_in_colour(frame))
        return _Look(colour, measure_detail(self._pictures.read_luma(frame)))

    def tee(self, source: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
        """Yield the frames of `source`, each after it was measured."""
        for time, frame in source:
            self.take(time, frame)
            yield time, frame

    def end(self, duration: float) -> Readings:
        """Return the readings of a clip of `duration` seconds."""
        series = np.asarray(self._values, np.float32).reshape(-1, len(_NAMES))
        width, height = self._size
        tiles = np.frombuffer(self._tiles, np.uint8).reshape(-1, CHANGE_TILES**2)
        return Readings(
            width=width,
            height=height,
            duration=duration,
            times=np.asarray(self._times),
            flash=round_values(measure_flashes(tiles, np.asarray(self._times))),
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
    meter = Meter()
    with open_clip(path) as (container, stream):
        extent = measure(container, stream)
        rewind(container)
        watched = watch_among(meter.tee(decode_frames(container, stream)), extent.last, config)
    return meter.end(extent.duration), watched.frames
