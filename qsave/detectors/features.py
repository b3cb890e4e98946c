"""Readings of one clip as a vector of fixed length with names, for a regression from measurements to scores.

The vector of a clip does not depend on other clips. It has no prompt in it, so it cannot say anything of alignment.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from qsave.detectors.readings import SERIES, Readings
from qsave.detectors.thresholds import FROZEN_CHANGE

FEATURES_VERSION = 2
"""Increase it when the same clip gives another vector. A stored regression is then fitted again."""

Values = npt.NDArray[np.float64]

_SUMMARIES: dict[str, Callable[[npt.NDArray[np.float32]], float]] = {
    "mean": lambda values: float(values.mean()),
    "least": lambda values: float(values.min()),
    "most": lambda values: float(values.max()),
    "spread": lambda values: float(values.std()),
}
_OVER_TIME: dict[str, Callable[[Readings], float]] = {
    "seconds": lambda readings: readings.duration,
    "frame_seconds": lambda readings: readings.frame_seconds,
    "log_pixels": lambda readings: float(np.log2(readings.width * readings.height)),
    "same_share": lambda readings: (
        float((readings.change[1:] < FROZEN_CHANGE.value).mean()) if _has_two(readings) else 0
    ),
    "luma_step_most": lambda readings: float(np.abs(np.diff(readings.luma)).max(initial=0)),
    "luma_turn_most": lambda readings: float(np.abs(np.diff(readings.luma, 2)).max(initial=0)),
    "luma_turn_mean": lambda readings: float(np.abs(np.diff(readings.luma, 2)).sum() / len(readings.times)),
    "shift_turn_mean": lambda readings: _measure_turn(readings),
    "return_ratio": lambda readings: float(readings.two_frame_change.sum() / (readings.change.sum() + 1)),
}

FEATURES: tuple[str, ...] = (
    *(f"{name}_{summary}" for name in SERIES for summary in _SUMMARIES),
    *_OVER_TIME,
)
"""The names of the features, in the order of the vector: `luma_mean`, `luma_least`, .., and those over time."""


def compute_features(readings: Readings) -> Values:
    """Return the features of a clip, shape (features,), in the order of FEATURES. All are finite."""
    summaries = [summarise(getattr(readings, name)) for name in SERIES for summarise in _SUMMARIES.values()]
    return np.asarray([*summaries, *(measure(readings) for measure in _OVER_TIME.values())], np.float64)


def _has_two(readings: Readings) -> bool:
    return len(readings.times) > 1


def _measure_turn(readings: Readings) -> float:
    """Return by how much the shift of the picture changes from frame to frame, on average, as a share of its size."""
    turns = np.hypot(np.diff(readings.shift_x[1:]), np.diff(readings.shift_y[1:]))
    return float(turns.sum() / len(readings.times))
