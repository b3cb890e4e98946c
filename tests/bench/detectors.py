"""Measuring a clip for its defects, beside the bare decode, alone and in the pass that reads the SlowFast frames.

Processor seconds, sides in turn, medians. With QSAVE_REAL_CLIPS the real clips in that folder are measured too.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from qsave.detectors.measure import measure_and_read, measure_clip
from qsave.detectors.propose import propose
from qsave.frames.container import read_shown_frames
from qsave.frames.slowfast import FrameConfig, read
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.bench.frames import ROUNDS, bench_clip, measure_processor_seconds
from tests.bench.measures import line


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds for one clip."""

    frames: int
    bare: float
    slowfast: float
    detectors: float
    both: float


def detectors(folder: Path) -> Iterator[str]:
    """Yield the ratios for a made clip, then for the real ones."""
    made = bench_clip(folder)
    yield describe("detectors, a made clip of 832 x 480", [measure_cost(made)])
    yield line("a proposal from its readings", f"{1000 * _time_proposal(made):.1f} ms")
    if real := os.environ.get("QSAVE_REAL_CLIPS"):
        clips = sorted(Path(real).rglob("*.mp4"))
        yield describe(f"detectors, {len(clips)} real clips", [measure_cost(clip) for clip in clips])


def describe(what: str, costs: Sequence[Cost]) -> str:
    """Return one line: medians over clips of milliseconds and of ratios to the bare decode."""
    frames = round(median(cost.frames for cost in costs))
    bare = 1000 * median(cost.bare for cost in costs)
    slowfast, alone, both = (
        median(getattr(cost, side) / cost.bare for cost in costs) for side in ("slowfast", "detectors", "both")
    )
    return line(
        what,
        f"bare decode {bare:.0f} ms ({frames} frames); SlowFast {slowfast:.2f}x, detectors {alone:.2f}x, "
        f"both in one decode {both:.2f}x",
    )


def measure_cost(clip: Path) -> Cost:
    """Measure all sides in turn."""
    config = FrameConfig()
    sides = (
        lambda: sum(1 for _ in read_shown_frames(clip)),
        lambda: read(clip, config),
        lambda: measure_clip(clip),
        lambda: measure_and_read(clip, config),
    )
    rounds = [[measure_processor_seconds(side) for side in sides] for _ in range(ROUNDS)]
    return Cost(sum(1 for _ in read_shown_frames(clip)), *(median(taken) for taken in zip(*rounds, strict=True)))


def _time_proposal(clip: Path) -> float:
    readings = measure_clip(clip)
    return median(measure_processor_seconds(lambda: propose(readings, DEFAULT_TAXONOMY)) for _ in range(ROUNDS))
