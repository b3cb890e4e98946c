"""Measure the colour of one small picture."""

from typing import NamedTuple

import numpy as np

from qsave.detectors.pictures import Pixels

_NEUTRAL = 128
_RED_GREEN = (0.344, 2.116)
"""Red minus green by U and V of full range (ITU-R BT.601)."""
_YELLOW_BLUE = (-1.944, 0.344)


class Colour(NamedTuple):
    """Readings of one frame; `Readings` says what each is."""

    red_green: float
    yellow_blue: float
    colour_spread: float


def measure_colour(u: Pixels, v: Pixels) -> Colour:
    """Measure U and V, (h, w), full range."""
    hue = np.stack((u.ravel(), v.ravel())).astype(np.float32) - _NEUTRAL
    red_green, yellow_blue = np.asarray((_RED_GREEN, _YELLOW_BLUE), np.float32) @ hue
    return Colour(
        red_green=float(red_green.mean()),
        yellow_blue=float(yellow_blue.mean()),
        colour_spread=float(np.hypot(red_green.std(), yellow_blue.std())),
    )
