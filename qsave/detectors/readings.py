"""The readings of one clip: what was measured in each of its frames.

Readings are plain measurements. `propose` turns them into defects by the limits in `thresholds`, `features` turns them
into one vector per clip, and the timeline draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]

VERSION = 2
"""Increase it when the same clip gets other readings, or when a field changes. Stored readings are then measured
again."""
DIGITS = 4  # significant digits of a stored value; readings are rounded once, so that a round trip gives equal values


class ReadingsError(ValueError):
    """Stored readings cannot be used; the message says why in a full sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Measurements over time. Every array has the shape (frames,); frame i is shown from `times[i]` on.

    Grey levels and colours are on the full range of 0 to 255, also for clips that store a limited range. Luma and
    change are of a picture of 64 x 48 pixels; a reading of the change since the frame before is 0 for the first frame.
    Exposure and detail (contrast to noise) are of full size, taken at most every tenth of a second, and hold until the
    next; blockiness is taken five times a second, colour once. Readings from levels to blockiness are of the luma as
    stored, whose range may be 16 to 235.
    """

    width: int
    """Pixels as shown (rotation applied)."""
    height: int
    duration: float
    """Seconds from the first frame's appearance to the last one's end."""
    times: npt.NDArray[np.float64]
    """Seconds from the first frame shown, by the clip's own timestamps, strictly rising."""
    luma: Values
    """Mean luma (BT.601 weights), in grey levels."""
    contrast: Values
    """Standard deviation of luma, in grey levels."""
    darkest: Values
    """The grey level below which 1 % of the pixels lie."""
    brightest: Values
    """The grey level below which 99 % of the pixels lie."""
    clipped_bright: Values
    """Share of pixels whose luma is at least 250."""
    clipped_dark: Values
    """Share of pixels whose luma is below 8."""
    levels: Values
    """How many of the 256 grey levels at least one in a thousand pixels has, at full size."""
    flat_levels: Values
    """Share of pixels in the eight most frequent bands of three grey levels, at full size."""
    sharpness: Values
    """Mean absolute Laplacian at full size, in grey levels."""
    least_sharp: Values
    """The same of the least sharp of 4 x 4 tiles."""
    steepness: Values
    """How steep the steepest edges are: 1 if an edge rises within one pixel, 0.25 if it needs four or more."""
    noise: Values
    """Standard deviation of the noise in the smoother tiles, in grey levels (Immerkaer 1996)."""
    blockiness: Values
    """Change across the lines of the best fitting square grid of 4 to 16 pixels, by the change elsewhere; 1 or more."""
    red_green: Values
    """Mean of red minus green, in levels: above 0 is reddish, below is greenish."""
    yellow_blue: Values
    """Mean of (red + green) / 2 minus blue, in levels: above 0 is yellowish, below is bluish."""
    colour_spread: Values
    """Standard deviation of both colour differences together, in levels."""
    change: Values
    """Mean absolute difference of luma from the frame before, in grey levels."""
    local_change: Values
    """The same of the tile (of 8 x 8) that changes most."""
    two_frame_change: Values
    """Mean absolute difference of luma from the frame two before, in grey levels."""
    flash: Values
    """By how much one tile (of 8 x 8) is brighter or darker than a quarter of a second before and after, beyond the
    whole picture, in grey levels; the tile for which it is most."""
    shift_x: Values
    """Shift of the picture since the frame before, as a share of the width; above 0 is to the right."""
    shift_y: Values
    """The same downwards, as a share of the height."""
    shift_trust: Values
    """Height of the peak of the phase correlation, 0 to 1: how much of the picture moves by that shift."""

    def __post_init__(self) -> None:
        shapes = {getattr(self, name).shape for name in ("times", *SERIES)}
        if shapes != {(len(self.times),)} or not len(self.times):
            raise ReadingsError(f"Readings need one value per frame in every series; the shapes are {sorted(shapes)}.")

    @property
    def ends(self) -> npt.NDArray[np.float64]:
        """Return the seconds at which each frame disappears, shape (frames,)."""
        return np.append(self.times[1:], max(self.duration, self.times[-1]))

    @property
    def frame_seconds(self) -> float:
        """Return the median seconds that a frame is shown."""
        return float(np.median(self.ends - self.times))


SERIES: tuple[str, ...] = tuple(field.name for field in fields(Readings) if field.type == "Values")
"""The names of the series of values over time, in the order of the fields."""


def round_values(values: npt.ArrayLike) -> Values:
    """Round to DIGITS significant digits. Values that are not finite become 0."""
    wide = np.nan_to_num(np.asarray(values, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    size = np.floor(np.log10(np.abs(wide), out=np.zeros_like(wide), where=wide != 0))
    unit = 10.0 ** (DIGITS - 1 - size)
    return np.asarray(np.rint(wide * unit) / unit, np.float32)


def readings_to_json(readings: Readings) -> dict[str, Any]:
    """Return `{"version": .., "width": .., "height": .., "duration": .., "times": [..], "luma": [..], ..}`."""
    head = {"version": VERSION, "width": readings.width, "height": readings.height, "duration": readings.duration}
    series = {name: _shorten(getattr(readings, name)) for name in SERIES}
    return {**head, "times": readings.times.tolist(), **series}


def _shorten(values: Values) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]


def readings_from_json(value: object) -> Readings:
    """Parse readings from the JSON of `readings_to_json`. Raises ReadingsError."""
    if not isinstance(value, Mapping):
        raise ReadingsError(f"Readings are an object, got {type(value).__name__}.")
    if value.get("version") != VERSION:
        raise ReadingsError(
            f"The readings have version {value.get('version')!r}, this program writes version {VERSION}. "
            "Measure the clip again."
        )
    try:
        return Readings(
            width=int(value["width"]),
            height=int(value["height"]),
            duration=float(value["duration"]),
            times=np.asarray(value["times"], np.float64),
            **{name: np.asarray(value[name], np.float32) for name in SERIES},
        )
    except KeyError as error:
        raise ReadingsError(f"The readings have no {error.args[0]}.") from None
    except (TypeError, ValueError) as error:
        raise ReadingsError(f"The readings have a value of another type: {error}.") from None
