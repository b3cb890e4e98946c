"""The loss of SFT: what it teaches, and that it is learnt."""

from pathlib import Path

import pytest
import torch

from modelassist.engine.evaluation.predictions import predict
from modelassist.engine.generation.read_scores import find_level_positions
from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.rows import compute_completion_logits, pack
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models import loader
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.training.optimise import TrainingError
from modelassist.engine.training.sft import SftStage, SftWeights, StepTotals, compute_sft_loss
from modelassist.engine.training.stages import select_batch
from qsave.axes import AXES
from qsave.release.reader import ReleaseReader
from tests.modelassist.engine.training.runs import CONFIG, Figures, make_context, make_feeder


def test_sft_learns_a_small_set_and_generates_it_freely(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path
) -> None:
    folder, figures = taught
    assert figures[-1]["cross_entropy"] < 0.01 < 4 < figures[0]["cross_entropy"]
    assert figures[-1]["huber"] < 0.1 * figures[0]["huber"]
    critic = loader.load(str(folder))
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    predictions = predict(critic, make_feeder(critic, tmp_path), examples, Sampling(token_budget=4096), label="train")
    errors = [
        abs(each.scored.card.axis(axis).score - each.example.targets[axis].mos)
        for each in predictions
        for axis in AXES
        if each.scored.card
    ]
    assert len(errors) == len(examples) * len(AXES)
    assert sum(errors) / len(errors) < 0.4


def test_weight_zero_is_plain_sft(critic: LoadedModel, release_folder: Path, tmp_path: Path) -> None:
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")[:2]
    rows = [make_feeder(critic, tmp_path).make_row(example) for example in examples]
    packed = pack(critic, rows)
    mos = torch.tensor([[example.targets[axis].mos for axis in AXES] for example in examples])
    logits = compute_completion_logits(critic, rows, packed, encode(critic, [row.prompt for row in rows]))
    totals = StepTotals.count(rows, [], Machine())
    plain, dual = (compute_sft_loss(critic, logits, packed, mos, SftWeights(weight), totals) for weight in (0.0, 2.0))
    assert plain.total.item() == plain.cross_entropy.item()
    assert plain.total.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, packed.targets).item())
    assert dual.total.item() == pytest.approx(plain.total.item() + 2 * dual.huber.item())


def test_only_the_level_words_of_a_direct_answer_have_a_gradient(
    critic: LoadedModel, release_folder: Path, tmp_path: Path
) -> None:
    example = load_examples(ReleaseReader(release_folder), "sft", "train")[0]
    row = make_feeder(critic, tmp_path).make_row(example, direct=True)
    packed = pack(critic, [row])
    logits = torch.randn(len(packed.targets), len(critic.tokenizer), requires_grad=True)
    mos = torch.tensor([[example.targets[axis].mos for axis in AXES]])
    totals = StepTotals.count([row], [], Machine())
    compute_sft_loss(critic, logits, packed, mos, SftWeights(1.0, 1.0), totals).direct.backward()
    assert logits.grad is not None
    taught = packed.targets[logits.grad.abs().sum(dim=1) > 0].tolist()
    places = find_level_positions(critic, row.completions[1]) or ()
    assert taught == [row.completions[1][position] for position in places]
    assert len(taught) == len(AXES)


def test_a_loss_that_is_not_finite_stops_with_the_clips_named(
    critic: LoadedModel, release_folder: Path, tmp_path: Path
) -> None:
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    stage = SftStage(make_context(critic, tmp_path), examples, CONFIG.sft)
    with torch.no_grad():
        critic.base.lm_head.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"sft step 1, clips clip-.*nan"):
        stage.step(0)


def test_every_example_is_taken_once_an_epoch() -> None:
    indices = [example for step in range(6) for example in select_batch(range(12), 4, step, 0, "sft")]
    assert sorted(indices[:12]) == sorted(indices[12:]) == list(range(12))
    assert indices[:12] != indices[12:]
