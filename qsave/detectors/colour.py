"""Measure exposure and colour of one small picture."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qsave.detectors.pictures import Pixels

_Plane = npt.NDArray[np.float32]

# Red, green and blue less luma, by U and V about zero (ITU-R BT.601, full range).
_RED = (0.0, 1.402)
_GREEN = (-0.344, -0.714)
_BLUE = (1.772, 0.0)
_NEUTRAL = 128
_CLIPPED_BRIGHT = 250
_CLIPPED_DARK = 8


class Colour(NamedTuple):
    """Readings of one frame; `Readings` says what each is."""

    contrast: float
    darkest: float
    brightest: float
    clipped_bright: float
    clipped_dark: float
    red_green: float
    yellow_blue: float
    colour_spread: float


def measure_colour(luma: Pixels, u: Pixels, v: Pixels) -> Colour:
    """Measure luma (h, w) and U and V of half the height and width, rounded up; all of full range."""
    share = np.cumsum(np.bincount(luma.ravel(), minlength=256)) / luma.size
    darkest, brightest = np.searchsorted(share, (0.01, 0.99))
    hue = np.stack((u, v)).astype(np.float32) - _NEUTRAL
    red, green, blue = (_mix(hue, weights) for weights in (_RED, _GREEN, _BLUE))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    least = np.minimum(np.minimum(red, green), blue) + luma[::2, ::2]
    return Colour(
        contrast=float(luma.std(dtype=np.float32)),
        darkest=float(darkest),
        brightest=float(brightest),
        clipped_bright=float((least >= _CLIPPED_BRIGHT).mean()),
        clipped_dark=float(share[_CLIPPED_DARK - 1]),
        red_green=float(red_green.mean()),
        yellow_blue=float(yellow_blue.mean()),
        colour_spread=float(np.hypot(red_green.std(), yellow_blue.std())),
    )


def _mix(hue: _Plane, weights: tuple[float, float]) -> _Plane:
    return np.asarray(weights[0] * hue[0] + weights[1] * hue[1], np.float32)
