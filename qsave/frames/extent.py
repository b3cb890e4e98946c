"""The length of a clip and its number of frames, counted from its packets without decoding.

Headers are not trusted. A clip beyond the limits is refused while its packets are counted, so a clip of ten hours is
refused as fast as one of eleven minutes.
"""

from dataclasses import dataclass

from av.container import InputContainer
from av.video.stream import VideoStream

from qsave.frames.container import MAX_FRAMES, MAX_SECONDS, TIME_DIGITS, MediaError, compute_frame_gap

MAX_PIXELS_IN_ALL = 100 * 10**9
"""Most pixels of all frames: ten minutes of 1080p at 60 frames a second. Without it a small file could need days."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Seconds count from the first frame shown."""

    last: float
    """When the last frame appears."""
    duration: float
    """When it disappears."""
    frames: int
    """How many frames are shown."""


def measure(container: InputContainer, stream: VideoStream) -> Extent:
    """Count the packets of an open clip. Raises MediaError if it is cut off, empty or beyond the limits."""
    pixels = stream.codec_context.width * stream.codec_context.height
    gap, tick = compute_frame_gap(stream), float(stream.time_base or 0)
    first, last, end, stored, shown_count = float("inf"), float("-inf"), float("-inf"), 0, 0
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise MediaError("The file is corrupt or cut off: its last frames are incomplete.")
        stored += 1
        if stored > MAX_FRAMES:
            raise MediaError(f"The video has more than {MAX_FRAMES} frames; that is the most that is taken.")
        if stored * pixels > MAX_PIXELS_IN_ALL:
            raise MediaError(
                f"The frames have more than {MAX_PIXELS_IN_ALL // 10**9} billion pixels in all; "
                "that is the most that is taken."
            )
        if packet.is_discard:
            continue
        stamp = packet.pts if packet.pts is not None else packet.dts
        start = stamp * tick if stamp is not None else max(end, 0.0)
        first, last, shown_count = min(first, start), max(last, start), shown_count + 1
        end = max(end, start + (packet.duration * tick if packet.duration else gap))
        if end - first > MAX_SECONDS:
            raise MediaError(f"The video lasts more than {MAX_SECONDS:.0f} s; that is the most that is taken.")
    if container.format.name == "mov" and stored < stream.frames:  # AVI counts pauses as frames
        raise MediaError(f"The file is cut off: its header promises {stream.frames} frames, {stored} are there.")
    if not shown_count:
        raise MediaError("There is no frame in the video.")
    return Extent(round(last - first, TIME_DIGITS), round(end - first, TIME_DIGITS), shown_count)
