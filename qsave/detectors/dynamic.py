"""Detectors of dynamic defects: each turns readings into runs of frames and a sentence, or finds nothing."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from qsave.detectors.findings import Finding, make_finding, merge_findings
from qsave.detectors.ranges import Mask, Run, find_runs, measure_seconds
from qsave.detectors.readings import Readings
from qsave.detectors.thresholds import (
    FLASH_STEP,
    FLICKER_PAIRS,
    FLICKER_STEP,
    FROZEN_CHANGE,
    FROZEN_LOCAL,
    FROZEN_SECONDS,
    GLITCH_CHANGE,
    GLITCH_RETURN,
    GLITCH_SPIKE,
    POP_FLASH,
    SHAKE_SECONDS,
    SHAKE_TRUST,
    SHAKE_UNEVENNESS,
    STILL_CHANGE,
    STILL_SECONDS,
    STILL_SHARE,
)

_REFERENCE_RATE = 16.0  # frames a second, at which STILL_CHANGE was chosen
_ALMOST_ALL = 0.9


def find_freeze(readings: Readings) -> Finding | None:
    runs = _find_frozen_runs(readings)
    if sum(measure_seconds(readings, run) for run in runs) > STILL_SHARE.value * readings.duration:
        return None
    largest = max((float(readings.change[run.start + 1 : run.stop].max()) for run in runs), default=0.0)
    return make_finding(
        "frozen",
        readings,
        runs,
        f"these frames are the same: they differ by {largest:.2f} grey levels or less (the same below "
        f"{FROZEN_CHANGE.value:g}; frozen from {FROZEN_SECONDS.value:g} s on)",
    )


def find_little_motion(readings: Readings) -> Finding | None:
    if readings.duration < STILL_SECONDS.value or len(readings.times) < 2:
        return None
    at_reference_rate = readings.local_change[1:] / (readings.frame_seconds * _REFERENCE_RATE)
    change = float(np.quantile(at_reference_rate, _ALMOST_ALL))
    runs = [Run(0, len(readings.times))] if change < STILL_CHANGE.value else []
    return make_finding(
        "too-little-motion",
        readings,
        runs,
        f"the part of the picture that changes most changes by {change:.1f} grey levels or less in nine of ten frames, "
        f"taken at 16 frames a second (too little below {STILL_CHANGE.value:g})",
    )


def find_flicker(readings: Readings) -> Finding | None:
    steps = np.diff(readings.luma)
    flashes = _find_pairs(steps, FLASH_STEP.value)
    weak = _find_pairs(steps, FLICKER_STEP.value)
    for run in _find_shaken_runs(readings)[0]:  # a picture that shifts changes its brightness a little
        weak[run.start : run.stop] = False
    repeated = np.zeros_like(weak)
    for run in find_runs(weak):
        repeated[run.start : run.stop] = run.stop - run.start >= FLICKER_PAIRS.value
    mask = _cover_frames(flashes | repeated)[: len(readings.times)]
    largest = float(np.abs(steps[mask[1:]]).max(initial=0.0))
    return make_finding(
        "flicker",
        readings,
        find_runs(mask),
        f"the brightness goes up and down by up to {largest:.0f} grey levels from frame to frame (flicker from "
        f"{FLASH_STEP.value:g} on, or {FLICKER_PAIRS.value:g} times in a row from {FLICKER_STEP.value:g} on)",
    )


def find_shake(readings: Readings) -> Finding | None:
    runs, largest = _find_shaken_runs(readings)
    return make_finding(
        "camera-shake",
        readings,
        runs,
        f"the whole picture shifts unevenly: in three of four frames by {largest:.1%} of its size more or less than "
        f"in the frames before and after (shaken above {SHAKE_UNEVENNESS.value:.0%} for {SHAKE_SECONDS.value:g} s)",
    )


def find_pops(readings: Readings) -> Finding | None:
    """Find single foreign frames, and things that appear or vanish for a moment."""
    glitches = _find_glitches(readings)
    largest_change = max((float(readings.change[run.start]) for run in glitches), default=0.0)
    glitch = make_finding(
        "pops-in-or-out",
        readings,
        glitches,
        f"a single frame differs from both its neighbours by {largest_change:.0f} grey levels, while they resemble "
        f"each other (foreign above {GLITCH_CHANGE.value:g} and {GLITCH_SPIKE.value:g} times the usual change, if they "
        f"differ by less than {GLITCH_RETURN.value:.0%} of it)",
    )
    shaken, _ = _find_shaken_runs(readings)  # a shift brightens and darkens parts of the picture too
    flashes = [run for run in _find_flashes(readings) if run not in glitches and not _overlaps(run, shaken)]
    largest_flash = max((float(readings.flash[run.start : run.stop].max()) for run in flashes), default=0.0)
    flash = make_finding(
        "pops-in-or-out",
        readings,
        flashes,
        f"a part of the picture gets {largest_flash:.0f} grey levels brighter or darker than the rest and goes back "
        f"within a quarter of a second (something pops in or out above {POP_FLASH.value:g})",
    )
    return merge_findings(glitch, flash)


DYNAMIC_DETECTORS: dict[str, Callable[[Readings], Finding | None]] = {
    "frozen": find_freeze,
    "flicker": find_flicker,
    "pops-in-or-out": find_pops,
    "too-little-motion": find_little_motion,
    "camera-shake": find_shake,
}


def _find_flashes(readings: Readings) -> list[Run]:
    """Return the frames around each flash above the limit in which at least half of the limit is reached."""
    runs = find_runs(readings.flash > POP_FLASH.value / 2)
    return [run for run in runs if readings.flash[run.start : run.stop].max() > POP_FLASH.value]


def _find_glitches(readings: Readings) -> list[Run]:
    """Return the single frames that differ from both neighbours, which resemble each other; no flashes of light."""
    if len(readings.times) < 3:
        return []
    leap = np.minimum(readings.change[1:-1], readings.change[2:])
    least = max(GLITCH_CHANGE.value, GLITCH_SPIKE.value * float(np.median(readings.change[1:])))
    is_alone = (leap > least) & (readings.two_frame_change[2:] < GLITCH_RETURN.value * leap)
    is_light = _find_pairs(np.diff(readings.luma), FLASH_STEP.value)
    runs = find_runs(np.concatenate(([False], is_alone & ~is_light, [False])))
    return [run for run in runs if run.stop - run.start == 1]


def _find_shaken_runs(readings: Readings) -> tuple[list[Run], float]:
    """Return the runs in which the picture shifts unevenly, and the largest unevenness that lasts."""
    moved = np.flatnonzero(readings.change >= FROZEN_CHANGE.value)  # a held frame does not interrupt a pan
    uneven = np.hypot(_measure_unevenness(readings.shift_x[moved]), _measure_unevenness(readings.shift_y[moved]))
    reach = max(3, round(SHAKE_SECONDS.value / max(readings.frame_seconds, 1e-6)))
    if len(uneven) < reach:
        return [], 0.0
    steady, trust = (_slide_quartile(values, reach) for values in (uneven, readings.shift_trust[moved]))
    mask = (steady > SHAKE_UNEVENNESS.value) & (trust > SHAKE_TRUST.value)
    runs = [Run(int(moved[run.start]), int(moved[run.stop + reach - 2]) + 1) for run in find_runs(mask)]
    return _join(runs), float(steady[mask].max(initial=0.0))


def _overlaps(run: Run, others: list[Run]) -> bool:
    return any(run.start < other.stop and other.start < run.stop for other in others)


def _find_frozen_runs(readings: Readings) -> list[Run]:
    same = (readings.change < FROZEN_CHANGE.value) & (readings.local_change < FROZEN_LOCAL.value)
    same[0] = False
    runs = [Run(run.start - 1, run.stop) for run in find_runs(same)]
    return [run for run in runs if measure_seconds(readings, run) >= FROZEN_SECONDS.value - 1e-6]


def _find_pairs(steps: npt.NDArray[np.float32], least: float) -> Mask:
    """Return for each pair of consecutive steps, shape (frames - 2,), whether they oppose and both are large."""
    first, second = steps[:-1], steps[1:]
    return np.asarray((first * second < 0) & (np.minimum(np.abs(first), np.abs(second)) >= least))


def _cover_frames(pairs: Mask) -> Mask:
    """Return the frames that the pairs of steps concern: pair i concerns frames i + 1 and i + 2."""
    frames = np.zeros(len(pairs) + 2, bool)
    frames[1:-1] |= pairs
    frames[2:] |= pairs
    return frames


def _measure_unevenness(shift: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return how far each shift is from the mean of its neighbours, shape (frames,); 0 at both ends."""
    uneven = np.zeros_like(shift)
    if len(shift) > 2:
        uneven[1:-1] = np.abs(shift[1:-1] - (shift[:-2] + shift[2:]) / 2)
    return uneven


def _slide_quartile(values: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float32]:
    """Return the lower quartile of each window of `reach` values, shape (values - reach + 1,)."""
    windows = np.lib.stride_tricks.sliding_window_view(values, reach)
    return np.asarray(np.quantile(windows, 0.25, axis=1), np.float32)


def _join(runs: list[Run]) -> list[Run]:
    """Join runs that overlap."""
    joined: list[Run] = []
    for run in runs:
        if joined and run.start <= joined[-1].stop:
            joined[-1] = Run(joined[-1].start, run.stop)
        else:
            joined.append(run)
    return joined
