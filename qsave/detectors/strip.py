"""The readings of a clip as a strip for its timeline: a few series, each with the same small number of points."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from qsave.detectors.readings import VERSION, Readings, Values

POINTS = 120
"""Points of each series: a timeline is some 600 pixels wide."""

_SERIES: Mapping[str, tuple[Callable[[Readings], Values], Callable[[Values], np.floating]]] = {
    "brightness": (lambda readings: readings.luma, np.mean),
    "sharpness": (lambda readings: readings.sharpness, np.mean),
    "change": (lambda readings: readings.local_change, np.max),
    "shift": (lambda readings: np.hypot(readings.shift_x, readings.shift_y) * (readings.shift_trust > 0), np.max),
}
"""Each series: its values by frame, and which value stands for the frames of one point."""
NAMES = tuple(_SERIES)
STRIP_VERSION = VERSION * 100 + 1
"""Changes with the readings, and with this module."""


def make_strip(readings: Readings) -> dict[str, list[float]]:
    """Return POINTS values of each series, evenly spaced over the duration.

    A point stands for the frames that appear in its part of the clip: for the mean of a level, for the largest change,
    so that a single odd frame is seen. Where no frame appears it repeats the frame that is shown.
    """
    edges = np.linspace(0.0, max(readings.duration, float(readings.times[-1])), POINTS + 1)
    starts = np.searchsorted(readings.times, edges, side="left")
    visible = np.maximum(np.searchsorted(readings.times, edges, side="right") - 1, 0)
    parts = [
        slice(start, stop) if stop > start else slice(frame, frame + 1)
        for start, stop, frame in zip(starts[:-1], starts[1:], visible[:-1], strict=True)
    ]
    strip = {}
    for name, (read, summarise) in _SERIES.items():
        values = read(readings)
        strip[name] = [float(f"{summarise(values[part]):.3g}") for part in parts]
    return strip
