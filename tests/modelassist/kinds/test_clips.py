"""A clip is decoded outside the worker: one that crashes the decoder fails alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelassist.kinds import child, clips
from modelassist.kinds.base import ClipQuestion
from modelassist.kinds.clips import (
    ClipUnreadableError,
    IsolatedDetectors,
    MeasuredVideo,
    measure_video,
    prepare_file,
    read_shown_clip,
)
from modelassist.kinds.detectors import DetectorsProposer
from qsave.detectors.features import compute_features
from qsave.detectors.measure import measure_clip
from qsave.detectors.strip import make_strip
from qsave.frames.probe import probe
from qsave.frames.slowfast import FrameConfig
from qsave.frames.times import read_shown_times
from tests.modelassist.kinds.crashing_clips import MARK

FRAMES = FrameConfig(fast_frames=3, fast_pixels=32 * 32, slow_frames=1, slow_pixels=64 * 64)
CRASHING = replace(clips.PROGRAM, arguments=("-m", "tests.modelassist.kinds.crashing_clips"))


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clips, "PROGRAM", CRASHING)
    yield
    child.end_child(CRASHING)


def test_the_process_answers_as_the_detectors_do_here(question: ClipQuestion, tmp_path: Path) -> None:
    questions = [question, replace(question, video=tmp_path / "gone.mp4")]
    assert IsolatedDetectors().propose(questions) == DetectorsProposer().propose(questions)
    readings = measure_clip(question.video)
    expected = MeasuredVideo(make_strip(readings), compute_features(readings).tolist())
    assert measure_video(question.video) == expected
    assert measure_video(tmp_path / "gone.mp4") == MeasuredVideo({}, [])
    with pytest.raises(ClipUnreadableError, match=r"^The file .*\.$"):
        read_shown_clip(tmp_path / "gone.mp4", FRAMES, "png")


def test_a_clip_that_crashes_the_decoder_fails_alone(question: ClipQuestion, crashes: None) -> None:
    crashing = replace(question, video=question.video.with_name(MARK))
    first, crashed, last = IsolatedDetectors().propose([question, crashing, question])
    words = "The process that reads the clip crashed (signal SIGSEGV)."
    assert (first, crashed.error) == (last, words)
    assert first.proposal is not None
    assert measure_video(crashing.video) == MeasuredVideo({}, [])
    with pytest.raises(ClipUnreadableError, match="crashed"):
        read_shown_clip(crashing.video, FRAMES, "png")
    with pytest.raises(ClipUnreadableError, match="crashed"):
        prepare_file(crashing.video, crashing.video)
    assert read_shown_clip(question.video, FRAMES, "png").duration == 0.75


def test_a_file_is_read_whole_as_it_is_here(question: ClipQuestion, tmp_path: Path) -> None:
    file = prepare_file(question.video, tmp_path / "copy.mp4")
    assert (file.facts, file.is_copied) == (probe(question.video), (tmp_path / "copy.mp4").exists())
    assert file.times == list(read_shown_times(question.video))
