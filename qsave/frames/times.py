"""The times at which the frames of a file are shown, read from its packets without decoding."""

from fractions import Fraction
from pathlib import Path

from qsave.frames.container import TIME_DIGITS, open_clip

MOST_TIMES = 5000
"""The most times in a page; a clip with more frames gets none, and the player steps by its average rate."""


def read_shown_times(path: Path) -> tuple[float, ...]:
    """Return the seconds from the first shown frame to each frame of the video, strictly rising.

    Empty if there are more than MOST_TIMES frames, or if one has no time. Raises MediaError.
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
