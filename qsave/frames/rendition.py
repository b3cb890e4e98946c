"""A copy that every browser plays, for clips that not every browser plays."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from qsave.files import atomic_path
from qsave.frames.container import open_clip, shown_frames, turns
from qsave.frames.encode import add_h264_stream
from qsave.frames.probe import MediaFacts, probe

_PLAYABLE = {("mov", "h264"), ("matroska", "vp8"), ("matroska", "vp9")}
_PLAYABLE_FORMATS = {"yuv420p", "yuvj420p"}
_DEFAULT_RATE = Fraction(25)
_MAX_RATE = Fraction(60)
_AUDIO_RATE = 48_000


def needs_rendition(facts: MediaFacts) -> bool:
    """Whether some browser in use could not play the clip: HEVC, AV1, 10 bit, 4:4:4, AVI and so on."""
    return (facts.container, facts.codec) not in _PLAYABLE or facts.pixel_format not in _PLAYABLE_FORMATS


def write_rendition(path: Path, out: Path) -> None:
    """Writes `out` as constant-rate H.264 (yuv420p, even sides, upright, index first), with AAC where there was sound.

    Frames keep the times they were shown at, to within one step of the rate. Raises MediaError.
    """
    facts = probe(path)
    rate = min(facts.fps or _DEFAULT_RATE, _MAX_RATE).limit_denominator(1001)
    with atomic_path(out) as part, av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as target:
        size = (facts.width // 2 * 2, facts.height // 2 * 2)
        video = add_h264_stream(target, rate=rate, size=size, crf=18, reproducible=False)
        audio = target.add_stream("aac", rate=_AUDIO_RATE, layout="stereo") if facts.has_audio else None
        _write_video(path, facts, rate, target, video)
        if audio is not None:
            _write_audio(path, target, audio)


def _write_video(path: Path, facts: MediaFacts, rate: Fraction, target: OutputContainer, video: VideoStream) -> None:
    for number, frame in enumerate(_at_constant_rate(path, facts.duration, rate)):
        if turns(frame):
            upright = np.rot90(frame.to_ndarray(format="rgb24"), turns(frame)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(upright), format="rgb24")
        picture = frame.reformat(video.width, video.height, "yuv420p")
        picture.pts, picture.time_base = number, 1 / rate
        target.mux(video.encode(picture))
    target.mux(video.encode(None))


def _at_constant_rate(path: Path, duration: float, rate: Fraction) -> Iterator[av.VideoFrame]:
    """The frame on screen in the middle of each step of the rate."""
    steps = max(1, round(duration * rate))
    number, on_screen = 0, None
    for time, frame in shown_frames(path):
        while on_screen is not None and number < steps and (number + 0.5) / rate < time:
            yield on_screen
            number += 1
        on_screen = frame
    while on_screen is not None and number < steps:
        yield on_screen
        number += 1


def _write_audio(path: Path, target: OutputContainer, audio: AudioStream) -> None:
    """Sound from the first shown frame on; what lies before it is left out."""
    resampler = AudioResampler(format="fltp", layout="stereo", rate=_AUDIO_RATE)
    with open_clip(path) as (container, video):
        origin = float((video.start_time or 0) * (video.time_base or 0))
        for frame in container.decode(container.streams.audio[0]):
            begin = round(((frame.time or 0.0) - origin) * _AUDIO_RATE)
            for piece in resampler.resample(frame):
                if begin >= 0:
                    piece.pts, piece.time_base = begin, Fraction(1, _AUDIO_RATE)
                    target.mux(audio.encode(piece))
                begin += piece.samples
    target.mux(audio.encode(None))
