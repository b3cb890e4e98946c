"""Floating-point operations of a training step, counted from what is multiplied, and the speed that follows from them.

Counted are products with weights and attention, a multiplication and an addition being two; norms, activations and the
optimiser are not, as is usual. A product is taken once forward, once backward for the gradient of its input and once
for that of its weight, where these are needed: three for a weight that is trained, two for one that is frozen under
adapters. A tower that stays as it is counts nothing, as its features are kept. Attention counts every pair of places of
a row, hidden by the mask or not, which is what the kernels with a mask do.

What is recomputed in the backward pass is work of the machine and none of the model: it stands apart, and MFU (the
share of the device's peak that the model's own work makes up) leaves it out, as it leaves out padding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from modelassist.engine.inputs.rows import Row
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import Loaded

PEAKS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200 NVL": 835e12,
    "H200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "B200": 2250e12,
}
"""Dense bfloat16 operations a second, by a part of the device's name, from the makers' data sheets; the first that fits
counts."""
MEMORY = {
    "H100 PCIe": 80e9,
    "H100 NVL": 94e9,
    "H100": 80e9,
    "H200 NVL": 141e9,
    "H200": 141e9,
    "A100": 80e9,
    "L40S": 48e9,
    "B200": 180e9,
}
"""Bytes of the same cards, likewise; of those that come in two sizes, the larger."""
_INPUTS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


@dataclass(frozen=True, slots=True)
class Work:
    """What goes through the model."""

    tokens: int
    pairs: int
    """Of places that may look at each other: the squares of the rows' lengths."""
    predicted: int
    """Places at which the head is asked."""
    grids: tuple[tuple[int, int, int], ...]
    """Patches in time, height and width of each medium."""

    @classmethod
    def of(cls, rows: Sequence[Row], *, padded: bool = False) -> "Work":
        """That of some rows; `padded` to the longest, as they are laid out in one batch."""
        lengths = [row.length for row in rows]
        if padded:
            lengths = [max(lengths)] * len(lengths)
        return cls(
            tokens=sum(lengths),
            pairs=sum(length**2 for length in lengths),
            predicted=sum(len(completion) for row in rows for completion in row.completions),
            grids=tuple((t, h, w) for row in rows for t, h, w in row.prompt.grids.tolist()),
        )

    @property
    def patches(self) -> int:
        return sum(t * h * w for t, h, w in self.grids)


@dataclass(frozen=True, slots=True)
class Flops:
    """Operations of a step."""

    forward: int = 0
    backward: int = 0
    recomputed: int = 0

    def __add__(self, other: "Flops") -> "Flops":
        return Flops(self.forward + other.forward, self.backward + other.backward, self.recomputed + other.recomputed)

    @property
    def useful(self) -> int:
        """What the model needs: recomputation apart."""
        return self.forward + self.backward

    @property
    def all(self) -> int:
        return self.useful + self.recomputed


def count(critic: Loaded, work: Work) -> Flops:
    """The operations of one forward and backward pass over `work`, by what of the model is trained now."""
    head = _product(critic.base.lm_head, work.predicted)
    return sum(_layers(critic, work), sum(_tower(critic, work), head))


def speed(figures: Mapping[str, float], seconds: float, machine: Machine) -> dict[str, float]:
    """Tokens a second of all processes and, where the device's peak is known, MFU; of a step's `tokens` and `flops`."""
    if "flops" not in figures:
        return {"seconds": seconds}
    found = {"seconds": seconds, "tokens_per_second": figures["tokens"] / seconds}
    peak = _peak(machine)
    return found | ({"mfu": figures["flops"] / (seconds * peak * machine.size)} if peak else {})


def _peak(machine: Machine) -> float | None:
    if machine.device.type != "cuda" or machine.dtype != torch.bfloat16:
        return None
    name = torch.cuda.get_device_name(machine.device)
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def _tower(critic: Loaded, work: Work) -> Iterator[Flops]:
    """Patches to vision tokens, where that is learnt."""
    tower, config = critic.base.model.visual, critic.base.config.vision_config
    if not any(value.requires_grad for value in tower.parameters()):
        return
    yield _product(tower.patch_embed.proj, work.patches, leads_back=False)
    for index, block in enumerate(tower.blocks):
        whole = index in getattr(config, "fullatt_block_indexes", [index])
        pairs = sum(t * (h * w) ** 2 if whole else t * _windowed(h, w, config) for t, h, w in work.grids)
        yield _block(block, work.patches, pairs * config.hidden_size)
    for merger in (tower.merger, *getattr(tower, "deepstack_merger_list", ())):
        for product in _products(merger).values():
            yield _product(product, work.patches // config.spatial_merge_size**2)


def _layers(critic: Loaded, work: Work) -> Iterator[Flops]:
    """The language model's own layers."""
    base, config = critic.base, critic.base.config.text_config
    embedded = base.get_input_embeddings().weight.requires_grad or bool(getattr(base, "_require_grads_hooks", ()))
    seen = any(value.requires_grad for value in base.model.visual.parameters())
    width = work.pairs * config.num_attention_heads * base.model.language_model.layers[0].self_attn.head_dim
    for index, layer in enumerate(base.model.language_model.layers):
        yield _block(layer, work.tokens, width, leads_back=index > 0 or embedded or seen)


def _block(block: nn.Module, places: int, attended: int, *, leads_back: bool = True) -> Flops:
    """A layer: its products and its attention (`attended`: pairs times channels). What its first products read needs a
    gradient where it `leads_back` to something that is trained."""
    products = _products(block)
    found = [
        _product(product, places, leads_back=leads_back or "lora_B" in name or not name.startswith(_INPUTS))
        for name, product in products.items()
    ]
    attention = Flops(4 * attended, 8 * attended)
    total = sum(found, attention)
    if not getattr(block, "gradient_checkpointing", False):
        return total
    last = found[-1].forward  # nothing needs its result any more, and torch stops before it
    return total + Flops(recomputed=total.forward - last)


def _product(module: Any, places: int, *, leads_back: bool = True) -> Flops:
    forward = 2 * module.weight.numel() * places
    return Flops(forward, forward * (int(leads_back) + int(module.weight.requires_grad)))


def _products(module: nn.Module) -> dict[str, nn.Module]:
    """Every product with a weight in a module, in the order in which they are taken."""
    return {name: each for name, each in module.named_modules() if isinstance(each, nn.Linear)}


def _windowed(height: int, width: int, config: Any) -> int:
    """Pairs of patches of one frame of Qwen2.5-VL that share a window."""
    side = config.window_size // config.patch_size // config.spatial_merge_size
    merge = config.spatial_merge_size
    down, across = (_chunks(length // merge, side) for length in (height, width))
    return merge**4 * sum(size**2 for size in down) * sum(size**2 for size in across)


def _chunks(length: int, size: int) -> Iterable[int]:
    return (min(size, length - start) for start in range(0, length, size))
