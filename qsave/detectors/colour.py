"""Measure exposure and colour of one small picture."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qsave.detectors.pictures import Pixels

Luma = npt.NDArray[np.float32]

_WEIGHTS = np.asarray([0.299, 0.587, 0.114], np.float32)
"""Of red, green and blue in luma (ITU-R BT.601)."""
_CLIPPED_BRIGHT = 250
_CLIPPED_DARK = 8


@dataclass(frozen=True, slots=True)
class Colour:
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


def compute_luma(picture: Pixels) -> Luma:
    """Return the luma of an RGB picture (h, w, 3) in grey levels, (h, w)."""
    return np.asarray(picture @ _WEIGHTS, np.float32)


def measure_colour(picture: Pixels, luma: Luma) -> Colour:
    """Measure an RGB picture (h, w, 3) and its luma (h, w)."""
    planes = picture.reshape(-1, 3).astype(np.int16)
    red, green, blue = planes[:, 0], planes[:, 1], planes[:, 2]
    red_green, yellow_blue = red - green, (red + green) // 2 - blue
    darkest, brightest = np.searchsorted(_accumulate(luma), (0.01, 0.99))
    return Colour(
        luma=float(luma.mean()),
        contrast=float(luma.std()),
        darkest=float(darkest),
        brightest=float(brightest),
        clipped_bright=float((picture.min(2) >= _CLIPPED_BRIGHT).mean()),
        clipped_dark=float((luma < _CLIPPED_DARK).mean()),
        red_green=float(red_green.mean()),
        yellow_blue=float(yellow_blue.mean()),
        colour_spread=float(np.hypot(red_green.std(), yellow_blue.std())),
    )


def _accumulate(luma: Luma) -> npt.NDArray[np.float64]:
    """Return the share of pixels up to each grey level, (256,)."""
    counts = np.bincount(luma.astype(np.uint8).ravel(), minlength=256)
    return np.asarray(np.cumsum(counts) / luma.size, np.float64)
