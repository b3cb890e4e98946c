"""A run that was cut off resumes with the losses that it would have had."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from modelassist.engine.training import train as training
from modelassist.engine.training.checkpoints import CheckpointError
from tests.modelassist.engine.training.runs import CONFIG, cut_after, read_losses


@pytest.mark.parametrize("cut", [2, 5, 7])
def test_a_run_that_was_killed_resumes_with_the_same_losses(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    with cut_after(monkeypatch, cut):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG)
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, resume=True)
    assert read_losses(tmp_path) == read_losses(finished)
    assert (tmp_path / "predictions-test.csv").read_bytes() == (finished / "predictions-test.csv").read_bytes()
    assert json.loads((tmp_path / "evaluation.json").read_text()) == json.loads(
        (finished / "evaluation.json").read_text()
    )


def test_later_stages_resume_a_run_of_the_earlier_ones(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["sft"])
    assert (tmp_path / "evaluation.json").exists()
    with pytest.raises(CheckpointError, match="--resume"):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["grpo", "cooldown"])
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["grpo", "cooldown"], resume=True)
    assert read_losses(tmp_path) == read_losses(finished)
    assert (tmp_path / "predictions-test.csv").read_bytes() == (finished / "predictions-test.csv").read_bytes()
    assert json.loads((tmp_path / "evaluation.json").read_text())["stages"] == ["sft", "grpo", "cooldown"]


def test_a_run_that_resumes_is_not_done(
    tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["sft"])
    with cut_after(monkeypatch, 1):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, resume=True)
    assert not (tmp_path / "evaluation.json").exists()


def test_a_run_does_not_resume_with_other_settings(finished: Path, tiny_folder: Path, release_folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"another seed \(0 there, 9 here\)"):
        training.train(release_folder, str(tiny_folder), finished, replace(CONFIG, seed=9), resume=True)


def test_a_run_may_resume_with_smaller_micro_batches(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cut_after(monkeypatch, 2):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["sft"])
    thriftier = replace(CONFIG, micro_tokens=1, gradient_checkpointing=True)
    training.train(release_folder, str(tiny_folder), tmp_path, thriftier, stages=["sft"], resume=True)
    assert [loss for _, _, loss in read_losses(tmp_path)] == pytest.approx(
        [loss for _, _, loss in read_losses(finished)[:3]]
    )
