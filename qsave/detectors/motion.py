"""Measure the change from frame to frame: differences, and the shift of the whole picture."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qsave.detectors.detail import average_tiles

CHANGE_TILES = 8
SHIFT_SIDE = 96
"""Most pixels of the longer side of the picture whose shift is measured."""
FLASH_SECONDS = 0.25
Luma = npt.NDArray[np.float32]
_Spectrum = npt.NDArray[np.complexfloating]


class Motion(NamedTuple):
    """Readings of one frame; `Readings` says what each is."""

    change: float = 0.0
    local_change: float = 0.0
    two_frame_change: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    shift_trust: float = 0.0


class MotionMeter:
    """Compares each frame with the one and the two before."""

    def __init__(self) -> None:
        self._before: Luma | None = None
        self._two_before: Luma | None = None
        self._shift = _ShiftMeter()

    def measure(self, luma: Luma) -> Motion:
        """Measure the luma (h, w) of the next frame. A frame of another size begins anew."""
        if self._before is not None and self._before.shape != luma.shape:
            self._before, self._two_before, self._shift = None, None, _ShiftMeter()
        before, two_before = self._before, self._two_before
        self._before, self._two_before = luma, before
        shift_x, shift_y, trust = self._shift.measure(luma)
        if before is None:
            return Motion()
        difference = np.abs(luma - before)
        return Motion(
            change=float(difference.mean()),
            local_change=float(average_tiles(difference, CHANGE_TILES).max()),
            two_frame_change=float(np.abs(luma - two_before).mean()) if two_before is not None else 0.0,
            shift_x=shift_x,
            shift_y=shift_y,
            shift_trust=trust,
        )


def measure_flashes(tiles: npt.NDArray[np.uint8], times: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return by how much the most flashing tile differs from what it was shortly before and is shortly after.

    `tiles` are mean grey levels, shape (frames, tiles); the result has the shape (frames,).
    """
    levels = tiles - tiles.mean(1, dtype=np.float32, keepdims=True)
    gap = float(np.median(np.diff(times))) if len(times) > 1 else FLASH_SECONDS
    reach = max(1, round(FLASH_SECONDS / gap))
    return np.asarray(np.maximum(_rise(levels, reach), _rise(-levels, reach)), np.float32)


def _rise(levels: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float32]:
    """Return how far the tile that rises most is above its lowest level within `reach` frames on both sides."""
    before, after = levels.copy(), levels.copy()
    for lag in range(1, min(reach, len(levels) - 1) + 1):
        np.minimum(before[lag:], levels[:-lag], out=before[lag:])
        np.minimum(after[:-lag], levels[lag:], out=after[:-lag])
    return np.asarray((levels - np.maximum(before, after)).max(1), np.float32)


class _ShiftMeter:
    """Finds the shift between consecutive pictures by phase correlation (Kuglin and Hines 1975)."""

    def __init__(self) -> None:
        self._window: Luma | None = None
        self._before: _Spectrum | None = None

    def measure(self, luma: Luma) -> tuple[float, float, float]:
        """Return the shift to the right and down as shares of the sides, and the height of the peak."""
        step = -(-max(luma.shape) // SHIFT_SIDE)
        small = luma[::step, ::step]
        if self._window is None:
            self._window = np.asarray(np.outer(*(np.hanning(length) for length in small.shape)), np.float32)
        spectrum = np.fft.rfft2((small - small.mean()) * self._window)
        before, self._before = self._before, spectrum
        if before is None:
            return 0.0, 0.0, 0.0
        cross = spectrum * before.conj()
        surface = np.fft.irfft2(cross / (np.abs(cross) + 1e-3), s=small.shape)
        return _read_peak(np.asarray(surface, np.float32))


def _read_peak(surface: Luma) -> tuple[float, float, float]:
    height, width = surface.shape
    row, column = divmod(int(surface.argmax()), width)
    peak = float(surface[row, column])
    across = _refine(surface[row, (column - 1) % width], peak, surface[row, (column + 1) % width])
    down = _refine(surface[(row - 1) % height, column], peak, surface[(row + 1) % height, column])
    return _wrap((column + across) / width), _wrap((row + down) / height), min(1.0, max(0.0, peak))


def _refine(before: float, peak: float, after: float) -> float:
    """Return where a parabola through three neighbouring values has its top, -0.5 to 0.5 from the middle."""
    bend = before - 2 * peak + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _wrap(share: float) -> float:
    return share - 1 if share > 0.5 else share
