"""The pictures, times and words that both the reference processors and the engine get."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qsave.frames.slowfast import Frames, Pixels

HERE = Path(__file__).parent
TOKENIZER = HERE / "tokenizer.json"
KINDS = {"qwen3_vl": 32, "qwen2_5_vl": 28}
"""Pixels a side of one vision token."""
SYSTEM = "You judge videos."
USER = "It was asked for: naïve foxes, 3 of them.\nSay what you see."


@dataclass(frozen=True, slots=True)
class Case:
    """A clip of `length` stored frames at `rate` a second; `fast` and `slow` are indices of stored frames."""

    rate: int
    length: int
    fast: tuple[int, ...]
    slow: tuple[int, ...] = ()

    def frames(self, unit: int) -> Frames:
        """Make pictures that are the same on every machine, because they are computed in whole numbers."""
        fast_times, slow_times = (
            [position / self.rate for position in positions] for positions in (self.fast, self.slow)
        )
        return Frames(
            fast=_pictures(self.fast, unit, 2 * unit),
            fast_times=tuple(fast_times),
            slow=_pictures(self.slow, 2 * unit, unit),
            slow_times=tuple(slow_times),
        )


CASES = {
    "even": Case(rate=16, length=16, fast=(0, 4, 8, 12), slow=(3, 10)),
    "odd": Case(rate=16, length=10, fast=(0, 2, 4, 6, 8)),
    "still": Case(rate=24, length=1, fast=(0,), slow=(0,)),
    "long": Case(rate=2, length=48, fast=(0, 8, 16, 24, 32, 40), slow=(13,)),
}


def _pictures(positions: tuple[int, ...], height: int, width: int) -> Pixels:
    """Make pictures (len(positions), height, width, 3): waves that differ by position, colour and frame."""
    position, down, across, colour = np.ogrid[: len(positions), :height, :width, :3]
    number = np.asarray(positions, int)[position]
    return np.asarray((9 * down * (colour + 1) + 4 * across + 29 * number) % 256, np.uint8)
