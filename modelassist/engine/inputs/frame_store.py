"""Decode each clip once. Frames are stored by content hash and frame settings, on disk and in memory."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from modelassist.engine.inputs.examples import Example
from modelassist.engine.support.cache import BoundedCache
from qsave.files import atomic_path
from qsave.frames.guard import guard_file
from qsave.frames.slowfast import FrameConfig, Frames, read

_FRAME_BYTES = 512 * 2**20
"""Bytes of frames that are cached in memory."""


class FrameStore:
    """Frames by content hash: all are stored on disk, and the first ones also in memory, up to a limit."""

    def __init__(self, folder: Path, config: FrameConfig) -> None:
        self.folder, self.config = folder, config
        self._cache: BoundedCache[Frames] = BoundedCache(_FRAME_BYTES, _count_bytes)

    def load_frames(self, example: Example) -> Frames:
        """Return the frames of one clip; raises MediaError if it cannot be decoded."""
        return self._cache.get(example.sha256, lambda: self._load(example))

    def _load(self, example: Example) -> Frames:
        path = self.folder / f"{example.sha256}-{self.config.compute_key()}.npz"
        frames = _unpack(path)
        if frames is None:
            with guard_file():
                frames = read(example.path, self.config)
            self.folder.mkdir(parents=True, exist_ok=True)
            _pack(path, frames)
        return frames


def _count_bytes(frames: Frames) -> int:
    return frames.fast.nbytes + frames.slow.nbytes


def _pack(path: Path, frames: Frames) -> None:
    """Write the arrays as one complete file. If two processes write it, the later one wins; both files are the same."""
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        np.savez(
            file,
            fast=frames.fast,
            fast_times=np.array(frames.fast_times),
            slow=frames.slow,
            slow_times=np.array(frames.slow_times),
        )


def _unpack(path: Path) -> Frames | None:
    """Read the arrays; returns None if the file is missing or damaged, so that the clip is decoded again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Frames(
                arrays["fast"],
                tuple(arrays["fast_times"].tolist()),
                arrays["slow"],
                tuple(arrays["slow_times"].tolist()),
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
