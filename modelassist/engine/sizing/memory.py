"""Count the memory of a GPU in each part of a run, item by item. It is computed, not measured.

Weights, gradients and moments follow from what is trained. To count what a layer keeps for its backward pass, torch
runs one layer on fake tensors. The CUDA context, fragmentation, NCCL's buffers and temporary copies of the optimiser
(made after the activations are freed) are not counted, so a tenth of a card should stay free.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from modelassist.engine.inputs.rows import Row
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import Config
from modelassist.engine.sizing.flops import Work

Bytes = Mapping[str, int]
Arguments = tuple[Tensor, dict[str, Any]]
"""The arguments of a block: its input, and its other arguments by name."""
_LOGITS_OF_SFT = 3
"""Float32 copies of the logits that exist at the same time: the log-softmax, its gradient and the logits' gradient."""
_LOGITS_OF_GRPO = 5
"""The same in GRPO: the logits, their log-softmax, and three copies for the entropy."""
_FROZEN, _TRAINED, _GRADIENTS = "weights that stay as they are", "trained weights, float32", "their gradients, float32"
_LORA = "lora_"
_GATHERED_LAYERS = 2
"""FSDP computes one layer while it gathers the next."""


def count_memory(model: LoadedModel, config: Config, gpus: int, row: Row) -> dict[str, Bytes]:
    """Count bytes by part of the run and item, with clips like that of `row`; the model is prepared for the run."""
    shards = gpus if config.parallel == "fsdp" else 1
    state = _count_state(model, config, shards)
    rows = count_rows_per_pass(config, gpus, row)
    memory: dict[str, Bytes] = {"SFT": state | _count_pass(model, config, row, rows, _LOGITS_OF_SFT, shards)}
    if config.grpo.rounds:
        sample = tuple(range(config.max_new_tokens))
        group = Row(row.prompt, (sample,) * config.grpo.num_generations)
        of_a_pass = _count_pass(model, config, group, config.grpo.clips, _LOGITS_OF_GRPO, shards)
        memory["GRPO"] = state | _count_reference(config, state) | of_a_pass
    memory["evaluation"] = _count_evaluation(model, config)
    return memory


