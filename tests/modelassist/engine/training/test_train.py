"""Whole runs of a tiny model on a CPU: what they leave, and what they leave out."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modelassist.engine.cli.options import main
from modelassist.engine.generation.critic import Critic
from modelassist.engine.training import train as training
from modelassist.engine.training.checkpoints import CheckpointError
from qsave.release.encoding import ReleaseError
from tests.modelassist.engine.small import read_metrics, seal
from tests.modelassist.engine.training.runs import CONFIG, read_losses


def test_a_run_writes_its_files(finished: Path) -> None:
    assert [(stage, step) for stage, step, _ in read_losses(finished)] == [
        ("sft", 1), ("sft", 2), ("sft", 3), ("grpo", 1), ("grpo", 2), ("grpo", 3), ("cooldown", 1), ("cooldown", 2),
    ]  # fmt: skip
    assert sorted(path.name for path in (finished / "checkpoints").iterdir()) == ["cooldown-2", "grpo-3", "sft-3"]
    run = json.loads((finished / "run.json").read_text())
    assert run["config"]["frames"]["fast_frames"] == 3  # the model's own, as the settings name none
    assert (run["computed"]["processes"], run["computed"]["versions"]["torch"]) == (1, torch.__version__)
    progress = json.loads((finished / "progress.json").read_text())
    assert (progress["finished"], progress["share"]) == (True, 1.0)
    evaluation = json.loads((finished / "evaluation.json").read_text())
    assert set(evaluation["splits"]) == {"val", "test"}
    assert set(evaluation["cooldown"]) == {"before", "after"}
    for split in ("val", "test"):
        with (finished / f"predictions-{split}.csv").open() as file:
            assert len(list(csv.DictReader(file))) == evaluation["splits"][split]["clips"] == 3
    assert not [path for path in finished.rglob("*") if path.suffix in (".pt", ".bin", ".pkl")]
    assert Critic.load(str(finished / "model"), "cpu").loaded.max_new_tokens == 48


def test_grpo_logs_every_reward_term(finished: Path) -> None:
    row = next(row for row in read_metrics(finished) if row["stage"] == "grpo")
    for name in ("format", "accuracy", "rank", "defects", "evidence", "consistency", "length"):
        assert 0 <= row[f"reward_{name}"] <= 1
    assert {"zero_spread", "clip_share", "length", "entropy", "kl", "finished"} <= set(row)


def test_a_stage_without_steps_is_skipped(tiny_folder: Path, release_folder: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, grpo=replace(CONFIG.grpo, rounds=0), cooldown=replace(CONFIG.cooldown, steps=0))
    evaluation = training.train(release_folder, str(tiny_folder), tmp_path, config)
    assert evaluation is not None
    assert evaluation.stages == ("sft",)
    assert evaluation.cooldown == {}


def test_another_seed_gives_other_losses(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    training.train(release_folder, str(tiny_folder), tmp_path, replace(CONFIG, seed=1), stages=["sft"])
    assert read_losses(tmp_path) != read_losses(finished)[:3]


def test_a_second_run_into_the_same_folder_is_refused(finished: Path, tiny_folder: Path, release_folder: Path) -> None:
    with pytest.raises(CheckpointError, match="--resume"):
        training.train(release_folder, str(tiny_folder), finished, CONFIG)


def test_a_clip_that_cannot_be_read_is_reported_and_left_out(
    tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    release = shutil.copytree(release_folder, tmp_path / "release")
    row = json.loads((release / "sft" / "train.jsonl").read_text().splitlines()[0])
    (release / row["media"]["path"]).write_bytes(b"no video")
    seal(release)
    evaluation = training.train(release, str(tiny_folder), tmp_path / "run", CONFIG, stages=["sft"])
    assert evaluation is not None
    assert [row["clip_id"] in problem for problem in evaluation.problems or ()] == [True]
    assert len(losses_of_sft(tmp_path / "run")) == CONFIG.sft.steps


def losses_of_sft(out: Path) -> list[float]:
    return [row["loss"] for row in read_metrics(out) if row["stage"] == "sft"]


def test_a_changed_release_is_not_trained_on(tiny_folder: Path, release_folder: Path, tmp_path: Path) -> None:
    release = shutil.copytree(release_folder, tmp_path / "release")
    (release / "rl" / "train.jsonl").write_text("")
    with pytest.raises(ReleaseError, match="not as it was frozen"):
        training.train(release, str(tiny_folder), tmp_path / "run", CONFIG)


@pytest.mark.parametrize("which", ["--model", "--previous"])
def test_a_folder_that_is_not_a_model_is_refused_in_one_line(
    which: str, tiny_folder: Path, release_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"--model": str(tiny_folder)} | {which: str(tmp_path)}
    options = ["--release", str(release_folder), "--out", str(tmp_path / "out")]
    assert main(["train", *options, *(word for pair in models.items() for word in pair)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} is not a model folder")
    assert not (tmp_path / "out").exists()
