"""The times at which frames are shown, held against what a whole decode says."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from qsave.frames import times
from qsave.frames.container import MediaError, read_shown_frames
from tests.qsave.frames.clips import Encoding, write_clip

UNEVEN = [0.0, 0.04, 0.1, 0.11, 0.4, 0.45, 0.9, 1.0]


@pytest.mark.parametrize(
    ("name", "moments", "rate", "options"),
    [
        ("even.mp4", None, 10, {}),
        ("ntsc.mp4", None, Fraction(30_000, 1001), {}),
        ("uneven.mp4", UNEVEN, 12, {}),
        ("late.mp4", [moment + 1.5 for moment in UNEVEN], 12, {}),
        ("late-without-edit-list.mp4", [moment + 1.5 for moment in UNEVEN], 12, {"use_editlist": "0"}),
        ("uneven.mkv", UNEVEN, 12, {}),
    ],
)
def test_they_are_those_of_a_whole_decode(
    tmp_path: Path, name: str, moments: Sequence[float] | None, rate: int | Fraction, options: dict[str, str]
) -> None:
    path = write_clip(tmp_path / name, times=moments, rate=rate, frames=8, encoding=Encoding(options=options))
    assert times.read_shown_times(path) == pytest.approx([time for time, _ in read_shown_frames(path)], abs=1e-6)


def test_sound_that_begins_first_does_not_shift_them(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "late.mp4", times=[moment + 0.3 for moment in UNEVEN], encoding=Encoding(audio_seconds=1.0)
    )
    assert times.read_shown_times(path) == pytest.approx(UNEVEN, abs=1e-4)


def test_a_clip_of_too_many_frames_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=12)
    monkeypatch.setattr(times, "MOST_TIMES", 12)
    assert len(times.read_shown_times(path)) == 12
    monkeypatch.setattr(times, "MOST_TIMES", 11)
    assert times.read_shown_times(path) == ()


def test_what_is_no_video_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(MediaError, match="not a video"):
        times.read_shown_times(path)