def count_rows_per_pass(config: Config, gpus: int, row: Row) -> int:
    """Count the clips of one SFT pass on one GPU, for rows like `row`."""
    clips = max(config.sft.batch, count_captions_per_step(config))  # captions have passes of their own
    return min(max(1, config.micro_tokens // row.length), -(-clips // gpus))


def count_captions_per_step(config: Config) -> int:
    """Count the clips with captions in an SFT step, apart from the rated ones."""
    return config.sft.captions_batch if config.sft.captions else 0


def _count_state(model: LoadedModel, config: Config, shards: int) -> dict[str, int]:
    """Count what stays in memory between steps, in equal shards; each GPU holds a frozen tower whole."""
    tower = {id(value) for value in model.base.model.visual.parameters()}
    trained = whole = sharded = 0
    for value in model.network.parameters():
        if value.requires_grad:
            trained += value.numel()
        elif id(value) in tower:
            whole += value.numel()
        else:
            sharded += value.numel()
    return {
        _FROZEN: (whole + sharded // shards) * getattr(torch, config.dtype).itemsize,
        _TRAINED: 4 * trained // shards,
        _GRADIENTS: 4 * trained // shards,
        "AdamW's two moments, float32": 8 * trained // shards,
        **_count_copies(model, config, trained, shards),
    }


def _count_reference(config: Config, state: Bytes) -> dict[str, int]:
    """Count the weights of the reference policy of GRPO."""
    return {"reference policy": state[_TRAINED]} if config.grpo.beta else {}


def _count_copies(model: LoadedModel, config: Config, trained: int, shards: int) -> dict[str, int]:
    """Count the copies of weights that a pass computes with: copies in lower precision, or weights that FSDP gathers.

    FSDP gathers embeddings and head for the whole pass, and layers one after the other. It holds their gradients in
    both types before it scatters them.
    """
    width = getattr(torch, config.dtype).itemsize
    if shards == 1:
        return {f"copies of trained weights, {config.dtype}": width * trained} if config.dtype != "float32" else {}
    layers, visual = model.base.model.language_model.layers, model.base.model.visual
    units = [*layers, *([visual] if _is_frozen(visual) else visual.blocks)]
    root = _count_elements(model.network) - sum(map(_count_elements, units))
    return {"gathered weights and gradients": (root + _GATHERED_LAYERS * _count_elements(layers[0])) * (2 * width + 4)}


def _count_pass(model: LoadedModel, config: Config, row: Row, rows: int, copies: int, shards: int) -> dict[str, int]:
    """Count what a forward and backward pass over `rows` rows adds, with `copies` float32 copies of the logits.

    Hidden states have the type of the embeddings: float32 if these are trained, unless FSDP gathers them in lower
    precision. Autocast only lowers the products.
    """
    base, dtype, work = model.base, getattr(torch, config.dtype), Work.of([row] * rows)
    visual, text = base.model.visual, base.config.text_config
    is_lowered = shards > 1 or _is_frozen(base.get_input_embeddings())
    hidden_dtype = dtype if is_lowered else torch.float32

    def count_stack(blocks: Any, arguments: Callable[[], Arguments]) -> int:
        """Count what a stack of equal blocks keeps for the backward pass.

        With checkpointing these are the inputs of all blocks, and what one block keeps with its gradients.
        """
        inputs, one = count_kept(blocks[0], arguments, dtype)
        return len(blocks) * inputs + 2 * one if config.gradient_checkpointing else len(blocks) * one

    items = {
        "kept by the language model": count_stack(
            base.model.language_model.layers, lambda: _make_text_arguments(base, rows, row.length, hidden_dtype)
        ),
        "kept by the vision tower": 0
        if _is_frozen(visual)
        else count_stack(visual.blocks, lambda: _make_vision_arguments(base, work, hidden_dtype)),
        "vision features": work.patches
        // model.geometry.merge**2
        * text.hidden_size
        * _count_levels(base)
        * dtype.itemsize,
        "logits": work.predicted * text.vocab_size * (4 * copies + dtype.itemsize),
    }
    return {name: count for name, count in items.items() if count}


def count_kept(block: nn.Module, arguments: Callable[[], Arguments], dtype: torch.dtype) -> tuple[int, int]:
    """Count the bytes of a block's input, and of what the block keeps for its backward pass besides its weights.

    Adapters stay in float32; other weights have the type of the pass.
    """
    saved: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage()._cdata] = tensor
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
        return hidden.nbytes, sum(each.untyped_storage().nbytes() for key, each in saved.items() if key not in own)


def _make_text_arguments(base: Any, rows: int, length: int, dtype: torch.dtype) -> Arguments:
    text, attention = base.config.text_config, base.model.language_model.layers[0].self_attn
    angles = torch.empty(rows, length, attention.head_dim, dtype=dtype)
    mask = torch.empty(rows, 1, length, length, dtype=torch.bool)
    hidden = torch.empty(rows, length, text.hidden_size, dtype=dtype)
    return hidden, {"position_embeddings": (angles, angles), "attention_mask": mask}


def _make_vision_arguments(base: Any, work: Work, dtype: torch.dtype) -> Arguments:
    """Make the arguments of a vision block; attention stays within a frame.

    The starts of frames are an array, because a fake tensor has no values.
    """
    vision = base.config.vision_config
    angles = torch.empty(work.patches, vision.hidden_size // vision.num_heads, dtype=dtype)
    starts = np.cumsum([0, *(h * w for t, h, w in work.grids for _ in range(t))])
    hidden = torch.empty(work.patches, vision.hidden_size, dtype=dtype)
    return hidden, {"position_embeddings": (angles, angles), "cu_seqlens": starts}


def _count_evaluation(model: LoadedModel, config: Config) -> dict[str, int]:
    """Count the saved critic while it generates, after training has freed its memory.

    `Critic.load` always loads it in bfloat16.
    """
    text, attention = model.base.config.text_config, model.base.model.language_model.layers[0].self_attn
    width = torch.bfloat16.itemsize
    per_token = 2 * text.num_hidden_layers * text.num_key_value_heads * attention.head_dim * width
    return {
        "weights": sum(value.numel() for name, value in model.base.named_parameters() if _LORA not in name) * width,
        "KV cache, twice while it is put together": 2 * per_token * config.tokens_per_batch,
    }


def _count_levels(base: Any) -> int:
    """Count the layers that give features for each vision token: the last one, and those of deepstack."""
    return 1 + len(getattr(base.config.vision_config, "deepstack_visual_indexes", ()))


def _is_frozen(module: nn.Module) -> bool:
    return not any(value.requires_grad for value in module.parameters())


def _count_elements(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())
