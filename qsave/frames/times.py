"""When the frames of a file are shown, read from its packets: nothing is decoded."""

from fractions import Fraction
from pathlib import Path

from qsave.frames.container import TIME_DIGITS, open_clip

MOST_TIMES = 5000
"""A list that a page can carry; a clip with more frames gets none, and is stepped through by its average rate."""


def shown_times(path: Path) -> tuple[float, ...]:
    """Seconds from the first shown frame for each frame of the video, strictly rising.

    Empty when there are more than MOST_TIMES frames, or when one carries no time. Raises MediaError.
    """
    stamps: set[Fraction] = set()
    with open_clip(path) as (container, stream):
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            if packet.pts is None or len(stamps) == MOST_TIMES:
                return ()
            stamps.add(packet.pts * packet.time_base)
    first = min(stamps, default=0)
    return tuple(round(float(stamp - first), TIME_DIGITS) for stamp in sorted(stamps))
