"""Checkpoints: complete, or the one before stays; an error says what is wrong with one."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.models import loader
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.models.tiny import init_tiny
from modelassist.engine.settings.config import SftConfig
from modelassist.engine.training.checkpoints import (
    CheckpointError,
    find_newest,
    restore_stage,
    restore_weights,
    save_checkpoint,
)
from modelassist.engine.training.description import RunDescription
from modelassist.engine.training.optimise import dump_optimizer, list_trainable
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import StageContext
from qsave.release.reader import ReleaseReader

RUN = RunDescription({"seed": 0}, "tiny", "a digest", "another digest")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files that grow beyond so many bytes fail, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def stage(critic: LoadedModel, release_folder: Path, tmp_path: Path) -> SftStage:
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    feeder = Feeder(critic, FrameStore(tmp_path / "frames", critic.frames))
    return SftStage(StageContext(critic, feeder), examples, SftConfig(steps=3, batch=2))


def test_a_checkpoint_restores_weights_and_optimiser(
    critic: LoadedModel, stage: SftStage, tiny_folder: Path, tmp_path: Path
) -> None:
    stage.step(0)
    save_checkpoint(tmp_path / "checkpoints", critic, stage, 1, RUN)
    checkpoint = find_newest(tmp_path / "checkpoints", ["sft"])
    assert checkpoint is not None
    assert (checkpoint.stage, checkpoint.step, checkpoint.run) == ("sft", 1, RUN)
    other = loader.load(str(tiny_folder))
    restore_weights(other, checkpoint)
    again = SftStage(StageContext(other, stage.context.feeder), stage.examples, stage.config)
    restore_stage(other, again, checkpoint)
    for name, value in list_trainable(critic).items():
        assert torch.equal(value, list_trainable(other)[name]), name
    before, after = dump_optimizer(critic, stage.optimizer), dump_optimizer(other, again.optimizer)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_checkpoint_has_the_permissions_of_the_umask(critic: LoadedModel, stage: SftStage, tmp_path: Path) -> None:
    stage.step(0)
    before = os.umask(0o027)
    try:
        path = save_checkpoint(tmp_path, critic, stage, 1, RUN)
    finally:
        os.umask(before)
    assert {file.name: file.stat().st_mode & 0o777 for file in path.iterdir()} == {
        "weights.safetensors": 0o640,
        "optimizer.safetensors": 0o640,
        "state.json": 0o640,
    }


@pytest.mark.parametrize("size", [0, 100_000])
def test_a_full_disk_leaves_the_checkpoint_before_it(
    critic: LoadedModel, stage: SftStage, tmp_path: Path, size: int
) -> None:
    stage.step(0)
    save_checkpoint(tmp_path, critic, stage, 1, RUN)
    stage.step(1)
    with (
        largest_file(size),
        pytest.raises(CheckpointError, match=r"sft-2 cannot be written \(.*File too large.*MB") as raised,
    ):
        save_checkpoint(tmp_path, critic, stage, 2, RUN)
    assert "resume with --resume" in str(raised.value)
    assert [path.name for path in tmp_path.iterdir() if path.name != "frames"] == ["sft-1"]
    checkpoint = find_newest(tmp_path, ["sft"])
    assert checkpoint is not None
    restore_weights(critic, checkpoint)
    restore_stage(critic, stage, checkpoint)


def test_a_checkpoint_of_a_model_of_another_shape_is_refused(
    critic: LoadedModel, stage: SftStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path / "checkpoints", critic, stage, 1, RUN)
    monkeypatch.setattr("modelassist.engine.models.tiny.LAYERS", 2)
    init_tiny(tmp_path / "other", frames=critic.frames)
    checkpoint = find_newest(tmp_path / "checkpoints", ["sft"])
    assert checkpoint is not None
    with pytest.raises(CheckpointError, match="made of another model"):
        restore_weights(loader.load(str(tmp_path / "other")), checkpoint)


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_named(critic: LoadedModel, stage: SftStage, tmp_path: Path, name: str) -> None:
    stage.step(0)
    path = save_checkpoint(tmp_path, critic, stage, 1, RUN) / name
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(CheckpointError, match=rf"{name} is damaged: remove .*sft-1; --resume then"):
        checkpoint = find_newest(tmp_path, ["sft"])
        assert checkpoint is not None
        restore_weights(critic, checkpoint)
        restore_stage(critic, stage, checkpoint)
