"""Fixtures: a finished run, and a critic that was trained."""

import json
from pathlib import Path

import pytest
import torch

from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.models import loader
from modelassist.engine.models.saver import save
from modelassist.engine.models.tiny import MAX_NEW_TOKENS
from modelassist.engine.settings.config import SftConfig
from modelassist.engine.training import train as training
from modelassist.engine.training.sft import SftStage
from qsave.release.reader import ReleaseReader
from tests.modelassist.engine.training.runs import CONFIG, Figures, make_context
from tests.support.once import make_once


@pytest.fixture(scope="module")
def finished(tiny_folder: Path, release_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    training.train(release_folder, str(tiny_folder), out, CONFIG)
    return out


@pytest.fixture(scope="session")
def taught(tiny_folder: Path, release_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Figures]:
    """A critic that was overfitted to the eight train clips, and the figures of its steps."""

    def teach(folder: Path) -> None:
        torch.set_num_threads(1)
        critic = loader.load(str(tiny_folder))
        critic.max_new_tokens = MAX_NEW_TOKENS
        examples = load_examples(ReleaseReader(release_folder), "sft", "train")
        config = SftConfig(steps=100, batch=8, learning_rate=4e-3, warmup_steps=5, shift=0)
        stage = SftStage(make_context(critic, folder), examples, config)
        (folder / "figures.json").write_text(json.dumps([stage.step(index) for index in range(config.steps)]))
        save(critic, folder / "model")

    folder = make_once(tmp_path_factory, "taught", teach)
    return folder / "model", json.loads((folder / "figures.json").read_text())
