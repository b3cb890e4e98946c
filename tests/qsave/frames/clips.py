"""Small clips that the tests write themselves. The grey level of a frame is its number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

TICK = Fraction(1, 60_000)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a clip is written: its codec, how its frames are stored, and what else is in the file."""

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    rotation: int = 0
    audio_seconds: float = 0.0
    options: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


H264 = Encoding()


def grey_of(number: int) -> int:
    """Return the grey level of frame `number`, in steps of 8, so that compression cannot confuse neighbours."""
    return 16 + 8 * (number % 28)


def numbered(number: int, width: int, height: int) -> Picture:
    return np.full((height, width, 3), grey_of(number), np.uint8)


def write_clip(
    path: Path,
    *,
    times: Sequence[float] | None = None,
    frames: int = 12,
    rate: int | Fraction = 12,
    size: tuple[int, int] = (96, 64),
    paint: Callable[[int, int, int], Picture] = numbered,
    encoding: Encoding = H264,
) -> Path:
    """Write a clip whose frame i shows `paint(i, width, height)` at `times[i]` (default i/rate) seconds."""
    tick = 1 / Fraction(rate) if times is None else TICK
    ticks = range(frames) if times is None else [round(time / TICK) for time in times]
    with av.open(str(path), "w", options=dict(encoding.options)) as container:
        container.metadata.update(encoding.metadata)
        stream = cast(av.VideoStream, container.add_stream(encoding.codec, rate=rate))
        stream.width, stream.height, stream.pix_fmt = *size, encoding.pixel_format
        stream.codec_context.time_base = tick
        if encoding.rotation:
            stream.set_display_rotation(encoding.rotation)
        sound = container.add_stream("aac", rate=48_000, layout="mono") if encoding.audio_seconds else None
        for number, pts in enumerate(ticks):
            picture = av.VideoFrame.from_ndarray(paint(number, *size), format="rgb24")
            frame = picture.reformat(format=encoding.pixel_format)
            frame.pts, frame.time_base = pts, tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _mux_tone(container, sound, encoding.audio_seconds)
    return path


def write_lossless(path: Path, pictures: Sequence[Picture], *, rate: int = 12) -> Path:
    """Write yuv420p pictures (3h/2, w) that decode to just these bytes, whatever encoder wrote them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0] * 2 // 3, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path, seconds: float = 0.5) -> Path:
    with av.open(str(path), "w") as container:
        _mux_tone(container, container.add_stream("aac", rate=48_000, layout="mono"), seconds)
    return path


def write_uneven_sound(path: Path, codec: str, layouts: Sequence[str], rates: Sequence[int]) -> Path:
    """Write a clip whose one audio stream changes its channels or its rate from one part to the next."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=12)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream(codec, rate=rates[0], layout=layouts[0])
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(numbered(number, 96, 64), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 12)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        end = Fraction(0)
        for layout, rate in zip(layouts, rates, strict=True):
            for content, seconds in _sound_packets(codec, layout, rate):
                packet = av.Packet(content)
                packet.stream, packet.time_base = sound, Fraction(1, 48_000)
                packet.pts = packet.dts = round(end * 48_000)
                container.mux(packet)
                end += seconds
    return path


def _sound_packets(codec: str, layout: str, rate: int) -> list[tuple[bytes, Fraction]]:
    """Ten packets of half silence with their lengths in seconds."""
    encoder = cast(av.AudioCodecContext, av.CodecContext.create(codec, "w"))
    encoder.layout, encoder.sample_rate, encoder.format = layout, rate, "fltp"
    encoder.time_base = Fraction(1, rate)
    channels, samples = len(av.AudioLayout(layout).channels), {"ac3": 1536, "mp3": 1152}[codec]
    packets: list[av.Packet[av.AudioStream]] = []
    for number in range(10):
        frame = av.AudioFrame.from_ndarray(np.full((channels, samples), 0.1, np.float32), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, number * samples, Fraction(1, rate)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return [(bytes(packet), Fraction(samples, rate)) for packet in packets]


def _mux_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    samples = np.sin(np.arange(int(48_000 * seconds)) * 0.05).astype(np.float32)
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
