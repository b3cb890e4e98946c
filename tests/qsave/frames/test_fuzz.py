"""Damaged clips of every container go in, or are refused in a sentence; nothing else may come of them."""

from pathlib import Path

from tests.qsave.frames.fuzz import wrong_uses


def test_300_damaged_clips_go_in_or_are_refused_in_a_sentence(tmp_path: Path) -> None:
    assert wrong_uses(tmp_path, 300, seed=1) == []
