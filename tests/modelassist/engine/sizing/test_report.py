"""The size of a run, computed without weights; the shipped recipes fit on the GPUs that they name."""

import shutil
import textwrap
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from django.conf import settings
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.profiler import ProfilerActivity, profile

from modelassist.engine.cli.options import main
from modelassist.engine.inputs.rows import compute_completion_logits, pack
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models import loader
from modelassist.engine.models.adapters import prepare
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings import config
from modelassist.engine.settings.config import Config, GrpoConfig, LoraConfig, SftConfig, load_config
from modelassist.engine.sizing.flops import MEMORY, PEAKS, Work, count_flops
from modelassist.engine.sizing.memory import Arguments, count_kept
from modelassist.engine.sizing.report import Size, compute_size, describe_size, make_example_row
from tests.modelassist.engine.geometry import PARAMETERS, make_8b

RECIPES = Path(config.__file__).parents[1] / "recipes"
GPUS = {"qwen3-vl-8b-lora": 1, "qwen3-vl-8b-full": 8}
ROOM = 72e9
"""Bytes: 80 GB less a tenth that stays free."""
ONE_H100 = "qwen3-vl-8b-lora"
ADVISED: dict[str, dict[str, Any]] = {
    "gradient_checkpointing = true": {"gradient_checkpointing": True},
    "micro_tokens below 8192": {"micro_tokens": 4096},
    'parallel = "fsdp" on several GPUs': {"parallel": "fsdp"},
    "grpo.clips below 4": {"grpo": GrpoConfig(clips=3)},
    "grpo.num_generations below 6": {"grpo": GrpoConfig(num_generations=5)},
    "freeze_vision = true": {"freeze_vision": True},
    "adapters (lora.rank)": {"lora": LoraConfig(rank=64)},
    "tokens_per_batch below 16384": {"tokens_per_batch": 8192},
}
"""The advice for a run with the defaults that does not fit, and the settings that follow it."""
STATE = 4
"""Number of first items of a part that stay in memory between steps."""


@pytest.fixture(scope="module")
def folder_8b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("8b")
    make_8b(folder)
    return folder


@pytest.fixture(scope="module")
def shipped(folder_8b: Path) -> dict[str, Size]:
    """The size of each recipe on its GPUs."""
    return {name: size_of_run(folder_8b, load_config(RECIPES / f"{name}.toml"), gpus) for name, gpus in GPUS.items()}


def size_of_run(folder: Path, settings: Config, gpus: int = 1) -> Size:
    return compute_size(loader.load_outline(str(folder)), settings, gpus)


def state(size: Size) -> list[int]:
    return list(size.memory["SFT"].values())[:STATE]


def test_every_recipe_for_a_gpu_has_its_size_checked() -> None:
    assert {path.stem for path in RECIPES.glob("*.toml")} == {*GPUS, "toy"}


@pytest.mark.parametrize("recipe", GPUS)
def test_a_recipe_fits_in_every_part_of_its_run(shipped: dict[str, Size], recipe: str) -> None:
    memory = shipped[recipe].memory
    assert {part: sum(items.values()) < ROOM for part, items in memory.items()} == dict.fromkeys(memory, True)
    assert ("GRPO" in memory) == (load_config(RECIPES / f"{recipe}.toml").grpo.rounds > 0)
    output = [line for line in describe_size(shipped[recipe], "H100") if line.startswith("    fits in 80 GB with ")]
    assert len(output) == len(memory)


def test_the_memory_of_every_card_is_known() -> None:
    assert list(MEMORY) == list(PEAKS)


@pytest.mark.parametrize(
    ("needed", "gpu", "verdict"),
    [
        (40_000_000, "H200", "fits in 141 GB with 99% free"),
        (72_000_000_000, "H100", "fits in 80 GB with 10% free"),
        (72_000_000_001, "H100", "does not fit in 80 GB: with a tenth free it needs 1.1 times as much"),
        (72_000_000_001, "H100 NVL", "fits in 94 GB with 23% free"),
        (151_000_000_000, "L40S", "does not fit in 48 GB: with a tenth free it needs 3.5 times as much"),
    ],
)
def test_each_part_ends_with_whether_it_fits(shipped: dict[str, Size], needed: int, gpu: str, verdict: str) -> None:
    size = replace(shipped[ONE_H100], memory={"SFT": {"weights": needed}})
    lines = list(describe_size(size, gpu))
    assert f"    {verdict}" in lines
    advice = ["    what makes it smaller:", *(f"        {change}" for change in size.advice["SFT"])]
    after = lines[lines.index(f"    {verdict}") + 1 :]
    assert (after[: len(advice)] == advice) == ("does not fit" in verdict)


