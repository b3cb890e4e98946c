"""Each way to train a model takes a step: which weights change, in which dtype, and with recomputed activations."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modelassist.engine.inputs import feeder as feeder_module
from modelassist.engine.inputs.examples import Example, load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models import loader
from modelassist.engine.models.adapters import is_vision_frozen, prepare
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import Config, GrpoConfig, LoraConfig, SftConfig
from modelassist.engine.support.seeds import seed_torch
from modelassist.engine.training.grpo import GrpoStage
from modelassist.engine.training.optimise import list_trainable
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import StageContext
from qsave.release.reader import ReleaseReader

FULL = Config(
    sft=SftConfig(steps=2, batch=3, warmup_steps=1), grpo=GrpoConfig(clips=2, num_generations=2, num_iterations=1)
)
WAYS = {
    "full": FULL,
    "frozen tower": replace(FULL, freeze_vision=True),
    "adapters": replace(FULL, lora=LoraConfig(rank=4)),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> FrameStore:
    return FrameStore(tmp_path_factory.mktemp("frames"), loader.load(str(tiny_folder)).frames)


@pytest.fixture(scope="module")
def examples(release_folder: Path) -> list[Example]:
    return load_examples(ReleaseReader(release_folder), "sft", "train")


def ready(folder: Path, config: Config) -> LoadedModel:
    critic = loader.load(str(folder), dtype=getattr(torch, config.dtype))
    with seed_torch(0, "adapters"):
        prepare(critic, config)
    return critic


def one_step(
    folder: Path, config: Config, store: FrameStore, examples: list[Example], *, is_grpo: bool = False
) -> tuple[LoadedModel, dict[str, float], set[str]]:
    """The critic after a step, the step's figures, and the names of the weights that it changed."""
    critic = ready(folder, config)
    before = {name: value.detach().clone() for name, value in critic.network.named_parameters()}
    feeder = Feeder(critic, store, frozen=is_vision_frozen(config))
    context = StageContext(critic, feeder, machine=Machine(dtype=getattr(torch, config.dtype)))
    stage: SftStage | GrpoStage
    if is_grpo:
        stage = GrpoStage(context, examples, config.grpo, max_new_tokens=12)
    else:
        stage = SftStage(context, examples, config.sft)
    figures = stage.step(0)
    changed = {name for name, value in critic.network.named_parameters() if not torch.equal(before[name], value)}
    return critic, figures, changed


def belongs(name: str, way: str) -> bool:
    if way == "adapters":
        return "lora_" in name
    return way == "full" or "visual" not in name


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("way", WAYS)
def test_a_step_changes_what_is_trained_and_nothing_else(
    tiny_folder: Path, store: FrameStore, examples: list[Example], way: str, dtype: str
) -> None:
    config = replace(WAYS[way], dtype=dtype)
    critic, figures, changed = one_step(tiny_folder, config, store, examples)
    names = {name for name, _ in critic.network.named_parameters() if belongs(name, way)}
    assert set(list_trainable(critic)) == names
    assert changed <= names
    unmoved = {name for name in names - changed if "lora_A" not in name}  # B starts at zero, and so A gets no gradient
    assert unmoved == set()
    assert {value.dtype for value in list_trainable(critic).values()} == {torch.float32}
    kept = {value.dtype for value in critic.network.parameters() if not value.requires_grad}
    assert kept <= {getattr(torch, dtype)}
    exact = one_step(tiny_folder, WAYS[way], store, examples)[1] if dtype == "bfloat16" else figures
    assert figures["loss"] == pytest.approx(exact["loss"], rel=0.02)
    assert figures["gradient_norm"] == pytest.approx(exact["gradient_norm"], rel=0.1)


@pytest.mark.parametrize("way", WAYS)
def test_recomputing_activations_changes_neither_loss_nor_step(
    tiny_folder: Path, store: FrameStore, examples: list[Example], way: str
) -> None:
    plain, figures, _ = one_step(tiny_folder, WAYS[way], store, examples)
    thrifty, same, _ = one_step(tiny_folder, replace(WAYS[way], gradient_checkpointing=True), store, examples)
    assert thrifty.base.is_activation_checkpointing
    for name in ("loss", "cross_entropy", "huber", "direct", "gradient_norm"):
        assert same[name] == pytest.approx(figures[name], rel=1e-6), name
    for name, value in list_trainable(plain).items():
        assert (value - list_trainable(thrifty)[name]).abs().max() < 1e-5, name


@pytest.mark.parametrize("way", WAYS)
def test_grpo_takes_its_step_in_bfloat16_too(
    tiny_folder: Path, store: FrameStore, examples: list[Example], way: str
) -> None:
    config = replace(WAYS[way], dtype="bfloat16", gradient_checkpointing=True)
    _, figures, _ = one_step(tiny_folder, config, store, examples, is_grpo=True)
    assert figures["loss"] == pytest.approx(0, abs=1)
    assert figures["entropy"] >= 0


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_train_is_prepared_with_a_warning(critic: LoadedModel, way: str, checkpointing: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepare(critic, replace(WAYS[way], gradient_checkpointing=checkpointing))


@pytest.mark.parametrize(("gigabytes", "runs"), [(1.0, 2), (0.0, 4)])
def test_a_frozen_tower_runs_once_a_clip_where_its_features_find_room(
    critic: LoadedModel, store: FrameStore, examples: list[Example], monkeypatch: pytest.MonkeyPatch, gigabytes: float,
    runs: int,
) -> None:  # fmt: skip
    seen: list[int] = []

    def counted(critic: LoadedModel, prompts: Sequence[Prompt]) -> list[Features]:
        seen.append(len(prompts))
        return encode(critic, prompts)

    monkeypatch.setattr(feeder_module, "encode", counted)
    prepare(critic, WAYS["adapters"])
    feeder = Feeder(critic, store, frozen=True, gigabytes=gigabytes)
    two = examples[:2]
    prompts = [feeder.make_prompt(example) for example in two]
    first, again = feeder.compute_features(two, prompts), feeder.compute_features(two, prompts)
    assert sum(seen) == runs
    for one, other in zip(first, again, strict=True):
        assert all(map(torch.equal, one.pooler_output, other.pooler_output))
        assert not any(tensor.requires_grad for tensor in other.pooler_output)
