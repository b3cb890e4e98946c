from pathlib import Path

import numpy as np

from modelassist.kinds.base import ClipQuestion
from modelassist.kinds.detectors import DetectorsProposer
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.qsave.frames.clips import Picture, write_clip, write_sound


def test_one_bad_clip_fails_alone_with_a_sentence(tmp_path: Path) -> None:
    still = write_clip(tmp_path / "still.mp4", paint=lambda number, w, h: _checks(w, h))
    empty, sound = tmp_path / "empty.mp4", write_sound(tmp_path / "sound.mp4")
    empty.touch()
    videos = [empty, still, sound, tmp_path / "gone.mp4", still]

    answers = DetectorsProposer().propose([ClipQuestion(video, "A check", DEFAULT_TAXONOMY) for video in videos])

    assert [bool(answer.error) for answer in answers] == [True, False, True, True, False]
    assert all(answer.error.endswith(".") for answer in answers if answer.error)
    assert answers[1] == answers[4]
    proposal = answers[1].proposal
    assert proposal is not None
    assert proposal.dynamic is not None
    assert [piece.defect for piece in proposal.dynamic.evidence or ()] == ["too-little-motion"]
    assert (proposal.alignment, proposal.scores) == (None, {})
    assert answers[1].text.startswith("Measured in 12 frames of 1.00 s: blur, noise,")
    assert answers[1].text.endswith("Above its limit: blockiness, too-little-motion.")


def _checks(width: int, height: int) -> Picture:
    down, across = np.mgrid[:height, :width]
    return np.repeat((((down // 5 + across // 7) % 2) * 150 + 40).astype(np.uint8)[..., None], 3, 2)
