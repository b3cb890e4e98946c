"""Measure the change from frame to frame: differences, and the shift of the whole picture."""

import numpy as np
import numpy.typing as npt

from qsave.detectors.detail import average_tiles

CHANGE_TILES = 8
FLASH_SECONDS = 0.25
Luma = npt.NDArray[np.float32]

MOTION_FIELDS = ("luma", "change", "local_change", "two_frame_change", "shift_x", "shift_y", "shift_trust")
"""What is measured of each small picture; `Readings` says what each is."""


class MotionMeter:
    """Compares each picture with the one and the two before. Many pictures at a time cost less."""

    def __init__(self) -> None:
        self._last: Luma | None = None

    def measure(self, pictures: Luma) -> Luma:
        """Measure the next pictures, shape (n, h, w); return the MOTION_FIELDS of each, (n, fields)."""
        last = self._last if self._last is not None else pictures[:0]
        row = np.concatenate((last, pictures))
        self._last = row[-2:]
        motion = np.zeros((len(row), len(MOTION_FIELDS)), np.float32)
        differences = np.abs(row[1:] - row[:-1])
        motion[:, 0] = row.mean((1, 2))
        motion[1:, 1] = differences.mean((1, 2))
        motion[1:, 2] = average_tiles(differences, CHANGE_TILES).max((1, 2))
        motion[2:, 3] = np.abs(row[2:] - row[:-2]).mean((1, 2))
        motion[1:, 4:] = _measure_shifts(row)
        return motion[len(last) :]


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


def _measure_shifts(row: Luma) -> Luma:
    """Return the shift of each picture but the first, to the right and down as shares of the sides, and the height of
    the peak, shape (n - 1, 3); by phase correlation (Kuglin and Hines 1975)."""
    height, width = row.shape[1:]
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    spectra = np.fft.rfft2((row - row.mean((1, 2), keepdims=True)) * window)
    cross = spectra[1:] * spectra[:-1].conj()
    surfaces = np.fft.irfft2(cross / (np.abs(cross) + 1e-3), s=(height, width))
    return np.asarray([_read_peak(surface) for surface in surfaces], np.float32).reshape(-1, 3)


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
