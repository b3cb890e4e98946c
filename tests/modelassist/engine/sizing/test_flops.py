"""Operations counted from shapes, against torch's own counter of what it runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.rows import Row, compute_completion_logits, pack
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models import loader
from modelassist.engine.models.adapters import is_vision_frozen, prepare
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.models.tiny import init_tiny
from modelassist.engine.settings.config import Config, LoraConfig
from modelassist.engine.sizing.flops import Flops, Work, compute_speed, count_flops
from qsave.frames.slowfast import FrameConfig
from qsave.release.reader import ReleaseReader

WAYS = {
    "full": Config(),
    "frozen tower": Config(freeze_vision=True),
    "adapters": Config(lora=LoraConfig(rank=4)),
}
WIDE = FrameConfig(fast_frames=3, fast_pixels=32 * 32, slow_frames=1, slow_pixels=192 * 192)
"""Slow frames of more than one window of Qwen2.5-VL's tower."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {kind: tmp_path_factory.mktemp(kind) for kind in ("qwen3_vl", "qwen2_5_vl")}
    for kind, folder in found.items():
        init_tiny(folder, kind=kind, frames=WIDE)
    return found


def rows_of(critic: LoadedModel, release: Path, frames: Path) -> list[Row]:
    """Of several lengths, with two completions each."""
    feeder = Feeder(critic, FrameStore(frames, critic.frames))
    examples = load_examples(ReleaseReader(release), "sft", "train")
    return [feeder.make_row(example, direct=True) for example in examples[2:5]]


def counted_by_torch(critic: LoadedModel, rows: Sequence[Row], *, frozen: bool) -> int:
    prompts = [row.prompt for row in rows]
    critic.network.train()
    with torch.set_grad_enabled(not frozen):
        kept = encode(critic, prompts)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        packed = pack(critic, rows)
        logits = compute_completion_logits(critic, rows, packed, kept if frozen else encode(critic, prompts))
        cross_entropy(logits, packed.targets).backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("recomputed", [False, True])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["qwen3_vl", "qwen2_5_vl"])
def test_operations_are_those_that_torch_counts(
    folders: dict[str, Path], release_folder: Path, tmp_path: Path, kind: str, way: str, recomputed: bool
) -> None:
    critic = loader.load(str(folders[kind]))
    config = replace(WAYS[way], gradient_checkpointing=recomputed)
    prepare(critic, config)
    rows = rows_of(critic, release_folder, tmp_path)
    mine = count_flops(critic, Work.of(rows, padded=True))
    assert mine.total == counted_by_torch(critic, rows, frozen=is_vision_frozen(config))
    assert bool(mine.recomputed) == recomputed


def test_padding_is_no_work_of_the_model(folders: dict[str, Path], release_folder: Path, tmp_path: Path) -> None:
    critic = loader.load(str(folders["qwen3_vl"]))
    rows = rows_of(critic, release_folder, tmp_path)
    each = [count_flops(critic, Work.of([row])) for row in rows]
    assert count_flops(critic, Work.of(rows)) == sum(each, Flops())
    assert count_flops(critic, Work.of(rows, padded=True)).useful > sum(each, Flops()).useful


def test_speed_has_mfu_where_the_peak_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"tokens": 1000.0, "flops": 989e12}
    assert compute_speed(figures, 2.0, Machine()) == {"seconds": 2.0, "tokens_per_second": 500.0}
    assert compute_speed({"reward": 1.0}, 2.0, Machine()) == {"seconds": 2.0}
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    assert compute_speed(figures, 2.0, Machine("cuda", torch.bfloat16))["mfu"] == pytest.approx(0.5)
    assert compute_speed(figures, 2.0, Machine("cuda", torch.bfloat16, size=4))["mfu"] == pytest.approx(0.125)
    assert "mfu" not in compute_speed(figures, 2.0, Machine("cuda", torch.float32))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some other card")
    assert "mfu" not in compute_speed(figures, 2.0, Machine("cuda", torch.bfloat16))
