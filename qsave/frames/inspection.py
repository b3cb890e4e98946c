"""Everything that an import needs to know of a clip, from one pass over its packets and one decode."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qsave.frames.container import TimedFrame, count_quarter_turns, decode_frames, open_clip, rewind
from qsave.frames.extent import measure
from qsave.frames.poster import PosterChoice
from qsave.frames.probe import MediaFacts, describe, turn
from qsave.frames.slowfast import FrameConfig, FrameTimes, choose_among


@dataclass(frozen=True, slots=True)
class Inspection:
    """The properties of a clip, and the times of its fast and slow frames."""

    facts: MediaFacts
    times: FrameTimes


def inspect(path: Path, config: FrameConfig, poster: Path) -> Inspection:
    """Return the properties and the SlowFast times of a clip, and write its poster. Raises MediaError.

    The results are those of `probe`, `choose` and `write_poster`, which decode the clip once each.
    """
    quarter_turns = 0
    with open_clip(path) as (container, stream):
        extent = measure(container, stream)
        facts = describe(path, container, stream, extent)
        rewind(container)
        choice = PosterChoice(extent.duration)

        def pass_frames() -> Iterator[TimedFrame]:
            nonlocal quarter_turns
            for number, (time, frame) in enumerate(decode_frames(container, stream)):
                if number == 0:
                    quarter_turns = count_quarter_turns(frame)
                choice.take(time, frame)
                yield time, frame

        times = choose_among(pass_frames(), extent.last, config)
        choice.write(poster)
    return Inspection(turn(facts, quarter_turns), times)
