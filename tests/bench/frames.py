"""Reading a clip with both pairs of eyes, beside the bare decode and beside decord.

decord is told the moments and only fetches their pixels; here they are found in the same pass. Processor seconds of
all threads, so that a busy machine changes little; sides in turn, medians.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from modelassist.toy.render import render_clip
from modelassist.toy.world import make_spec
from qsave.frames.container import read_shown_frames
from qsave.frames.slowfast import FrameConfig, Frames, read
from tests.bench.measures import line
from tests.bench.peers import PeerMissing, fetch_peer

DECORD = "decord==0.6.0"
ROUNDS = 7
_ROOT = Path(__file__).parents[2]


def frames(folder: Path) -> Iterator[str]:
    """The ratio to the bare decode, then decord."""
    clip, config = bench_clip(folder), FrameConfig()
    seen = read(clip, config)
    count = sum(1 for _ in read_shown_frames(clip))
    decord = _Decord(clip, seen, count)
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(measure_processor_seconds(lambda: sum(1 for _ in read_shown_frames(clip))))
        ours.append(measure_processor_seconds(lambda: read(clip, config)))
        decord.measure()
    mine = median(ours)
    yield line(
        f"frames, {count} of 832 x 480",
        f"bare decode {1000 * median(bare):.0f} ms, with SlowFast {1000 * mine:.0f} ms: {mine / median(bare):.2f}x",
    )
    yield line(f"the same {len(seen.fast) + len(seen.slow)} frames by {DECORD}, told which", decord.compare(mine))


def bench_clip(folder: Path) -> Path:
    """Five seconds in the size and rate of Wan's clips, with a camera that moves."""
    clip = folder / "bench.mp4"
    if not clip.exists():
        render_clip(replace(make_spec(0, 1), width=832, height=480, rate=16, frames=81, pan=0.08, faults=()), clip)
    return clip


def measure_processor_seconds(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


class _Decord:
    """decord's side of the comparison; a decord that cannot be had or does not run is asked once."""

    def __init__(self, clip: Path, seen: Frames, count: int) -> None:
        last = seen.fast_times[-1]
        wanted = [
            {"height": pixels.shape[1], "width": pixels.shape[2], "at": [round(t / last * (count - 1)) for t in times]}
            for pixels, times in ((seen.fast, seen.fast_times), (seen.slow, seen.slow_times))
        ]
        self._command: list[str | Path] = ["-m", "tests.bench.decord_side", clip, json.dumps(wanted)]
        self._seconds: list[float] = []
        self._why_not = ""

    def measure(self) -> None:
        if self._why_not:
            return
        try:
            self._seconds.append(float(fetch_peer(DECORD).run(self._command, cwd=_ROOT, env={})))
        except PeerMissing as reason:
            self._why_not = str(reason)

    def compare(self, ours: float) -> str:
        if self._why_not:
            return f"not measured: {self._why_not}"
        theirs = median(self._seconds)
        return f"{1000 * theirs:.0f} ms: {theirs / ours:.2f}x ours"
