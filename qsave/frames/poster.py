"""The still picture that stands for a clip in lists."""

from pathlib import Path

import numpy as np
from PIL import Image

from qsave.files import atomic_path
from qsave.frames.container import shown_frames, turns
from qsave.frames.probe import probe

MAX_SIDE = 640
_QUALITY = 85


def write_poster(path: Path, out: Path) -> None:
    """Writes the frame on screen at a third of the clip as JPEG, sides up to 640; raises MediaError."""
    moment = probe(path).duration / 3
    chosen = None
    for time, frame in shown_frames(path):
        if chosen is not None and time > moment:
            break
        chosen = frame
    assert chosen is not None  # shown_frames raises where there is no frame
    picture = Image.fromarray(np.rot90(chosen.to_ndarray(format="rgb24"), turns(chosen)))
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    with atomic_path(out) as part:
        picture.save(part, format="JPEG", quality=_QUALITY)
