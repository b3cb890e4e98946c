"""Decode each clip once. Frames are stored by content hash and frame settings, on disk and in memory."""

from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from modelassist.engine.inputs.examples import DataError, Example
from modelassist.engine.inputs.reading_store import ReadingStore
from modelassist.engine.support.cache import BoundedCache
from qsave.files import atomic_path
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.slowfast import FrameConfig, Frames, read

_FRAME_BYTES = 512 * 2**20
"""Bytes of frames that are cached in memory."""
LEAST_FOR_POOL = 64
"""Fewer clips than this are decoded in less time than a pool of processes takes to start."""


class FrameStore:
    """Frames by content hash: all are stored on disk, and the first ones also in memory, up to a limit. `readings` of
    the same clips are stored in the same folder."""

    def __init__(self, folder: Path, config: FrameConfig) -> None:
        self.folder, self.config = folder, config
        self.readings = ReadingStore(folder)
        self._cache: BoundedCache[Frames] = BoundedCache(_FRAME_BYTES, _count_bytes)

    def load_frames(self, example: Example) -> Frames:
        """Return the frames of one clip; raises MediaError if it cannot be decoded."""
        return self._cache.get(example.sha256, lambda: self._load(example))

    def decode_all(self, examples: Sequence[Example], processes: int) -> Generator[tuple[Example, str], None, None]:
        """Decode the clips that are not on disk yet; yield each example with the reason why it cannot be used, or "".

        `processes` processes decode at the same time. Raises DataError if one of them ends.
        """
        missing = {example.sha256 for example in examples if not self._get_path(example).exists()}
        if processes == 1 or len(missing) < LEAST_FOR_POOL:
            for example in examples:
                yield example, decode_into(self, example)
            return
        waiting = [example for example in examples if example.sha256 in missing]
        # new processes, because a fork would copy the locks of torch's threads
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        try:
            problems = pool.map(decode_into, repeat(FrameStore(self.folder, self.config)), waiting, chunksize=4)
            for example in examples:
                problem = next(problems) if example.sha256 in missing else ""
                yield example, problem or decode_into(self, example)
        except BrokenProcessPool:
            raise DataError(
                "A process that decodes clips ended, perhaps for lack of memory. Clips that are decoded stay decoded: "
                "free memory and run the same command again."
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)

    def _get_path(self, example: Example) -> Path:
        return self.folder / f"{example.sha256}-{self.config.compute_key()}.npz"

    def _load(self, example: Example) -> Frames:
        path = self._get_path(example)
        frames = _unpack(path)
        if frames is None:
            with guard_file():
                frames = read(example.path, self.config)
            self.folder.mkdir(parents=True, exist_ok=True)
            _pack(path, frames)
        return frames


def decode_into(store: FrameStore, example: Example) -> str:
    """Decode a clip unless the store has it; returns the reason why it cannot be used, or ""."""
    try:
        store.load_frames(example)
    except MediaError as error:
        return str(error)
    return ""


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
