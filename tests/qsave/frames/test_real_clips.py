import csv
from pathlib import Path

import pytest

from qsave.frames.poster import write_poster
from qsave.frames.probe import probe
from qsave.frames.slowfast import FrameConfig, read


@pytest.mark.real_clips
def test_every_real_clip_is_probed_and_seen_by_both_pairs_of_eyes(real_clips: Path, tmp_path: Path) -> None:
    config = FrameConfig()
    with (real_clips / "manifest.csv").open(newline="") as manifest:
        clips = [real_clips / row["video"] for row in csv.DictReader(manifest)]
    assert clips
    for clip in clips:
        facts, frames = probe(clip), read(clip, config)
        assert facts.frames >= len(frames.fast_times) == config.fast_frames
        assert len(frames.slow_times) == config.slow_frames
        assert 0 == frames.fast_times[0] < frames.fast_times[-1] < facts.duration
        assert frames.fast.std() > 5
        assert frames.slow.shape[1] * frames.slow.shape[2] <= config.slow_pixels
        write_poster(clip, tmp_path / "poster.jpg")
