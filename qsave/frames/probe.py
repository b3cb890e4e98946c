"""The properties of a clip, read from its packets; only the first frame is decoded."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream

from qsave.frames.container import count_quarter_turns, find_sound_codec, open_clip, read_shown_frames
from qsave.frames.extent import Extent, measure


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """`width` and `height` are as shown (rotation applied); `duration` in seconds, from timestamps."""

    codec: str
    width: int
    height: int
    fps: Fraction | None
    """The average rate; None if the container states none."""
    duration: float
    frames: int
    has_audio: bool
    pixel_format: str
    bytes: int
    rotation: int
    """Counter-clockwise degrees the stored frame is turned by when shown: 0, 90, 180 or 270."""
    container: str
    """`mov` (MP4 too), `matroska` (WebM too), `avi` or `gif`."""
    sound: str = ""
    """The codec of its first audio stream; empty for a silent clip, `unknown` if FFmpeg has no decoder for it."""


def probe(path: Path) -> MediaFacts:
    """Return the properties of a clip. Raises MediaError unless it is a complete video within the limits."""
    with open_clip(path) as (container, stream):
        extent = measure(container, stream)
        facts = describe(path, container, stream, extent)
    return turn(facts, _count_first_frame_turns(path))


def describe(path: Path, container: InputContainer, stream: VideoStream, extent: Extent) -> MediaFacts:
    """Return the properties of an open clip as it is stored, before it is turned upright."""
    codec, rate = stream.codec_context, stream.average_rate
    return MediaFacts(
        codec=codec.name,
        width=codec.width,
        height=codec.height,
        fps=Fraction(rate) if rate else None,
        duration=extent.duration,
        frames=extent.frames,
        has_audio=bool(container.streams.audio),
        pixel_format=codec.pix_fmt or "unknown",
        bytes=path.stat().st_size,
        rotation=0,
        container=container.format.name,
        sound=find_sound_codec(container),
    )


def turn(facts: MediaFacts, quarter_turns: int) -> MediaFacts:
    """Return the properties as shown after counter-clockwise quarter turns."""
    width, height = (facts.height, facts.width) if quarter_turns % 2 else (facts.width, facts.height)
    return replace(facts, width=width, height=height, rotation=quarter_turns * 90)


def _count_first_frame_turns(path: Path) -> int:
    ((_, frame),) = islice(read_shown_frames(path), 1)
    return count_quarter_turns(frame)
