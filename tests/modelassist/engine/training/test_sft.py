"""A step of SFT: how it is cut changes neither its loss nor its gradient, and like goes with like."""

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
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import SftConfig
from modelassist.engine.training import sft
from modelassist.engine.training.optimise import list_trainable
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import StageContext
from qsave.release.reader import ReleaseReader

Told = tuple[dict[str, float], dict[str, torch.Tensor]]
STILL = SftConfig(steps=2, batch=8, learning_rate=0.0)
"""A step that leaves the weights where they are, so that the next is told the same."""


@pytest.fixture(scope="module")
def stage(tiny_folder: Path, release_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SftStage:
    critic = loader.load(str(tiny_folder))
    store = FrameStore(tmp_path_factory.mktemp("frames"), critic.frames)
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    return SftStage(StageContext(critic, Feeder(critic, store)), examples, STILL)


def told(stage: SftStage, micro_tokens: int) -> Told:
    """The figures and the gradient of one step, cut to size."""
    stage.micro_tokens = micro_tokens
    figures = stage.step(0)
    found = {name: value.grad.clone() for name, value in list_trainable(stage.model).items() if value.grad is not None}
    return figures, found


@pytest.fixture(scope="module")
def uncut(stage: SftStage) -> Told:
    return told(stage, 10**6)


@settings(deadline=None, max_examples=6)
@given(micro_tokens=st.integers(1, 700))
def test_the_loss_and_the_gradient_are_the_same_however_a_step_is_cut(
    stage: SftStage, uncut: Told, micro_tokens: int
) -> None:
    whole, its_gradient = uncut
    cut, gradient = told(stage, micro_tokens)
    for term in ("loss", "cross_entropy", "huber", "direct", "gradient_norm"):
        assert cut[term] == pytest.approx(whole[term], rel=1e-6), term
    assert gradient.keys() == its_gradient.keys()
    for name, value in gradient.items():
        assert (value - its_gradient[name]).abs().max() < 1e-6, name


def test_rows_of_like_length_go_together(stage: SftStage, uncut: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[list[int]] = []

    def packed(critic: Loaded, rows: Sequence[Row]) -> Packed:
        passes.append([row.length for row in rows])
        return pack(critic, rows)

    monkeypatch.setattr(sft, "pack", packed)
    most = 240
    figures, _ = told(stage, most)
    assert len(passes) > 1
    lengths_in_turn = [length for lengths in passes for length in lengths]
    assert lengths_in_turn == sorted(lengths_in_turn)
    assert all(len(lengths) * max(lengths) <= most or len(lengths) == 1 for lengths in passes)
    laid_out = sum(len(lengths) * max(lengths) for lengths in passes)
    assert figures["tokens"] == sum(map(sum, passes))
    assert figures["padding"] == pytest.approx(1 - figures["tokens"] / laid_out)
    assert figures["padding"] < uncut[0]["padding"]
