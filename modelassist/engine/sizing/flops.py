"""Floating-point operations of a training step, counted from its matrix products, and the speed in tokens and MFU.

As usual, only products with weights and attention are counted, a multiplication and an addition as two operations;
norms, activations and the optimiser are not. A product is computed once in the forward pass and, where they are needed,
once for the gradient of its input and once for the gradient of its weight: three times for a trained weight, twice for
a frozen one under adapters. A frozen vision tower counts as zero, as its features are cached. Attention counts every
pair of positions of a row, also masked ones, because kernels with a mask compute all of them.

Operations that the backward pass recomputes are counted separately. MFU, the share of the device's peak that the model
uses for its own work, excludes them and padding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from modelassist.engine.inputs.rows import Row
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel

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
"""Dense bfloat16 operations per second from the makers' data sheets, by a part of the device's name; the first match
is used."""
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
"""Bytes of memory of the same cards, from the same data sheets; for a card with two sizes, the larger one."""
_INPUTS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


@dataclass(frozen=True, slots=True)
class Work:
    """The input of a pass through the model."""

    tokens: int
    pairs: int
    """Pairs of positions in attention: the sum of the squared lengths of the rows."""
    predicted: int
    """Positions at which the head computes logits."""
    grids: tuple[tuple[int, int, int], ...]
    """Patches in time, height and width of each medium."""

    @classmethod
    def of(cls, rows: Sequence[Row], *, padded: bool = False) -> "Work":
        """Add up rows; if `padded`, each counts with the length of the longest, as in one batch."""
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
    """Floating-point operations of a step."""

    forward: int = 0
    backward: int = 0
    recomputed: int = 0

    def __add__(self, other: "Flops") -> "Flops":
        return Flops(self.forward + other.forward, self.backward + other.backward, self.recomputed + other.recomputed)

    @property
    def useful(self) -> int:
        """The operations that the model needs, without recomputation."""
        return self.forward + self.backward

    @property
    def total(self) -> int:
        return self.useful + self.recomputed


def count_flops(model: LoadedModel, work: Work) -> Flops:
    """Count the operations of one forward and backward pass over `work`, given which weights are trained now."""
    head = _count_product(model.base.lm_head, work.predicted)
    return sum(_count_layers(model, work), sum(_count_tower(model, work), head))


def compute_speed(figures: Mapping[str, float], seconds: float, machine: Machine) -> dict[str, float]:
    """Compute tokens a second of all processes and, if the device's peak is known, MFU, from a step's `tokens` and
    `flops`."""
    if "flops" not in figures:
        return {"seconds": seconds}
    speed = {"seconds": seconds, "tokens_per_second": figures["tokens"] / seconds}
    peak = _find_peak(machine)
    return speed | ({"mfu": figures["flops"] / (seconds * peak * machine.size)} if peak else {})


def _find_peak(machine: Machine) -> float | None:
    if machine.device.type != "cuda" or machine.dtype != torch.bfloat16:
        return None
    name = torch.cuda.get_device_name(machine.device)
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def _count_tower(model: LoadedModel, work: Work) -> Iterator[Flops]:
    """Count the vision tower, if it is trained."""
    tower, config = model.base.model.visual, model.base.config.vision_config
    if not any(value.requires_grad for value in tower.parameters()):
        return
    yield _count_product(tower.patch_embed.proj, work.patches, needs_input_gradient=False)
    for index, block in enumerate(tower.blocks):
        has_full_attention = index in getattr(config, "fullatt_block_indexes", [index])
        pairs = sum(
            t * ((h * w) ** 2 if has_full_attention else _count_window_pairs(h, w, config)) for t, h, w in work.grids
        )
        yield _count_block(block, work.patches, pairs * config.hidden_size)
    for merger in (tower.merger, *getattr(tower, "deepstack_merger_list", ())):
        for product in _list_products(merger).values():
            yield _count_product(product, work.patches // config.spatial_merge_size**2)


def _count_layers(model: LoadedModel, work: Work) -> Iterator[Flops]:
    """Count the layers of the language model."""
    base, config = model.base, model.base.config.text_config
    embeddings = base.get_input_embeddings().weight
    trains_embeddings = embeddings.requires_grad or bool(getattr(base, "_require_grads_hooks", ()))
    trains_tower = any(value.requires_grad for value in base.model.visual.parameters())
    width = work.pairs * config.num_attention_heads * base.model.language_model.layers[0].self_attn.head_dim
    for index, layer in enumerate(base.model.language_model.layers):
        yield _count_block(
            layer, work.tokens, width, needs_input_gradient=index > 0 or trains_embeddings or trains_tower
        )


def _count_block(block: nn.Module, positions: int, attended: int, *, needs_input_gradient: bool = True) -> Flops:
    """Count a layer: its products and its attention (`attended`: pairs times channels).

    The input of the layer needs a gradient if something before it is trained.
    """
    products = [
        _count_product(
            product,
            positions,
            needs_input_gradient=needs_input_gradient or "lora_B" in name or not name.startswith(_INPUTS),
        )
        for name, product in _list_products(block).items()
    ]
    attention = Flops(4 * attended, 8 * attended)
    total = sum(products, attention)
    if not getattr(block, "gradient_checkpointing", False):
        return total
    last = products[-1].forward  # its result is not needed again, so torch stops before it
    return total + Flops(recomputed=total.forward - last)


def _count_product(module: Any, positions: int, *, needs_input_gradient: bool = True) -> Flops:
    forward = 2 * module.weight.numel() * positions
    return Flops(forward, forward * (int(needs_input_gradient) + int(module.weight.requires_grad)))


def _list_products(module: nn.Module) -> dict[str, nn.Module]:
    """Return the matrix products of a module by name, in the order in which it computes them."""
    return {name: each for name, each in module.named_modules() if isinstance(each, nn.Linear)}


def _count_window_pairs(height: int, width: int, config: Any) -> int:
    """Count the pairs of patches of one Qwen2.5-VL frame that share a window."""
    side = config.window_size // config.patch_size // config.spatial_merge_size
    merge = config.spatial_merge_size
    down, across = (_split_into_windows(length // merge, side) for length in (height, width))
    return merge**4 * sum(size**2 for size in down) * sum(size**2 for size in across)


def _split_into_windows(length: int, size: int) -> Iterable[int]:
    return (min(size, length - start) for start in range(0, length, size))
