"""Copies that every browser can play, for clips that some browsers cannot."""

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
from qsave.frames.container import count_quarter_turns, open_clip, read_shown_frames, read_sound_frames
from qsave.frames.encode import add_h264_stream
from qsave.frames.extent import MAX_PIXELS_IN_ALL
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.probe import MediaFacts, probe

_PLAYABLE = {("mov", "h264"), ("matroska", "vp8"), ("matroska", "vp9")}
_PLAYABLE_FORMATS = {"yuv420p", "yuvj420p"}
_PLAYABLE_SOUNDS = {"", "aac", "mp3", "opus", "vorbis", "flac"}
_DEFAULT_RATE = Fraction(25)
_MIN_RATE, _MAX_RATE = Fraction(1), Fraction(60)
_AUDIO_RATE = 48_000
_AUDIO_SLACK = _AUDIO_RATE // 10


def needs_rendition(facts: MediaFacts) -> bool:
    """Tell whether some common browser cannot play the clip: HEVC, AV1, 10 bit, 4:4:4, AVI, AC-3 and so on."""
    is_playable = (facts.container, facts.codec) in _PLAYABLE and facts.sound in _PLAYABLE_SOUNDS
    return not is_playable or facts.pixel_format not in _PLAYABLE_FORMATS


def write_rendition(path: Path, out: Path) -> str:
    """Write `out` as constant-rate H.264 (yuv420p, even sides, upright, index first), with AAC if there is sound.

    Frames keep their times to within one step of the rate. Sound that cannot be decoded is left out; the returned
    sentence says so (empty if nothing is lost). Raises MediaError.
    """
    facts = probe(path)
    with atomic_path(out) as part:
        lost = ""
        if facts.sound:
            try:
                with guard_file(output=out.parent):
                    _write(path, part, facts, has_sound=True)
            except MediaError as problem:
                lost = f"The copy that plays is silent. {problem}"
        if lost or not facts.sound:
            _write(path, part, facts, has_sound=False)
    return lost


def _write(path: Path, part: Path, facts: MediaFacts, *, has_sound: bool) -> None:
    rate = _choose_rate(facts)
    with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as target:
        size = (facts.width // 2 * 2, facts.height // 2 * 2)
        video = add_h264_stream(target, rate=rate, size=size, crf=18, reproducible=False)
        audio = target.add_stream("aac", rate=_AUDIO_RATE, layout="stereo") if has_sound else None
        _write_video(path, facts, rate, target, video)
        if audio is not None:
            _write_audio(path, facts.duration, target, audio)


def _choose_rate(facts: MediaFacts) -> Fraction:
    """Return the frames per second of the copy: the clip's own rate, within limits that do not depend on its header."""
    seconds = max(Fraction(facts.duration), Fraction(1))
    affordable = Fraction(MAX_PIXELS_IN_ALL, facts.width * facts.height) / seconds
    rate = min(facts.fps or _DEFAULT_RATE, _MAX_RATE, affordable)
    return max(rate, _MIN_RATE).limit_denominator(1001)


def _write_video(path: Path, facts: MediaFacts, rate: Fraction, target: OutputContainer, video: VideoStream) -> None:
    for number, frame in enumerate(_read_at_constant_rate(path, facts.duration, rate)):
        if count_quarter_turns(frame):
            upright = np.rot90(frame.to_ndarray(format="rgb24"), count_quarter_turns(frame)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(upright), format="rgb24")
        picture = frame.reformat(video.width, video.height, "yuv420p")
        picture.pts, picture.time_base = number, 1 / rate
        target.mux(video.encode(picture))
    target.mux(video.encode(None))


def _read_at_constant_rate(path: Path, duration: float, rate: Fraction) -> Iterator[av.VideoFrame]:
    """Yield the frame on screen in the middle of each step of the rate."""
    steps = max(1, round(duration * rate))
    number, on_screen = 0, None
    for time, frame in read_shown_frames(path):
        while on_screen is not None and number < steps and (number + 0.5) / rate < time:
            yield on_screen
            number += 1
        on_screen = frame
    while on_screen is not None and number < steps:
        yield on_screen
        number += 1


def _write_audio(path: Path, duration: float, target: OutputContainer, audio: AudioStream) -> None:
    """Write the sound from the first shown frame to the end of the last, without overlaps."""
    end, last = 0, round(duration * _AUDIO_RATE)
    resampler = AudioResampler(format="fltp", layout="stereo", rate=_AUDIO_RATE)
    with open_clip(path) as (_, video):
        origin = float((video.start_time or 0) * (video.time_base or 0))
    for frame in read_sound_frames(path):
        begin = end if frame.time is None else round((frame.time - origin) * _AUDIO_RATE)
        if begin >= last:
            break
        for piece in resampler.resample(frame):
            if begin >= max(0, end - _AUDIO_SLACK):  # times are rounded, so pieces overlap a little
                piece.pts, piece.time_base = max(begin, end), Fraction(1, _AUDIO_RATE)
                end = piece.pts + piece.samples
                target.mux(audio.encode(piece))
            begin += piece.samples
    target.mux(audio.encode(None))
