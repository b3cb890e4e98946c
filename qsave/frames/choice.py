"""Which moments of a clip are looked at, decided while its frames go by.

Nothing here holds more frames as a clip grows longer. A fast moment is settled as soon as the next frame comes on
screen. For slow moments the clip is cut into cells, QUARTERS to each even spacing, and the liveliest frame of a cell
stands for it; the choice among them is made at the end.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np
from av import VideoFrame

from qsave.frames.container import TIME_DIGITS

QUARTERS = 4
Picture = TypeVar("Picture")
_TICK = 10.0**-TIME_DIGITS


class Why(StrEnum):
    """What made a frame a slow one."""

    START = "start"
    """The liveliest near the beginning, where nothing livelier had brought the eyes."""
    END = "end"
    """The liveliest near the end, likewise."""
    ENERGY = "energy"
    """Among the liveliest of the whole clip."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A decoded frame with its time in seconds and its change energy."""

    time: float
    energy: float
    frame: VideoFrame


class FastChoice:
    """The frames on screen at `count` even moments from the first frame to the last, without repeats."""

    def __init__(self, last: float, count: int) -> None:
        even = np.linspace(0, last, count).tolist()
        self._moments = [*even[:-1], math.inf] if count > 1 else [last / 2]
        self._before: Seen | None = None

    def see(self, seen: Seen) -> Seen | None:
        """Take the next frame; returns the one before it, if that was on screen at a moment."""
        waiting = len(self._moments)
        while self._moments and self._moments[0] + _TICK < seen.time:
            self._moments.pop(0)
        before, self._before = self._before, seen
        return before if len(self._moments) < waiting else None

    def end(self) -> Seen | None:
        """The last frame, if a moment is left for it."""
        return self._before if self._moments else None


@dataclass(frozen=True, slots=True, eq=False)
class Candidate(Generic[Picture]):
    """The liveliest frame of a cell so far, as the picture that is kept of it."""

    time: float
    energy: float
    picture: Picture


class SlowChoice(Generic[Picture]):
    """The liveliest frame of every cell, as candidates. `scale` makes the picture that is kept of one: a large frame
    itself takes hundreds of megabytes."""

    def __init__(self, last: float, count: int, min_distance: float, scale: Callable[[VideoFrame], Picture]) -> None:
        self._last, self._count, self._min_distance = last, count, min_distance
        self._scale = scale
        self._cells: dict[int, Candidate[Picture]] = {}

    def see(self, seen: Seen) -> None:
        if self._count:
            cells = self._count * QUARTERS
            cell = min(int(seen.time / self._last * cells), cells - 1) if self._last else 0
            best = self._cells.get(cell)
            if best is None or seen.energy > best.energy:
                self._cells[cell] = Candidate(seen.time, seen.energy, self._scale(seen.frame))

    def end(self) -> list[tuple[Candidate[Picture], Why]]:
        """The slow frames in the order of their times."""
        candidates = [self._cells[cell] for cell in sorted(self._cells)]
        times, energy = [each.time for each in candidates], [each.energy for each in candidates]
        picked = pick_slow(times, energy, self._last, self._count, self._min_distance)
        return [(candidates[index], why) for index, why in picked.items()]


def pick_slow(
    times: Sequence[float], energy: Sequence[float], last: float, count: int, min_distance: float
) -> dict[int, Why]:
    """Indices of up to `count` frames of high change energy, `min_distance` of an even spacing apart, and why.

    The liveliest frames come first, all but two. Then the first and the last half spacing get one each, where none of
    those lies in it and one there keeps its distance; what is left goes to the next liveliest. (With one or two to
    give there are no such anchors.) Ties go to the earlier frame.
    """
    spacing = last / max(count, 1)
    ranked = sorted(range(len(times)), key=lambda index: (-energy[index], index))
    picked: dict[int, Why] = {}

    def take(candidates: Iterable[int], limit: int, why: Why) -> None:
        for index in candidates:
            if len(picked) >= limit:
                return
            apart = min((abs(times[index] - times[other]) for other in picked), default=math.inf)
            if apart > 0 and apart >= spacing * min_distance:
                picked[index] = why

    anchors = {
        Why.START: [index for index in ranked if times[index] <= spacing / 2],
        Why.END: [index for index in ranked if last - times[index] <= spacing / 2],
    }
    if count > 2:
        take(ranked, count - 2, Why.ENERGY)
        for why, near in anchors.items():
            if not picked.keys() & near:
                take(near, len(picked) + 1, why)
    take(ranked, count, Why.ENERGY)
    return dict(sorted(picked.items()))
