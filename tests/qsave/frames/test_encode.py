"""Files whose bytes are promised come from one encoder, with the same bytes every time."""

import hashlib
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from qsave.frames.encode import add_h264_stream

RUNS = 6


def moving_texture(width: int, height: int, frames: int = 24) -> list[npt.NDArray[np.uint8]]:
    """A blurred texture that moves 2 pixels a frame, with some noise: where x264's SIMD code was seen to differ."""
    rng = np.random.default_rng(5)
    coarse = rng.random((height // 4 + 2, width // 4 + frames + 2, 3)).repeat(4, 0).repeat(4, 1)
    ground = 255 * np.mean([np.roll(coarse, shift, 1) for shift in range(8)], axis=0)
    parts = [ground[:height, 2 * number : 2 * number + width] for number in range(frames)]
    noise = rng.integers(-20, 20, (frames, height, width, 3))
    return [np.clip(part + grain, 0, 255).astype(np.uint8) for part, grain in zip(parts, noise, strict=True)]


@pytest.mark.parametrize("size", [(112, 96), (112, 90), (160, 96)])
def test_the_same_frames_give_the_same_bytes_in_every_run(tmp_path: Path, size: tuple[int, int]) -> None:
    """Without cpu-independent=1, x264's AVX-512 code gives several different files of the first two sizes."""
    pictures = moving_texture(*size)
    hashes = set()
    for run in range(RUNS):
        path = tmp_path / f"{run}.mp4"
        with av.open(str(path), "w", format="mp4") as container:
            stream = add_h264_stream(container, rate=12, size=size, crf=20)
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        hashes.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(hashes) == 1
