"""Find motion that advances in uneven steps: long and short ones in turn, or a stop of one frame again and again."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qsave.detectors.findings import Finding, make_finding, merge_findings
from qsave.detectors.ranges import Mask, Run, find_runs
from qsave.detectors.readings import Readings
from qsave.detectors.thresholds import (
    HELD_SHARE,
    JITTER_CHANGE,
    JITTER_RATIO,
    JITTER_SECONDS,
    JITTER_STEPS,
    JITTER_STOPS,
)


class _Steps(NamedTuple):
    """The changes from frame to frame but the first and the last, beside the lesser and the greater neighbour."""

    change: npt.NDArray[np.float64]
    lesser: npt.NDArray[np.float64]
    greater: npt.NDArray[np.float64]


def find_jitter(readings: Readings) -> Finding | None:
    """Find uneven steps. Clips of more than 25 frames a second are left out: there the eye averages two steps."""
    if len(readings.times) < 4 or 2 * readings.frame_seconds < JITTER_SECONDS.value - 1e-6:
        return None
    steps = _list_steps(readings)
    uneven, stops = _find_uneven_runs(steps), _find_stops(steps)
    ratio = max((_compare_steps(steps, run) for run in uneven), default=0.0)
    turns = make_finding(
        "jitter",
        readings,
        uneven,
        f"the motion goes in long and short steps in turn: every second frame changes the picture {ratio:.1f} times as "
        f"much as those between (uneven from {JITTER_RATIO.value:g} times on, {JITTER_STEPS.value:g} steps in a row)",
    )
    pauses = make_finding(
        "jitter",
        readings,
        stops,
        f"the motion stops for one frame and resumes, {len(stops)} times (a step below {HELD_SHARE.value:.0%} of "
        f"those before and after is a stop; jitter from {JITTER_STOPS.value:g} on)",
    )
    return merge_findings(turns, pauses)


def _list_steps(readings: Readings) -> _Steps:
    """Return the change of each step as if each frame were shown equally long, shape (frames - 3,)."""
    change = readings.change[1:] * readings.frame_seconds / np.diff(readings.times)
    return _Steps(change[1:-1], np.minimum(change[:-2], change[2:]), np.maximum(change[:-2], change[2:]))


def _find_uneven_runs(steps: _Steps) -> list[Run]:
    """Return the frames of each run of steps that are in turn longer and shorter than both neighbours."""
    change, lesser, greater = steps
    is_long = _is_longer(change, greater) & (change >= JITTER_CHANGE.value) & (lesser > HELD_SHARE.value * change)
    is_short = _is_longer(lesser, change) & (lesser >= JITTER_CHANGE.value) & (change > HELD_SHARE.value * greater)
    return [_cover_frames(run) for run in find_runs(is_long | is_short) if run.stop - run.start >= JITTER_STEPS.value]


def _is_longer(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> Mask:
    return np.asarray(one >= JITTER_RATIO.value * other)


def _find_stops(steps: _Steps) -> list[Run]:
    """Return the two frames of each stop, if there are enough. Pictures that are all held twice move evenly."""
    change, lesser, _ = steps
    stops = np.flatnonzero((change < HELD_SHARE.value * lesser) & (lesser >= JITTER_CHANGE.value))
    gaps = np.diff(stops, prepend=-3, append=len(change) + 3)
    alone = stops[(gaps[:-1] > 2) & (gaps[1:] > 2)]
    return [_cover_frames(Run(int(stop), int(stop) + 1)) for stop in alone] if len(alone) >= JITTER_STOPS.value else []


def _cover_frames(run: Run) -> Run:
    """Return the frames between which the steps of a run lie: step i leads from frame i + 1 to frame i + 2."""
    return Run(run.start + 1, run.stop + 2)


def _compare_steps(steps: _Steps, frames: Run) -> float:
    """Return by how much the long steps of a run exceed the short ones, in the median."""
    change = np.sort(steps.change[frames.start - 1 : frames.stop - 2])
    half = len(change) // 2
    return float(np.median(change[half:]) / max(float(np.median(change[:half])), 1e-6))
