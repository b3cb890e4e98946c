"""The still picture of a clip in lists."""

from pathlib import Path

import numpy as np
from PIL import Image

from qsave.files import atomic_path
from qsave.frames.container import count_quarter_turns, read_shown_frames
from qsave.frames.probe import probe

MAX_SIDE = 640
_QUALITY = 85


def write_poster(path: Path, out: Path) -> None:
    """Write the frame at a third of the clip as JPEG with sides up to 640 pixels. Raises MediaError."""
    moment = probe(path).duration / 3
    chosen = None
    for time, frame in read_shown_frames(path):
        if chosen is not None and time > moment:
            break
        chosen = frame
    assert chosen is not None  # read_shown_frames raises if there is no frame
    picture = Image.fromarray(np.rot90(chosen.to_ndarray(format="rgb24"), count_quarter_turns(chosen)))
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    with atomic_path(out) as part:
        picture.save(part, format="JPEG", quality=_QUALITY)
