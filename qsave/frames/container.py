"""Open an untrusted clip, and decode its frames in the order and with the times in which they are shown.

The first bytes of the file decide the container format, and the demuxer is forced to it. If FFmpeg guessed, it would
also accept playlists and concatenation scripts, which make it read other files and addresses. Limits are checked before
decoding.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from qsave.frames.codec_names import find_codec_name
from qsave.frames.guard import MediaError

__all__ = [
    "MediaError",
    "TimedFrame",
    "compute_frame_gap",
    "count_quarter_turns",
    "decode_frames",
    "find_sound_codec",
    "open_clip",
    "open_media",
    "read_shown_frames",
    "read_sound_frames",
    "rewind",
]

MAX_BYTES = 4 * 2**30
MAX_SIDE = 8192
MIN_SIDE = 16
MAX_PIXELS = 7680 * 4320
"""Most pixels of a frame. Few frames are in memory at once: the decoder's own, and two while slow frames are chosen."""
MAX_SECONDS = 600.0
MAX_FRAMES = 72_000
TIME_DIGITS = 6  # times are rounded here, once, so that they are equal after a round trip through JSON

TimedFrame = tuple[float, av.VideoFrame]

_HEAD_BYTES = 16
_STALL_SECONDS = 120.0
"""The most time for one call that opens a file or reads a packet; it ends endless loops inside FFmpeg."""
_OPTIONS = {"protocol_whitelist": "file", "max_streams": "64"}


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open the container of a file; FFmpeg's errors in the block become MediaError. FFmpeg reads files only here."""
    form = _detect_format(path)
    try:
        with av.open(
            str(path), format=form, options=_OPTIONS, metadata_errors="replace", timeout=_STALL_SECONDS
        ) as container:
            yield container
    except av.FFmpegError as error:
        raise MediaError(f"The file is corrupt or cut off: {error.strerror or type(error).__name__}.") from None


@contextmanager
def open_clip(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the container and its first video stream; FFmpeg's errors inside the block become MediaError."""
    with open_media(path) as container:
        yield container, _find_video_stream(path, container)


def read_shown_frames(path: Path) -> Generator[TimedFrame]:
    """Yield (seconds from the first shown frame, decoded frame) in one sequential pass, with strictly rising times."""
    with open_clip(path) as (container, stream):
        yield from decode_frames(container, stream)


def decode_frames(container: InputContainer, stream: VideoStream) -> Generator[TimedFrame]:
    """Yield the frames of an open clip from its present position, with their times.

    Times come from pts and time base, so variable rates and offset starts are correct. A frame without pts is assumed
    to follow the last one at the average rate. A frame no later than the last is never shown and is left out.
    """
    stream.thread_type = "AUTO"
    gap = compute_frame_gap(stream)
    origin: float | None = None
    last = -1.0
    for frame in container.decode(stream):
        seconds = frame.time if frame.pts is not None else (origin or 0.0) + max(last, -gap) + gap
        origin = seconds if origin is None else origin
        time = round(seconds - origin, TIME_DIGITS)
        if time > last:
            last = time
            yield time, frame
    if origin is None:
        raise MediaError("No frame of the video can be decoded.")


def find_sound_codec(container: InputContainer) -> str:
    """Return the codec of the first audio stream: empty for a silent clip, `unknown` if FFmpeg cannot decode it."""
    if not container.streams.audio:
        return ""
    context: AudioCodecContext | None = container.streams.audio[0].codec_context
    return context.codec.canonical_name if context else "unknown"


def read_sound_frames(path: Path) -> Generator[av.AudioFrame]:
    """Yield the frames of a clip's first audio stream. Raises MediaError if they cannot be decoded as one stream."""
    setup = None
    with open_media(path) as container:
        stream = container.streams.audio[0]
        if find_sound_codec(container) == "unknown":
            name = find_codec_name(path, container.format.name, stream.index)
            raise MediaError(f"There is no decoder for the sound ({name}).")
        for frame in container.decode(stream):
            frame_setup = (frame.layout.name, frame.format.name, frame.sample_rate)
            setup = setup or frame_setup
            if frame_setup != setup:
                raise MediaError("The sound changes its channels or its rate on the way.")
            yield frame


def rewind(container: InputContainer) -> None:
    """Go back to the beginning of an open clip."""
    container.seek(min(0, container.start_time or 0))


def compute_frame_gap(stream: VideoStream) -> float:
    """Return the seconds between frames by the container's rate; 1/25 if it states none."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.04


def count_quarter_turns(frame: av.VideoFrame) -> int:
    """Return the counter-clockwise quarter turns (as for `numpy.rot90`) that show the frame upright."""
    return round(frame.rotation / 90) % 4


def _check_name(path: Path) -> None:
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:
        raise MediaError("The name holds half a letter (a lone surrogate), which no file's name does.") from None
    if b"\0" in name:
        raise MediaError("The name holds a NUL, which no file's name does.")


def _detect_format(path: Path) -> str:
    _check_name(path)
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):  # reading a pipe would block, and a device has no end
            raise MediaError("This is a folder, a pipe or a device, and not a file.")
        size = status.st_size
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise MediaError(f"The file cannot be read: {error.strerror}.") from None
    if size == 0:
        raise MediaError("The file is empty (0 bytes).")
    if size > MAX_BYTES:
        raise MediaError(f"The file has {size} bytes; at most {MAX_BYTES} are taken.")
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    raise MediaError("The file is not a video that is known here (MP4, MOV, WebM, MKV, AVI or GIF).")


def _find_video_stream(path: Path, container: InputContainer) -> VideoStream:
    if not container.streams.video:
        sound = "The file is audio only: there is no video in it."
        raise MediaError(sound if container.streams.audio else "No video is found in the file; it may be cut off.")
    stream = container.streams.video[0]
    context: VideoCodecContext | None = stream.codec_context
    if context is None:
        name = find_codec_name(path, container.format.name, stream.index)
        raise MediaError(f"There is no decoder for the video ({name}).")
    # The decoder checks a size that changes in the middle of a clip before it takes memory; coded sides are rounded up.
    context.options = {"max_pixels": str(MAX_PIXELS * 5 // 4)}
    width, height = context.width, context.height
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_SIDE:
        raise MediaError(f"The frames have {width}x{height} pixels; sides of {MIN_SIDE} to {MAX_SIDE} are taken.")
    if width * height > MAX_PIXELS:
        raise MediaError(f"The frames have {width}x{height} pixels; at most {MAX_PIXELS} in all are taken.")
    return stream
