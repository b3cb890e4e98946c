"""A small run, for the tests of training: its settings, and a way to cut it off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import Config, CooldownConfig, GrpoConfig, SftConfig
from modelassist.engine.training.journal import Journal
from modelassist.engine.training.stages import StageContext
from tests.modelassist.engine.small import read_metrics

Figures = list[dict[str, float]]
CONFIG = Config(
    max_new_tokens=48,
    save_steps=2,
    sft=SftConfig(steps=3, batch=4, warmup_steps=1),
    grpo=GrpoConfig(rounds=3, clips=2, num_generations=2),
    cooldown=CooldownConfig(steps=2, batch=2, samples=2, probe=2),
)


def make_context(critic: LoadedModel, tmp_path: Path) -> StageContext:
    return StageContext(critic, make_feeder(critic, tmp_path))


def make_feeder(critic: LoadedModel, tmp_path: Path) -> Feeder:
    return Feeder(critic, FrameStore(tmp_path / "frames", critic.frames))


@contextmanager
def cut_after(monkeypatch: pytest.MonkeyPatch, cut: int) -> Iterator[None]:
    """End a run in this block after some steps, as if it had been killed."""
    steps = 0

    def step(journal: Journal, stage: str, number: int, figures: Mapping[str, float]) -> None:
        nonlocal steps
        steps += 1
        if steps > cut:
            raise KeyboardInterrupt
        whole_step(journal, stage, number, figures)

    whole_step = Journal.log_step
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Journal, "log_step", step)
        yield


def read_losses(out: Path) -> list[tuple[str, int, float]]:
    return [(str(row["stage"]), int(row["step"]), row["loss"]) for row in read_metrics(out)]
