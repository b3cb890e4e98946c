"""Runs of frames, and how they are written as evidence and in words."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qsave.detectors.readings import Readings
from qsave.report_card import TimeRange

Mask = npt.NDArray[np.bool_]


class Run(NamedTuple):
    """Consecutive frames from index `start` up to, not including, `stop`."""

    start: int
    stop: int


def find_runs(mask: Mask) -> list[Run]:
    """Return the runs of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [Run(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def find_long_runs(readings: Readings, mask: Mask, seconds: float) -> list[Run]:
    """Return the runs that last at least `seconds`, or the whole clip if it is shorter."""
    least = min(seconds, readings.duration) - 1e-6
    return [run for run in find_runs(mask) if measure_seconds(readings, run) >= least]


def measure_seconds(readings: Readings, run: Run) -> float:
    """Return how long a run is shown."""
    return float(readings.ends[run.stop - 1] - readings.times[run.start])


def is_whole(readings: Readings, run: Run) -> bool:
    return run.start == 0 and run.stop == len(readings.times)


def locate(readings: Readings, run: Run) -> TimeRange | None:
    """Return the time range of a run, rounded to milliseconds; None for the whole clip."""
    if is_whole(readings, run):
        return None
    return TimeRange(round(float(readings.times[run.start]), 3), round(float(readings.ends[run.stop - 1]), 3))


def describe_run(readings: Readings, run: Run) -> str:
    """Return "Frames 12 to 30 (0.5-1.2 s)"; frames count from 1. The whole clip is "All frames"."""
    time = locate(readings, run)
    if time is None:
        return "All frames" if len(readings.times) > 1 else "The only frame"
    seconds = f"({time.start:.2f}-{time.end:.2f} s)"
    if run.stop - run.start == 1:
        return f"Frame {run.start + 1} {seconds}"
    return f"Frames {run.start + 1} to {run.stop} {seconds}"


def describe_runs(readings: Readings, runs: Iterable[Run]) -> str:
    """Return the runs in words, joined to the subject of a sentence."""
    first, *others = [describe_run(readings, run) for run in runs]
    names = [first, *(other[0].lower() + other[1:] for other in others)]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"
