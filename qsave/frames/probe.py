"""What a clip is, read from its packets: nothing but the first frame is decoded."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from qsave.frames.container import MAX_FRAMES, MAX_SECONDS, MediaError, frame_gap, open_clip, shown_frames, turns


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """`width` and `height` are as shown (rotation applied); `duration` in seconds, from timestamps."""

    codec: str
    width: int
    height: int
    fps: Fraction | None
    """The average rate; None where the container names none."""
    duration: float
    frames: int
    has_audio: bool
    pixel_format: str
    bytes: int
    rotation: int
    """Counter-clockwise degrees the stored frame is turned by when shown: 0, 90, 180 or 270."""
    container: str
    """`mov` (MP4 too), `matroska` (WebM too), `avi` or `gif`."""


def probe(path: Path) -> MediaFacts:
    """The facts of a clip; raises MediaError, saying why, for whatever is not a whole, bounded video."""
    with open_clip(path) as (container, stream):
        duration, frames = _measure(container, stream)
        codec = stream.codec_context
        width, height, rate = codec.width, codec.height, stream.average_rate
        pixel_format, name = codec.pix_fmt or "unknown", codec.name
        has_audio, form = bool(container.streams.audio), container.format.name
    quarter_turns = _first_frame_turns(path)
    if quarter_turns % 2:
        width, height = height, width
    return MediaFacts(
        codec=name,
        width=width,
        height=height,
        fps=Fraction(rate) if rate else None,
        duration=duration,
        frames=frames,
        has_audio=has_audio,
        pixel_format=pixel_format,
        bytes=path.stat().st_size,
        rotation=quarter_turns * 90,
        container=form,
    )


def _measure(container: InputContainer, stream: VideoStream) -> tuple[float, int]:
    """Seconds from the first frame shown to the end of the last, and the number of frames shown."""
    gap = frame_gap(stream)
    first, end, stored, shown = float("inf"), float("-inf"), 0, 0
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise MediaError("corrupt or cut off: its last frames are incomplete")
        stored += 1
        if stored > MAX_FRAMES:
            raise MediaError(f"more than {MAX_FRAMES} frames; that is the most that is taken")
        if packet.is_discard:
            continue
        stamp = packet.pts if packet.pts is not None else packet.dts
        start = float(stamp * packet.time_base) if stamp is not None else max(end, 0.0)
        first, shown = min(first, start), shown + 1
        end = max(end, start + (float(packet.duration * packet.time_base) if packet.duration else gap))
    if container.format.name == "mov" and stored < stream.frames:  # AVI counts pauses as frames
        raise MediaError(f"cut off: its header promises {stream.frames} frames, {stored} are there")
    if not shown:
        raise MediaError("there is no frame in the video")
    if end - first > MAX_SECONDS:
        raise MediaError(f"it lasts {end - first:.0f} s; at most {MAX_SECONDS:.0f} s are taken")
    return round(end - first, 6), shown


def _first_frame_turns(path: Path) -> int:
    ((_, frame),) = islice(shown_frames(path), 1)
    return turns(frame)
