"""A step of SFT: micro-batches change neither its loss nor its gradient, and hold rows of similar length."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.rows import Packed, Row, pack
from modelassist.engine.models import loader
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import SftConfig
from modelassist.engine.training import sft
from modelassist.engine.training.optimise import list_trainable
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import StageContext
from qsave.release.reader import ReleaseReader

Step = tuple[dict[str, float], dict[str, torch.Tensor]]
STILL = SftConfig(steps=2, batch=8, learning_rate=0.0)
"""A step that changes no weight, so that the next one has the same figures."""


@pytest.fixture(scope="module")
def stage(tiny_folder: Path, release_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SftStage:
    critic = loader.load(str(tiny_folder))
    store = FrameStore(tmp_path_factory.mktemp("frames"), critic.frames)
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    return SftStage(StageContext(critic, Feeder(critic, store)), examples, STILL)


def take_step(stage: SftStage, micro_tokens: int) -> Step:
    """Take a step in micro-batches of a size; returns its figures and its gradient."""
    stage.micro_tokens = micro_tokens
    figures = stage.step(0)
    gradient = {
        name: value.grad.clone() for name, value in list_trainable(stage.model).items() if value.grad is not None
    }
    return figures, gradient


@pytest.fixture(scope="module")
def uncut(stage: SftStage) -> Step:
    return take_step(stage, 10**6)


@settings(deadline=None, max_examples=6)
@given(micro_tokens=st.integers(1, 700))
def test_loss_and_gradient_do_not_depend_on_micro_batches(stage: SftStage, uncut: Step, micro_tokens: int) -> None:
    whole, its_gradient = uncut
    cut, gradient = take_step(stage, micro_tokens)
    for term in ("loss", "cross_entropy", "huber", "direct", "gradient_norm"):
        assert cut[term] == pytest.approx(whole[term], rel=1e-6), term
    assert gradient.keys() == its_gradient.keys()
    for name, value in gradient.items():
        assert (value - its_gradient[name]).abs().max() < 1e-6, name


def test_rows_of_similar_length_share_a_micro_batch(
    stage: SftStage, uncut: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[list[int]] = []

    def packed(critic: LoadedModel, rows: Sequence[Row]) -> Packed:
        passes.append([row.length for row in rows])
        return pack(critic, rows)

    monkeypatch.setattr(sft, "pack", packed)
    most = 240
    figures, _ = take_step(stage, most)
    assert len(passes) > 1
    lengths_in_turn = [length for lengths in passes for length in lengths]
    assert lengths_in_turn == sorted(lengths_in_turn)
    assert all(len(lengths) * max(lengths) <= most or len(lengths) == 1 for lengths in passes)
    laid_out = sum(len(lengths) * max(lengths) for lengths in passes)
    assert figures["tokens"] == sum(map(sum, passes))
    assert figures["padding"] == pytest.approx(1 - figures["tokens"] / laid_out)
    assert figures["padding"] < uncut[0]["padding"]
