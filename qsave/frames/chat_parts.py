"""The frames of a clip as parts of a chat message, as OpenAI's protocol has them: writing and reading.

Frames go in SlowFast's order, each as an image after its time. They do not go as a video: several versions of vLLM
fail on lists of frames as a video, or lose their times.
"""

import base64
import binascii
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from PIL import Image

from qsave.frames.slowfast import FrameConfig, Frames, Pixels, choose_size

Part = dict[str, Any]

TIMES_HEADER = "Qsave-Frame-Times"
"""HTTP header with the exact times of the frames: `slow=0.5,1.25; fast=0.0,0.5`. The text before a frame has tenths of
a second, as vision models are trained to read. Servers that do not know the header ignore it."""
SLOW_WORDS = "Large frames, at the moments that change most:"
FAST_WORDS = "Small frames, evenly spread over the whole video:"
MAX_PICTURES = 256
MAX_PIXELS = 4096 * 4096
"""Most pixels of one picture."""
_JPEG_QUALITY = 95
_TIME = re.compile(r"<([0-9]{1,5}(?:\.[0-9]{1,6})?) seconds>")
_DATA_URL = re.compile(r"data:image/(?:png|jpeg|jpg|webp);base64,")
_TIMES = re.compile(r"slow=([0-9.,e+-]*); fast=([0-9.,e+-]*)")


class ChatPartsError(ValueError):
    """The parts of a message are not frames with their times. The message is a full sentence."""


@dataclass(frozen=True, slots=True)
class ReadParts:
    """The content of a message: the frames, and the texts that are neither times nor headings."""

    frames: Frames
    texts: tuple[str, ...]


def lay_out_frames(slow_times: Sequence[float], fast_times: Sequence[float]) -> Iterator[str | None]:
    """Yield the texts of a message that shows frames, and None where each frame goes: slow frames first."""
    for words, times in ((SLOW_WORDS, slow_times), (FAST_WORDS, fast_times)):
        if times:
            yield words
        for seconds in times:
            yield f"<{seconds:.1f} seconds>"
            yield None


def build_frame_parts(frames: Frames, picture: str) -> Iterator[Part]:
    """Yield the parts of a message that show the frames. `picture` is `png` or `jpeg`."""
    pictures = chain(frames.slow, frames.fast)
    for text in lay_out_frames(frames.slow_times, frames.fast_times):
        if text is None:
            yield {"type": "image_url", "image_url": {"url": encode_picture(next(pictures), picture)}}
        else:
            yield build_text(text)


def build_text(text: str) -> Part:
    """Return a part with a text."""
    return {"type": "text", "text": text}


def encode_picture(pixels: Pixels, picture: str) -> str:
    """Return one frame (h, w, 3) as a data URL. PNG is exact; JPEG has quality 95 and full colour."""
    buffer = io.BytesIO()
    options = {"quality": _JPEG_QUALITY, "subsampling": 0} if picture == "jpeg" else {}
    Image.fromarray(pixels).save(buffer, format=picture, **options)
    return f"data:image/{picture};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def format_times(frames: Frames) -> str:
    """Return the value of the header TIMES_HEADER."""
    parts = {"slow": frames.slow_times, "fast": frames.fast_times}
    return "; ".join(f"{name}={','.join(repr(float(time)) for time in times)}" for name, times in parts.items())


def read_frame_parts(parts: Sequence[object], config: FrameConfig, times: str = "") -> ReadParts:
    """Read the frames from the parts of a message, in the sizes of `config`, and its other texts.

    `times` is the value of TIMES_HEADER, if there is one. Without it the slow frames end where the times go back.
    Raises ChatPartsError.
    """
    pictures: list[tuple[float, Pixels]] = []
    texts: list[str] = []
    seconds = None
    for part in parts:
        kind, value = _read_part(part)
        if kind == "image_url":
            if seconds is None:
                raise ChatPartsError("A picture has no time. Write it before the picture, like <1.2 seconds>.")
            if len(pictures) == MAX_PICTURES:
                raise ChatPartsError(f"There are more than {MAX_PICTURES} pictures.")
            pictures.append((seconds, decode_picture(value)))
            seconds = None
        elif match := _TIME.fullmatch(value.strip()):
            seconds = float(match[1])
        elif value not in (SLOW_WORDS, FAST_WORDS):
            texts.append(value)
    if not pictures:
        raise ChatPartsError("There is no picture. Send the frames of the video, each after its time.")
    return ReadParts(_arrange(pictures, config, times), tuple(texts))


def decode_picture(url: str) -> Pixels:
    """Return the pixels (h, w, 3) of a data URL. Raises ChatPartsError."""
    match = _DATA_URL.match(url)
    if match is None:
        raise ChatPartsError("A picture is a data URL of PNG, JPEG or WebP in base64. Other addresses are not opened.")
    try:
        content = base64.b64decode(url[match.end() :], validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ChatPartsError(f"A picture has more than {MAX_PIXELS} pixels.")
            return np.asarray(image.convert("RGB"))
    except ChatPartsError:
        raise
    except (binascii.Error, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ChatPartsError(f"A picture cannot be decoded ({type(error).__name__}).") from None


def _read_part(part: object) -> tuple[str, str]:
    """Return the kind of a part and its text or URL."""
    if isinstance(part, Mapping):
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        for kind, value in (("text", part.get("text")), ("image_url", url)):
            if part.get("type") == kind and isinstance(value, str):
                return kind, value
    raise ChatPartsError("A part of the message is neither a text nor a picture.")


def _arrange(pictures: Sequence[tuple[float, Pixels]], config: FrameConfig, header: str) -> Frames:
    slow_times, fast_times = _read_times(header, [seconds for seconds, _ in pictures])
    pixels = [picture for _, picture in pictures]
    return Frames(
        slow=_stack(pixels[: len(slow_times)], config.slow_pixels, config.unit),
        slow_times=slow_times,
        fast=_stack(pixels[len(slow_times) :], config.fast_pixels, config.unit),
        fast_times=fast_times,
    )


def _read_times(header: str, written: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the times of the slow and of the fast frames."""
    if not header:
        backs = [index for index in range(1, len(written)) if written[index] < written[index - 1]]
        cut = backs[0] if backs else 0
        return tuple(written[:cut]), tuple(written[cut:])
    match = _TIMES.fullmatch(header)
    try:
        slow, fast = (_parse_times(text) for text in match.groups()) if match else ((), ())
    except ValueError:
        slow, fast = (), ()
    if not fast or len(slow) + len(fast) != len(written) or not all(0 <= time < 1e5 for time in (*slow, *fast)):
        raise ChatPartsError(f"The header {TIMES_HEADER} does not fit the pictures.")
    return slow, fast


def _parse_times(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split(",") if word)


def _stack(pictures: Sequence[Pixels], budget: int, unit: int) -> Pixels:
    """Return pictures (n, h, w, 3) in one size, that of the first one within the budget of pixels."""
    if not pictures:
        return np.zeros((0, unit, unit, 3), np.uint8)
    height, width, _ = pictures[0].shape
    size = choose_size(width, height, budget, unit)
    return np.stack([_resize(picture, size) for picture in pictures])


def _resize(picture: Pixels, size: tuple[int, int]) -> Pixels:
    height, width, _ = picture.shape
    return (
        picture if (width, height) == size else np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    )
