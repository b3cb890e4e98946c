"""The frames of a release's clips as PNG files: exactly those that the engine shows to a critic, decoded by a pool."""

import io
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from qsave.frames.guard import MediaError, guard_file
from qsave.frames.slowfast import FrameConfig, Pixels, read
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import hash_file
from qsave.release.presets.samples import LoadedSample, Sample
from qsave.release.reader import ReleaseReader
from qsave.release.rows import Media

FRAMES_FOLDER = "frames"
AHEAD = 2
"""Clips that wait for each process of the pool. A bound, so that memory does not grow with the release."""


def check_frame_settings(reader: ReleaseReader) -> None:
    """Raise ReleaseError if the release was frozen with another choice of frames than this version makes."""
    key = reader.manifest.get("frames", {}).get("key", FrameConfig().compute_key())
    if key != FrameConfig().compute_key():
        raise ReleaseError(
            f"{reader.folder}: Its frame times were chosen by an earlier version, so its frames cannot be made. Freeze "
            "it again: a new release of the same campaign has the present frames."
        )


def name_frames(media: Media) -> list[str]:
    """Return the paths of a clip's frames in a preset, slow frames first."""
    folder = f"{FRAMES_FOLDER}/{media.sha256}"
    counts = (("slow", len(media.slow)), ("fast", len(media.fast)))
    return [f"{folder}/{kind}-{index:02d}.png" for kind, count in counts for index in range(count)]


def load_frames(
    reader: ReleaseReader, samples: Iterable[Sample], processes: int
) -> Iterator[tuple[Sample, LoadedSample | str]]:
    """Yield each sample with its frames, or with the reason why its clip cannot be decoded, in order.

    `processes` processes decode at the same time. Raises ReleaseError if a clip is missing or has changed.
    """
    if processes == 1:
        for sample in samples:
            path = reader.media_path(sample.rl)
            yield sample, _load(sample, path, _encode_frames(path, sample.rl.media))
        return
    waiting: deque[tuple[Sample, Path, Future[tuple[bytes, ...] | str]]] = deque()
    # new processes, which share neither a database connection nor the threads of this one
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        for sample in samples:
            path = reader.media_path(sample.rl)
            waiting.append((sample, path, pool.submit(_encode_frames, path, sample.rl.media)))
            if len(waiting) >= AHEAD * processes:
                first, its_path, future = waiting.popleft()
                yield first, _load(first, its_path, future.result())
        for first, its_path, future in waiting:
            yield first, _load(first, its_path, future.result())
    finally:
        pool.shutdown(cancel_futures=True)


def _load(sample: Sample, path: Path, pictures: tuple[bytes, ...] | str) -> LoadedSample | str:
    return pictures if isinstance(pictures, str) else LoadedSample(sample, path, pictures)


def _encode_frames(path: Path, media: Media) -> tuple[bytes, ...] | str:
    """Return a clip's frames as PNG files, slow frames first, or the reason why it cannot be decoded."""
    if hash_file(path) != media.sha256:
        raise ReleaseError(f"{path}: The clip changed since it was rated (sha256 differs). Copy the original again.")
    try:
        with guard_file():
            frames = read(path, FrameConfig())
    except MediaError as error:
        return str(error)
    if (frames.fast_times, frames.slow_times) != (media.fast, media.slow):
        return "its frames have other times than the release says"
    return tuple(_encode_png(pixels) for pixels in (*frames.slow, *frames.fast))


def _encode_png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
