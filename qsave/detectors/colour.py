"""Measure exposure and colour of one small picture."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qsave.detectors.pictures import Pixels

Luma = npt.NDArray[np.float32]

_LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue (ITU-R BT.601)
_RED_GREEN = (1.0, -1.0, 0.0)
_YELLOW_BLUE = (0.5, 0.5, -1.0)
_DIFFERENCES = np.asarray([_RED_GREEN, _YELLOW_BLUE], np.float32)
_CLIPPED_BRIGHT = 250
_CLIPPED_DARK = 8


class Colour(NamedTuple):
    """Readings of one frame; `Readings` says what each is."""

    luma: float
    contrast: float
    darkest: float
    brightest: float
    clipped_bright: float
    clipped_dark: float
    red_green: float
    yellow_blue: float
    colour_spread: float


def split_planes(picture: Pixels) -> Luma:
    """Return the planes of an RGB picture (h, w, 3), (3, h, w)."""
    return np.ascontiguousarray(np.moveaxis(picture, 2, 0), np.float32)


def compute_luma(planes: Luma) -> Luma:
    """Return the luma of RGB planes (3, h, w) in grey levels, (h, w)."""
    return np.asarray(np.tensordot(np.asarray(_LUMA, np.float32), planes, 1), np.float32)


def measure_colour(planes: Luma, luma: Luma) -> Colour:
    """Measure RGB planes (3, h, w) and their luma (h, w)."""
    red_green, yellow_blue = _DIFFERENCES @ planes.reshape(3, -1)
    share = _accumulate(luma)
    darkest, brightest = np.searchsorted(share, (0.01, 0.99))
    return Colour(
        luma=float(luma.mean()),
        contrast=_measure_spread(luma.ravel()),
        darkest=float(darkest),
        brightest=float(brightest),
        clipped_bright=float((planes.min(0) >= _CLIPPED_BRIGHT).mean()),
        clipped_dark=float(share[_CLIPPED_DARK - 1]),
        red_green=float(red_green.mean()),
        yellow_blue=float(yellow_blue.mean()),
        colour_spread=float(np.hypot(_measure_spread(red_green), _measure_spread(yellow_blue))),
    )


def _measure_spread(values: Luma) -> float:
    """Return the standard deviation of a vector."""
    centred = values - values.mean()
    return float(np.sqrt(centred @ centred / len(values)))


def _accumulate(luma: Luma) -> npt.NDArray[np.float64]:
    """Return the share of pixels up to each grey level, (256,)."""
    counts = np.bincount(luma.astype(np.uint8).ravel(), minlength=256)
    return np.asarray(np.cumsum(counts) / luma.size, np.float64)
