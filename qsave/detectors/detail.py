"""Measure the fine detail of one frame at full size: sharpness, noise, the grid of blocks, and grey levels.

Only every few rows and columns are measured, so the cost of a frame hardly grows with its size.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qsave.detectors.pictures import Pixels

Floats = npt.NDArray[np.floating]
Grey = npt.NDArray[np.int16]

SAMPLED_PIXELS = 25_000
"""About how many pixels are measured, in evenly spaced rows, and again in evenly spaced columns."""
_LEAST_SAMPLED = 16
"""Rows and columns, however many pixels they have."""
TILES = 4
"""Tiles to a side for the least sharp tile and the noise."""
BLOCK_SIDES = range(4, 17)
"""Sides in pixels of the blocks of codecs (4, 8 and 16), and those between, which clips have that were enlarged."""
REFERENCE_SIDE = 960
"""Edges are measured in steps of one pixel of a picture of this size, so that a sharp clip may be stored enlarged."""
_LEAST_LINES = 6
_EDGE_REACH = 4
_STEEPEST_SHARE = 0.003
_SMOOTH_TILES = 0.25
_RARE = 0.001
_FREQUENT_BANDS = 8
_BAND = 3


class Detail(NamedTuple):
    """Readings of one frame; `Readings` says what each is."""

    sharpness: float
    least_sharp: float
    steepness: float
    noise: float
    levels: float
    flat_levels: float


def measure_detail(luma: Pixels) -> tuple[Detail, Floats]:
    """Measure luma of shape (height, width), both at least 16. Also return the share of each level, (256,)."""
    down, _ = _choose_spacing(luma)
    above, rows, below = (luma[start : luma.shape[0] - 2 + start : down].astype(np.int16) for start in range(3))
    curve = above + below - 2 * rows
    laplacian = np.abs(curve[:, 1:-1] + rows[:, :-2] + rows[:, 2:] - 2 * rows[:, 1:-1])
    sharp_tiles = average_tiles(laplacian, TILES)
    share = np.bincount(rows[:, ::2].ravel(), minlength=256) / rows[:, ::2].size
    detail = Detail(
        sharpness=float(sharp_tiles.mean()),
        least_sharp=float(sharp_tiles.min()),
        steepness=_measure_steepness(rows[::2]),
        noise=_estimate_noise(curve),
        levels=float((share >= _RARE).sum()),
        flat_levels=_sum_frequent(share),
    )
    return detail, share


def measure_blockiness(luma: Pixels) -> float:
    """Return how much stronger the changes are on the lines of the best fitting square grid than elsewhere, from 1 on.

    Luma has the shape (height, width), both at least 16.
    """
    down, across = _choose_spacing(luma)
    rows, columns = luma[::down].astype(np.int16), luma[:, ::across].astype(np.int16)
    changes = np.abs(np.diff(rows, axis=1)).mean(0, np.float32), np.abs(np.diff(columns, axis=0)).mean(1, np.float32)
    sides = [side for side in BLOCK_SIDES if side * _LEAST_LINES <= min(map(len, changes))]
    strongest = 1.0
    for side in sides:
        ratio = _compare_phases(changes[0], side)
        if ratio > strongest:  # else the columns cannot make it the best
            strongest = max(strongest, min(ratio, _compare_phases(changes[1], side)))
    return strongest


def _choose_spacing(luma: Pixels) -> tuple[int, int]:
    """Return every how many rows and columns are measured."""
    down, across = (max(1, min(luma.size // SAMPLED_PIXELS, length // _LEAST_SAMPLED)) for length in luma.shape)
    return down, across


def average_tiles(values: npt.NDArray[np.generic], tiles: int) -> Floats:
    """Return the means of `tiles` x `tiles` parts of equal size of pictures (.., h, w), shape (.., tiles, tiles); a
    remainder at the ends is left out."""
    down, across = (length // tiles for length in values.shape[-2:])
    cut = values[..., : tiles * down, : tiles * across]
    parts = cut.reshape(*values.shape[:-2], tiles, down, tiles, across)
    return np.asarray(parts.sum(-3, dtype=np.float32).sum(-1) / (down * across))  # one axis at a time: twice as fast


def _measure_steepness(rows: Grey) -> float:
    """Compare the largest changes over one step with those over four."""
    step = max(1, round(rows.shape[1] / REFERENCE_SIDE))
    reach = _EDGE_REACH * step
    near_top, far_top = (_find_top(np.abs(rows[:, gap:] - rows[:, :-gap])) for gap in (step, reach))
    return min(1.0, near_top / far_top) if far_top else 0.0


def _find_top(changes: Grey) -> float:
    """Return the mean of the largest changes, as a share _STEEPEST_SHARE of all."""
    count = max(1, round(_STEEPEST_SHARE * changes.size))
    return float(np.partition(changes, changes.size - count, axis=None)[-count:].mean())


def _estimate_noise(curve: Grey) -> float:
    """Estimate the noise as J. Immerkaer, "Fast Noise Variance Estimation" (1996), but in the smoother tiles only.

    `curve` is the second difference down the picture; the second difference of it across is his mask.
    """
    response = np.abs(curve[:, :-2] - 2 * curve[:, 1:-1] + curve[:, 2:])
    tiles = np.sort(average_tiles(response, TILES), axis=None)
    return float(np.sqrt(np.pi / 2) / 6 * tiles[: round(_SMOOTH_TILES * tiles.size)].mean())


def _compare_phases(profile: Floats, side: int) -> float:
    """Compare the strongest of `side` phases of a profile of changes with the mean of the others.

    The lower quartile over all lines of a phase tells a grid, whose lines are all strong, from the edges of things.
    """
    count = len(profile) // side
    phases = np.sort(profile[: count * side].reshape(count, side), axis=0)[count // 4]
    top = float(phases.max())
    rest = (float(phases.sum()) - top) / (side - 1)
    return (top + 1) / (rest + 1)


def _sum_frequent(share: Floats) -> float:
    bands = np.add.reduceat(share, np.arange(0, 256, _BAND))
    return float(np.sort(bands)[-_FREQUENT_BANDS:].sum())
