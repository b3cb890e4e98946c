"""The memory of a GPU in each part of a run, item by item, counted and not measured.

Weights, gradients and moments follow from what is trained. What a layer keeps for its backward pass is asked of torch,
which runs one layer on tensors without content. Left out are the CUDA context, gaps of the allocator, NCCL's buffers
and the optimiser's passing copies (which come when the activations are gone): a tenth of a card should stay free.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from modelassist.engine.inputs.rows import Row
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import Config
from modelassist.engine.sizing.flops import Work

Bytes = Mapping[str, int]
Arguments = tuple[Tensor, dict[str, Any]]
"""What a block is called with: its input, and the rest by name."""
_LOGITS_OF_SFT = 3
"""How often logits stand in float32 at once: their log-softmax, its gradient and theirs."""
_LOGITS_OF_GRPO = 5
"""The same in GRPO: themselves, their log-softmax, and three times for the entropy."""
_FROZEN, _TRAINED, _GRADIENTS = "weights that stay as they are", "trained weights, float32", "their gradients, float32"
_LORA = "lora_"
_GATHERED_LAYERS = 2
"""FSDP works on one layer and fetches the next."""


def footprint(critic: Loaded, config: Config, gpus: int, row: Row) -> dict[str, Bytes]:
    """Bytes by part of the run and item, with clips like that of `row`; of a critic that was prepared for the run."""
    parts = gpus if config.parallel == "fsdp" else 1
    state = _state(critic, config, parts)
    rows = rows_of_a_pass(config, gpus, row)
    found: dict[str, Bytes] = {"SFT": state | _pass(critic, config, row, rows, _LOGITS_OF_SFT, parts)}
    if config.grpo.rounds:
        sample = tuple(range(config.max_new_tokens))
        group = Row(row.prompt, (sample,) * config.grpo.num_generations)
        found["GRPO"] = (
            state | _reference(config, state) | _pass(critic, config, group, config.grpo.clips, _LOGITS_OF_GRPO, parts)
        )
    found["evaluation"] = _evaluation(critic, config)
    return found


def rows_of_a_pass(config: Config, gpus: int, row: Row) -> int:
    """Clips of one pass of SFT on one GPU, of rows like `row`."""
    clips = max(config.sft.batch, captions_a_step(config))  # the two kinds go in passes of their own
    return min(max(1, config.micro_tokens // row.length), -(-clips // gpus))


def captions_a_step(config: Config) -> int:
    """Clips with captions in a step of SFT, beside the judged ones."""
    return config.sft.captions_batch if config.sft.captions else 0


def _state(critic: Loaded, config: Config, parts: int) -> dict[str, int]:
    """What stands between steps, in equal parts; a frozen tower is whole everywhere."""
    tower = {id(value) for value in critic.base.model.visual.parameters()}
    trained = whole = dealt = 0
    for value in critic.network.parameters():
        if value.requires_grad:
            trained += value.numel()
        elif id(value) in tower:
            whole += value.numel()
        else:
            dealt += value.numel()
    return {
        _FROZEN: (whole + dealt // parts) * getattr(torch, config.dtype).itemsize,
        _TRAINED: 4 * trained // parts,
        _GRADIENTS: 4 * trained // parts,
        "AdamW's two moments, float32": 8 * trained // parts,
        **_for_a_pass(critic, config, trained, parts),
    }


def _reference(config: Config, state: Bytes) -> dict[str, int]:
    """The weights of the reference policy of GRPO."""
    return {"reference policy": state[_TRAINED]} if config.grpo.beta else {}


def _for_a_pass(critic: Loaded, config: Config, trained: int, parts: int) -> dict[str, int]:
    """Weights as they are used: copies in few bits, or what FSDP gathers. That is embeddings and head for the whole
    pass, and layers one after another, with their gradients in both types before they are dealt out."""
    width = getattr(torch, config.dtype).itemsize
    if parts == 1:
        return {f"copies of trained weights, {config.dtype}": width * trained} if config.dtype != "float32" else {}
    layers, visual = critic.base.model.language_model.layers, critic.base.model.visual
    apart = [*layers, *([visual] if _is_frozen(visual) else visual.blocks)]
    root = _numel(critic.network) - sum(map(_numel, apart))
    return {"gathered weights and gradients": (root + _GATHERED_LAYERS * _numel(layers[0])) * (2 * width + 4)}


def _pass(critic: Loaded, config: Config, row: Row, rows: int, copies: int, parts: int) -> dict[str, int]:
    """What a forward and backward pass over some rows adds.

    What layers hand on has the type of the embeddings: float32 where these are trained, unless FSDP gathers them in
    fewer bits. Autocast only lowers what is multiplied.
    """
    base, dtype, work = critic.base, getattr(torch, config.dtype), Work.of([row] * rows)
    visual, text = base.model.visual, base.config.text_config
    lowered = parts > 1 or _is_frozen(base.get_input_embeddings())
    handed = dtype if lowered else torch.float32

    def stack(blocks: Any, arguments: Callable[[], Arguments]) -> int:
        """What like blocks keep: with checkpointing their inputs, and what one keeps with the gradients of that."""
        inputs, one = kept_by(blocks[0], arguments, dtype)
        return len(blocks) * inputs + 2 * one if config.gradient_checkpointing else len(blocks) * one

    found = {
        "kept by the language model": stack(
            base.model.language_model.layers, lambda: _text_arguments(base, rows, row.length, handed)
        ),
        "kept by the vision tower": 0
        if _is_frozen(visual)
        else stack(visual.blocks, lambda: _vision_arguments(base, work, handed)),
        "vision features": work.patches // critic.geometry.merge**2 * text.hidden_size * _levels(base) * dtype.itemsize,
        "logits": work.predicted * text.vocab_size * (4 * copies + dtype.itemsize),
    }
    return {name: count for name, count in found.items() if count}


def kept_by(block: nn.Module, arguments: Callable[[], Arguments], dtype: torch.dtype) -> tuple[int, int]:
    """Bytes of a block's input, and of what it keeps for its backward pass, its weights apart. Adapters keep their own
    type; the rest is as the pass has it."""
    kept: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with FakeTensorMode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        weights = {
            name: torch.empty(value.shape, dtype=torch.float32 if _LORA in name else dtype).requires_grad_(
                value.requires_grad
            )
            for name, value in block.named_parameters()
        }
        hidden, others = arguments()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            functional_call(block.eval(), weights, (hidden.requires_grad_(),), others)
        own = {value.untyped_storage()._cdata for value in weights.values()}
        return hidden.nbytes, sum(each.untyped_storage().nbytes() for key, each in kept.items() if key not in own)


def _text_arguments(base: Any, rows: int, length: int, dtype: torch.dtype) -> Arguments:
    text, attention = base.config.text_config, base.model.language_model.layers[0].self_attn
    angles = torch.empty(rows, length, attention.head_dim, dtype=dtype)
    mask = torch.empty(rows, 1, length, length, dtype=torch.bool)
    hidden = torch.empty(rows, length, text.hidden_size, dtype=dtype)
    return hidden, {"position_embeddings": (angles, angles), "attention_mask": mask}


def _vision_arguments(base: Any, work: Work, dtype: torch.dtype) -> Arguments:
    """Attention stays in a frame. Where frames begin is told by numbers: a tensor would have no content."""
    vision = base.config.vision_config
    angles = torch.empty(work.patches, vision.hidden_size // vision.num_heads, dtype=dtype)
    begins = np.cumsum([0, *(h * w for t, h, w in work.grids for _ in range(t))])
    hidden = torch.empty(work.patches, vision.hidden_size, dtype=dtype)
    return hidden, {"position_embeddings": (angles, angles), "cu_seqlens": begins}


def _evaluation(critic: Loaded, config: Config) -> dict[str, int]:
    """Of the critic that was kept, while it generates, in bfloat16 whatever it was trained in (`Critic.load`); nothing
    is left of training then."""
    text, attention = critic.base.config.text_config, critic.base.model.language_model.layers[0].self_attn
    width = torch.bfloat16.itemsize
    per_token = 2 * text.num_hidden_layers * text.num_key_value_heads * attention.head_dim * width
    return {
        "weights": sum(value.numel() for name, value in critic.base.named_parameters() if _LORA not in name) * width,
        "KV cache, twice while it is put together": 2 * per_token * config.tokens_per_batch,
    }


def _levels(base: Any) -> int:
    """How many layers' features a vision token has: the last one's, and those of deepstack."""
    return 1 + len(getattr(base.config.vision_config, "deepstack_visual_indexes", ()))


def _is_frozen(module: nn.Module) -> bool:
    return not any(value.requires_grad for value in module.parameters())


def _numel(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())
