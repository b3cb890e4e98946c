"""The properties of a clip, read from its packets; only the first frame is decoded."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

from qsave.frames.container import count_quarter_turns, find_sound_codec, open_clip, read_shown_frames
from qsave.frames.extent import measure


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
        codec = stream.codec_context
        width, height, rate = codec.width, codec.height, stream.average_rate
        pixel_format, name = codec.pix_fmt or "unknown", codec.name
        has_audio, form = bool(container.streams.audio), container.format.name
        sound = find_sound_codec(container)
    quarter_turns = _count_first_frame_turns(path)
    if quarter_turns % 2:
        width, height = height, width
    return MediaFacts(
        codec=name,
        width=width,
        height=height,
        fps=Fraction(rate) if rate else None,
        duration=extent.duration,
        frames=extent.frames,
        has_audio=has_audio,
        pixel_format=pixel_format,
        bytes=path.stat().st_size,
        rotation=quarter_turns * 90,
        container=form,
        sound=sound,
    )


def _count_first_frame_turns(path: Path) -> int:
    ((_, frame),) = islice(read_shown_frames(path), 1)
    return count_quarter_turns(frame)
