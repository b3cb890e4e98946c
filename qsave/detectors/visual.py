"""Detectors of visual defects: each turns readings into runs of frames and a sentence, or finds nothing."""

from collections.abc import Callable

import numpy as np

from qsave.detectors.findings import Finding, make_finding
from qsave.detectors.ranges import Mask, Run, find_long_runs, measure_seconds
from qsave.detectors.readings import Readings
from qsave.detectors.thresholds import (
    BANDING_CONTRAST,
    BANDING_FLAT,
    BLOCK_GRID,
    BLOCK_SECONDS,
    BLUR_CONTRAST,
    BLUR_STEEPNESS,
    BRIGHT_CLIPPED,
    CAST_COLOUR,
    CAST_STRENGTH,
    DARK_BRIGHTEST,
    FADE_SECONDS,
    NOISE_LEVEL,
    VISUAL_SECONDS,
)


def find_blur(readings: Readings) -> Finding | None:
    mask = (readings.steepness < BLUR_STEEPNESS.value) & (readings.contrast >= BLUR_CONTRAST.value)
    lowest = readings.steepness[mask].min(initial=1.0)
    return _report(
        "blur",
        readings,
        mask,
        f"no edge is steep: at best {lowest:.0%} of an edge's height falls within one pixel of a 960 pixel wide "
        f"picture (blurred below {BLUR_STEEPNESS.value:.0%})",
    )


def find_noise(readings: Readings) -> Finding | None:
    mask = readings.noise > NOISE_LEVEL.value
    highest = readings.noise[mask].max(initial=0.0)
    return _report(
        "noise",
        readings,
        mask,
        f"the noise in the smoother parts is up to {highest:.1f} grey levels (noisy above {NOISE_LEVEL.value:g})",
    )


def find_blockiness(readings: Readings) -> Finding | None:
    mask = readings.blockiness > BLOCK_GRID.value
    highest = readings.blockiness[mask].max(initial=0.0)
    return make_finding(
        "blockiness",
        readings,
        find_long_runs(readings, mask, BLOCK_SECONDS.value),
        f"the picture changes on the lines of a square grid up to {highest:.1f} times as much as elsewhere "
        f"(blocky above {BLOCK_GRID.value:g})",
    )


def find_banding(readings: Readings) -> Finding | None:
    mask = (readings.flat_levels > BANDING_FLAT.value) & (readings.contrast >= BANDING_CONTRAST.value)
    highest = readings.flat_levels[mask].max(initial=0.0)
    return _report(
        "banding",
        readings,
        mask,
        f"{highest:.0%} of the picture has only eight tones (banded above {BANDING_FLAT.value:.0%})",
    )


def find_over_exposure(readings: Readings) -> Finding | None:
    mask = readings.clipped_bright > BRIGHT_CLIPPED.value
    highest = readings.clipped_bright[mask].max(initial=0.0)
    return _report(
        "over-exposed",
        readings,
        mask,
        f"{highest:.0%} of the picture is white without detail (over-exposed above {BRIGHT_CLIPPED.value:.0%})",
    )


def find_under_exposure(readings: Readings) -> Finding | None:
    # The mean is known of every frame: in a flicker, all frames of which more is measured may be dark ones.
    mask = (readings.brightest < DARK_BRIGHTEST.value) & (readings.luma < DARK_BRIGHTEST.value)
    runs = [
        run
        for run in find_long_runs(readings, mask, VISUAL_SECONDS.value)
        if not _is_fade(readings, run) and readings.brightest[run.start : run.stop].max() > 0
    ]
    lowest = min((float(readings.brightest[run.start : run.stop].min()) for run in runs), default=0.0)
    return make_finding(
        "under-exposed",
        readings,
        runs,
        f"99 % of the picture is darker than grey level {lowest:.0f} of 255 (under-exposed below "
        f"{DARK_BRIGHTEST.value:g})",
    )


def find_colour_cast(readings: Readings) -> Finding | None:
    colour = np.hypot(readings.red_green, readings.yellow_blue)
    strength = colour / np.maximum(readings.colour_spread, 1)
    mask = (strength > CAST_STRENGTH.value) & (colour > CAST_COLOUR.value)
    return _report(
        "colour-cast",
        readings,
        mask,
        f"the mean colour is {colour[mask].max(initial=0.0):.0f} levels from grey, more than colours differ among "
        f"themselves (a cast above {CAST_STRENGTH.value:g} times their spread)",
    )


VISUAL_DETECTORS: dict[str, Callable[[Readings], Finding | None]] = {
    "blur": find_blur,
    "noise": find_noise,
    "blockiness": find_blockiness,
    "banding": find_banding,
    "over-exposed": find_over_exposure,
    "under-exposed": find_under_exposure,
    "colour-cast": find_colour_cast,
}


def _report(defect: str, readings: Readings, mask: Mask, measured: str) -> Finding | None:
    return make_finding(defect, readings, find_long_runs(readings, mask, VISUAL_SECONDS.value), measured)


def _is_fade(readings: Readings, run: Run) -> bool:
    touches_one_end = (run.start == 0) != (run.stop == len(readings.times))
    return touches_one_end and measure_seconds(readings, run) <= FADE_SECONDS.value
