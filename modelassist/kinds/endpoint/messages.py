"""Build the chat messages that ask about one clip: the form of the answer, the frames with their times, the prompt.

Frames go in SlowFast's order, each as an image after its time. They do not go as a video: several versions of vLLM
fail on lists of frames as a video, or lose their times.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

from PIL import Image

from qsave.frames.slowfast import Frames, Pixels
from qsave.prompt import make_untuned_prompt, make_user_prompt
from qsave.taxonomy import Defect

TIMES_HEADER = "Qsave-Frame-Times"
"""Header with the exact times of the frames; the text before a frame has tenths of a second. Only `serve` reads it."""
SLOW_WORDS = "Large frames, at the moments that change most:"
FAST_WORDS = "Small frames, evenly spread over the whole video:"
_JPEG_QUALITY = 95

Message = dict[str, Any]


def build_messages(
    frames: Frames, prompt: str, taxonomy: Sequence[Defect], *, as_json: bool, picture: str
) -> list[Message]:
    """Build the system and the user message about one clip. `picture` is `png` or `jpeg`."""
    return [
        {"role": "system", "content": make_untuned_prompt(taxonomy, as_json=as_json)},
        {"role": "user", "content": [*_build_frames(frames, picture), _build_text(make_user_prompt(prompt))]},
    ]


def format_times(frames: Frames) -> str:
    """Return the value of the header TIMES_HEADER: `slow=0.5,1.25; fast=0,0.5,1`."""
    parts = {"slow": frames.slow_times, "fast": frames.fast_times}
    return "; ".join(f"{name}={','.join(map(repr, times))}" for name, times in parts.items())


def _build_frames(frames: Frames, picture: str) -> Iterator[Message]:
    groups = ((SLOW_WORDS, frames.slow, frames.slow_times), (FAST_WORDS, frames.fast, frames.fast_times))
    for words, pictures, times in groups:
        if times:
            yield _build_text(words)
        for pixels, seconds in zip(pictures, times, strict=True):
            yield _build_text(f"<{seconds:.1f} seconds>")
            yield {"type": "image_url", "image_url": {"url": encode_picture(pixels, picture)}}


def encode_picture(pixels: Pixels, picture: str) -> str:
    """Return one frame (h, w, 3) as a data URL."""
    buffer = io.BytesIO()
    options = {"quality": _JPEG_QUALITY, "subsampling": 0} if picture == "jpeg" else {}
    Image.fromarray(pixels).save(buffer, format=picture, **options)
    return f"data:image/{picture};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _build_text(text: str) -> Message:
    return {"type": "text", "text": text}
