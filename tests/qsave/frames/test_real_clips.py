import csv
from pathlib import Path

import pytest

from qsave.frames.poster import write_poster
from qsave.frames.probe import probe
from qsave.frames.slowfast import FrameConfig, FrameTimes, choose, read


@pytest.mark.real_clips
def test_every_real_clip_is_probed_and_seen_by_both_pairs_of_eyes(real_clips: Path, tmp_path: Path) -> None:
    config = FrameConfig()
    with (real_clips / "manifest.csv").open(newline="") as manifest:
        clips = [real_clips / row["video"] for row in csv.DictReader(manifest)]
    assert clips
    for clip in clips:
        facts, times = probe(clip), choose(clip, config)
        assert facts.frames >= len(times.fast) == config.fast_frames
        assert len(times.slow) == config.slow_frames
        assert 0 == times.fast[0] < times.fast[-1] < facts.duration
        frames = read(clip, config, FrameTimes(times.fast, times.slow))
        assert frames.fast.std() > 5
        assert frames.slow.shape[1] * frames.slow.shape[2] <= config.slow_pixels
        write_poster(clip, tmp_path / "poster.jpg")
