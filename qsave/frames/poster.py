"""The still picture of a clip in lists."""

from pathlib import Path

import numpy as np
from av import VideoFrame
from PIL import Image

from qsave.files import atomic_path
from qsave.frames.container import count_quarter_turns, read_shown_frames
from qsave.frames.probe import probe

MAX_SIDE = 640
_QUALITY = 85


class PosterChoice:
    """The frame on screen at a third of a clip, chosen while its frames pass."""

    def __init__(self, duration: float) -> None:
        self._moment = duration / 3
        self._chosen: VideoFrame | None = None
        self.is_over = False

    def take(self, time: float, frame: VideoFrame) -> None:
        self.is_over = self.is_over or (self._chosen is not None and time > self._moment)
        if not self.is_over:
            self._chosen = frame

    def write(self, out: Path) -> None:
        """Write the frame. A clip has at least one, or its reader raises MediaError."""
        assert self._chosen is not None
        save_poster(self._chosen, out)


def write_poster(path: Path, out: Path) -> None:
    """Write the frame at a third of the clip as JPEG with sides up to 640 pixels. Raises MediaError."""
    choice = PosterChoice(probe(path).duration)
    for time, frame in read_shown_frames(path):
        choice.take(time, frame)
        if choice.is_over:
            break
    choice.write(out)


def save_poster(chosen: VideoFrame, out: Path) -> None:
    """Write a frame upright as JPEG with sides up to MAX_SIDE pixels."""
    picture = Image.fromarray(np.rot90(chosen.to_ndarray(format="rgb24"), count_quarter_turns(chosen)))
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    with atomic_path(out) as part:
        picture.save(part, format="JPEG", quality=_QUALITY)