def test_every_advice_makes_a_part_smaller(folder_8b: Path) -> None:
    way = Config()
    before = size_of_run(folder_8b, way, 2)
    assert {words for advice in before.advice.values() for words in advice} == {*ADVISED, "a smaller model"}
    for words, change in ADVISED.items():
        after = size_of_run(folder_8b, replace(way, **change), 2)
        for part in (part for part, advice in before.advice.items() if words in advice):
            assert sum(after.memory[part].values()) < sum(before.memory[part].values()), (words, part)


def test_no_advice_is_given_that_is_followed_already(shipped: dict[str, Size]) -> None:
    assert shipped[ONE_H100].advice == {
        "SFT": ("micro_tokens below 8192", 'parallel = "fsdp" on several GPUs', "a smaller model"),
        "GRPO": ("grpo.clips below 4", "grpo.num_generations below 4", "a smaller model"),
        "evaluation": ("tokens_per_batch below 65536", "a smaller model"),
    }
    shared = ("micro_tokens below 8192", "more GPUs", "freeze_vision = true", "adapters (lora.rank)", "a smaller model")
    assert shipped["qwen3-vl-8b-full"].advice["SFT"] == shared


def test_all_weights_take_sixteen_bytes_each_and_processes_share_them(
    folder_8b: Path, shipped: dict[str, Size]
) -> None:
    whole = replace(load_config(RECIPES / "qwen3-vl-8b-full.toml"), parallel="ddp")
    alone, shared = size_of_run(folder_8b, whole, 8), shipped["qwen3-vl-8b-full"]
    assert alone.parameters == alone.trained == PARAMETERS
    assert state(alone) == [0, 4 * PARAMETERS, 4 * PARAMETERS, 8 * PARAMETERS]
    assert state(shared) == [value // 8 for value in state(alone)]
    assert sum(alone.memory["SFT"].values()) > ROOM


def test_adapters_are_those_of_every_product_of_every_layer(shipped: dict[str, Size]) -> None:
    size = shipped["qwen3-vl-8b-lora"]
    inner, keys, wide = 4096, 1024, 12288
    ends = 2 * (inner + inner) + 2 * (inner + keys) + 3 * (inner + wide)
    assert (size.parameters, size.trained) == (PARAMETERS, 36 * 64 * ends)
    assert state(size) == [2 * PARAMETERS, 4 * size.trained, 4 * size.trained, 8 * size.trained]


def test_tokens_of_a_clip_follow_from_its_frames(shipped: dict[str, Size]) -> None:
    fast, slow = 8 * (224 // 32) * (128 // 32), 4 * (448 // 32) * (256 // 32)
    for size in shipped.values():
        assert size.vision_tokens == fast + slow
        assert len(size.row.prompt.ids) > fast + slow


def test_checkpointing_trades_memory_for_operations(folder_8b: Path, shipped: dict[str, Size]) -> None:
    settings = load_config(RECIPES / "qwen3-vl-8b-lora.toml")
    kept, again = size_of_run(folder_8b, replace(settings, gradient_checkpointing=False)), shipped["qwen3-vl-8b-lora"]
    assert kept.memory["SFT"]["kept by the language model"] > 8 * again.memory["SFT"]["kept by the language model"]
    assert kept.flops.recomputed == 0
    assert again.flops.recomputed == pytest.approx(again.flops.forward, rel=0.1)


def measure_kept_bytes(critic: LoadedModel, arguments: Arguments, dtype: torch.dtype) -> int:
    """Measure the bytes that a layer keeps for the backward pass, without its weights and their copies."""
    layer = critic.base.model.language_model.layers[0].eval()
    kept: dict[int, Tensor] = {}

    def record(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    hidden, others = arguments
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16)
    with autocast, torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
        layer(hidden.requires_grad_(), **others)
    own = {value.untyped_storage().data_ptr() for value in layer.parameters()}
    return sum(tensor.untyped_storage().nbytes() for key, tensor in kept.items() if key not in own)


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_keeps_what_it_is_said_to_keep(tiny_folder: Path, dtype: torch.dtype, rank: int) -> None:
    real, outline = loader.load(str(tiny_folder), dtype=dtype), loader.load_outline(str(tiny_folder))
    for critic in (real, outline):
        prepare(critic, Config(lora=LoraConfig(rank=rank)))
    if not rank:
        real.network.to(dtype)  # as FSDP has weights in a pass

    def arguments() -> Arguments:
        angles = torch.zeros(2, 48, 32, dtype=dtype)
        mask = torch.ones(2, 1, 48, 48, dtype=torch.bool)
        return torch.zeros(2, 48, 128, dtype=dtype), {"position_embeddings": (angles, angles), "attention_mask": mask}

    layer = outline.base.model.language_model.layers[0]
    assert count_kept(layer, arguments, dtype) == (
        2 * 48 * 128 * dtype.itemsize,
        measure_kept_bytes(real, arguments(), dtype),
    )


def measure_peak_bytes(critic: LoadedModel, rows: int, dtype: torch.dtype) -> int:
    """Measure the most bytes that a pass over equal rows allocates at once, without those allocated before it."""
    some = [make_example_row(critic, direct=True)] * rows
    prompts = [row.prompt for row in some]
    critic.network.train()
    for value in critic.network.parameters():
        value.grad = torch.zeros_like(value) if value.requires_grad else None
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        packed = pack(critic, some)
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            losses = cross_entropy(
                compute_completion_logits(critic, some, packed, encode(critic, prompts)),
                packed.targets,
                reduction="none",
            )
        losses.sum().backward()
    sizes = [event.nbytes() for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(accumulate(sizes))


@pytest.mark.parametrize(("dtype", "rank"), [("float32", 0), ("float32", 8), ("bfloat16", 0), ("bfloat16", 8)])
def test_a_pass_takes_what_is_counted_and_with_checkpointing_no_more(tiny_folder: Path, dtype: str, rank: int) -> None:
    counted, measured = [], []
    for recomputed in (False, True):
        way = Config(dtype=dtype, gradient_checkpointing=recomputed, lora=LoraConfig(rank=rank), sft=SftConfig(batch=2))
        memory = size_of_run(tiny_folder, way).memory["SFT"]
        counted.append(sum(list(memory.values())[STATE:]))
        critic = loader.load(str(tiny_folder), dtype=(arithmetic := getattr(torch, dtype)))
        prepare(critic, way)
        measured.append(measure_peak_bytes(critic, way.sft.batch, arithmetic))
    assert counted[0] == pytest.approx(measured[0], rel=0.1)
    assert counted[1] > measured[1]


@pytest.mark.parametrize("way", [Config(), Config(freeze_vision=True), Config(lora=LoraConfig(rank=4))])
def test_operations_are_those_of_the_model_with_weights(folder_of_either: Path, way: Config) -> None:
    real = loader.load(str(folder_of_either))
    prepare(real, way)
    size = size_of_run(folder_of_either, way)
    assert size.flops == count_flops(real, Work.of([make_example_row(real, direct=True)] * way.sft.batch))


def test_captions_direct_answers_and_the_reference_are_counted(tiny_folder: Path) -> None:
    plain = size_of_run(tiny_folder, Config(sft=SftConfig(direct_weight=0), grpo=GrpoConfig(beta=0)))
    direct = size_of_run(tiny_folder, Config(grpo=GrpoConfig(beta=0)))
    captioned = size_of_run(tiny_folder, Config(sft=SftConfig(direct_weight=0, captions="captions.jsonl")))
    both = size_of_run(tiny_folder, Config(sft=SftConfig(captions="captions.jsonl")))
    with_reference = size_of_run(tiny_folder, Config(grpo=GrpoConfig(beta=0.1)))
    assert direct.row.length == plain.row.length + len(direct.row.completions[1])
    share = 1 + SftConfig().captions_batch / SftConfig().batch
    assert captioned.step.tokens == share * plain.step.tokens
    assert both.step.tokens - direct.step.tokens == captioned.step.tokens - plain.step.tokens
    trained = state(with_reference)[1]
    assert sum(with_reference.memory["GRPO"].values()) - sum(direct.memory["GRPO"].values()) == trained


def test_an_evaluation_is_in_bfloat16_whatever_the_training_was_in(tiny_folder: Path) -> None:
    sizes = [size_of_run(tiny_folder, Config(dtype=dtype)) for dtype in ("float32", "bfloat16")]
    assert sizes[0].memory["evaluation"] == sizes[1].memory["evaluation"]
    assert sizes[0].memory["evaluation"]["weights"] == 2 * sizes[0].parameters


def test_the_command_needs_no_weights(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    assert main(["size", "--model", str(folder), "--config", str(RECIPES / "qwen3-vl-8b-lora.toml")]) == 0
    output = capsys.readouterr().out
    assert "672 vision tokens" in output
    assert "GRPO, MB on each GPU" in output
    assert output.count("fits in 80 GB with 99% free") == len(("SFT", "GRPO", "evaluation"))
    assert "tokens/s" in output
    assert main(["size", "--model", str(tmp_path / "none")]) == 1
    assert "there is no such model folder" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", GPUS)
def test_the_page_on_recipes_tells_these_figures(shipped: dict[str, Size], recipe: str) -> None:
    page = (settings.BASE_DIR / "docs" / "engine" / "recipe.md").read_text(encoding="utf-8")
    printed = textwrap.indent("\n".join(describe_size(shipped[recipe], "H100")), "    ")
    assert printed in page
