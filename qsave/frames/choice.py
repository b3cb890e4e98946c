"""The choice of fast and slow frames, made while the frames of a clip are decoded.

Memory does not grow with the length of the clip. A fast frame is chosen as soon as the next frame is decoded. For slow
frames the clip is divided into cells, QUARTERS to each even spacing. The frame of a cell with the most change energy is
its candidate, and the choice among the candidates is made at the end.
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
    """Why a frame was chosen as a slow one."""

    START = "start"
    """It has the most change energy near the start, where no other frame was chosen."""
    END = "end"
    """It has the most change energy near the end, where no other frame was chosen."""
    ENERGY = "energy"
    """It is among the frames with the most change energy in the whole clip."""


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

    def take(self, seen: Seen) -> Seen | None:
        """Take the next frame. Return the previous frame if it was on screen at one of the moments."""
        left = len(self._moments)
        while self._moments and self._moments[0] + _TICK < seen.time:
            self._moments.pop(0)
        before, self._before = self._before, seen
        return before if len(self._moments) < left else None

    def end(self) -> Seen | None:
        """Return the last frame if a moment is left for it."""
        return self._before if self._moments else None


@dataclass(frozen=True, slots=True, eq=False)
class Candidate(Generic[Picture]):
    """The frame of a cell with the most change energy so far, as a scaled picture."""

    time: float
    energy: float
    picture: Picture


class SlowChoice(Generic[Picture]):
    """The candidates: of every cell the frame with the most change energy. `scale` makes the picture that is stored of
    it, because full frames would take hundreds of megabytes."""

    def __init__(self, last: float, count: int, min_distance: float, scale: Callable[[VideoFrame], Picture]) -> None:
        self._last, self._count, self._min_distance = last, count, min_distance
        self._scale = scale
        self._cells: dict[int, Candidate[Picture]] = {}

    def take(self, seen: Seen) -> None:
        if self._count:
            cells = self._count * QUARTERS
            cell = min(int(seen.time / self._last * cells), cells - 1) if self._last else 0
            best = self._cells.get(cell)
            if best is None or seen.energy > best.energy:
                self._cells[cell] = Candidate(seen.time, seen.energy, self._scale(seen.frame))

    def end(self) -> list[tuple[Candidate[Picture], Why]]:
        """Return the slow frames in the order of their times."""
        candidates = [self._cells[cell] for cell in sorted(self._cells)]
        times, energy = [each.time for each in candidates], [each.energy for each in candidates]
        picked = pick_slow(times, energy, self._last, self._count, self._min_distance)
        return [(candidates[index], why) for index, why in picked.items()]


def pick_slow(
    times: Sequence[float], energy: Sequence[float], last: float, count: int, min_distance: float
) -> dict[int, Why]:
    """Return the indices of up to `count` frames of high energy, at least `min_distance` of an even spacing apart.

    Each comes with the reason for its choice. All but two are the frames with the most energy. Then the first and the
    last half spacing each get one, if no chosen frame is in it and a frame there keeps the distance. The rest are the
    frames with the next most energy. (With a count of one or two there are no such anchors.) Of equal frames the
    earlier one is chosen.
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
