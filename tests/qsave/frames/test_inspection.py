"""One decode gives what three give: facts, poster and SlowFast times."""

from pathlib import Path

import pytest

from qsave.frames.container import MediaError
from qsave.frames.inspection import inspect
from qsave.frames.poster import write_poster
from qsave.frames.probe import probe
from qsave.frames.slowfast import FrameConfig, choose
from tests.qsave.frames.clips import Encoding, write_clip

CLIPS = {
    "short": {"frames": 1},
    "plain": {"frames": 12, "rate": 12},
    "long": {"frames": 90, "rate": 30},
    "turned": {"frames": 5, "size": (128, 64), "encoding": Encoding(rotation=90)},
    "upside down": {"frames": 30, "encoding": Encoding(rotation=180)},
}
CONFIGS = [FrameConfig(), FrameConfig(fast_frames=1, slow_frames=0), FrameConfig(fast_frames=40, slow_frames=7)]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS.keys())
def test_one_decode_gives_the_same_as_three(tmp_path: Path, clip: dict[str, object], config: FrameConfig) -> None:
    path = write_clip(tmp_path / "clip.mp4", **clip)  # type: ignore[arg-type]

    inspection = inspect(path, config, tmp_path / "one.jpg")
    write_poster(path, tmp_path / "other.jpg")

    assert (inspection.facts, inspection.times) == (probe(path), choose(path, config))
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "other.jpg").read_bytes()


def test_a_clip_that_is_cut_off_leaves_no_poster(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=30)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MediaError):
        inspect(path, FrameConfig(), tmp_path / "poster.jpg")
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.real_clips
def test_real_clips_give_the_same(real_clips: Path, tmp_path: Path) -> None:
    for path in sorted(real_clips.rglob("*.mp4"))[:3]:
        inspection = inspect(path, FrameConfig(), tmp_path / "one.jpg")
        write_poster(path, tmp_path / "other.jpg")
        assert (inspection.facts, inspection.times) == (probe(path), choose(path, FrameConfig()))
        assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "other.jpg").read_bytes()
