"""Measure exposure by the histogram of one frame's luma."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_CLIPPED_BRIGHT = 250
_CLIPPED_DARK = 8
_LIMITED = (16, 219)
"""The level of black, and the levels from black to white, of luma of limited range (ITU-R BT.601 and BT.709)."""


class Exposure(NamedTuple):
    """Readings of one frame; `Readings` says what each is."""

    contrast: float
    darkest: float
    brightest: float
    clipped_bright: float
    clipped_dark: float


def measure_exposure(share: npt.NDArray[np.floating], is_full_range: bool) -> Exposure:
    """Measure the share of pixels of each stored level, (256,). The readings are of full range."""
    black, span = (0, 255) if is_full_range else _LIMITED
    levels = np.clip((np.arange(256) - black) * 255 / span, 0, 255)
    darkest, brightest = levels[np.searchsorted(np.cumsum(share), (0.01, 0.99))]
    mean = float(share @ levels)
    return Exposure(
        contrast=float(np.sqrt(max(0.0, float(share @ levels**2) - mean**2))),
        darkest=float(darkest),
        brightest=float(brightest),
        clipped_bright=float(share[levels >= _CLIPPED_BRIGHT].sum()),
        clipped_dark=float(share[levels < _CLIPPED_DARK].sum()),
    )
