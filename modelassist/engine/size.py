"""How large a run would be, counted before anything is downloaded or bought: parameters, tokens, memory, operations.

The model is built on torch's meta device from its config alone. Weights, gradients and moments follow from what is
trained; what a layer keeps for its backward pass is asked of torch, which runs one layer on tensors without content.
Not counted: the CUDA context, the allocator's gaps, buffers of NCCL. So a tenth of a card should stay free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from modelassist.engine.adapt import prepare, vision_is_frozen
from modelassist.engine.config import Config
from modelassist.engine.flops import Flops, Work, count
from modelassist.engine.inference import question
from modelassist.engine.inputs import build_prompt, completion_ids
from modelassist.engine.model import Loaded
from modelassist.engine.rows import Row
from qsave.frames.slowfast import FrameConfig, Frames, fitted_size
from qsave.grammar import render
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

CLIP = (832, 480, 5.0)
"""Width, height and seconds of the clip that is counted with: what text-to-video models make."""
_PROMPT = "A red ball rolls down a grassy hill, bumps into a wooden fence and comes to rest, seen from the side at dusk"
_REASON = "The ball keeps its shape while it rolls, but its edge smears into the grass as it meets the fence"
_MOMENTS = 2
_KEPT = {"sft": 4, "grpo": 5}
"""Float32 copies of the logits that stand at once: those of SFT with their log-softmax and gradient; those of practice
with their entropy."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a run of some settings is made of. Bytes are those of each GPU."""

    parameters: int
    trained: int
    vision_tokens: int
    """Of one clip."""
    tokens: int
    """Of one clip with its question and an answer."""
    memory: Mapping[str, Mapping[str, int]]
    """Bytes by item, of each part of a run."""
    step: Flops
    """Of one step of SFT, all GPUs together."""
    step_tokens: int


def measure(critic: Loaded, config: Config, gpus: int = 1) -> Size:
    """The size of a run of a critic without weights (`model.outline`), which is prepared for it in place."""
    critic.look(config.frames or critic.frames)
    prepare(critic, config)
    row = _row(critic)
    step = Work.of([row] * config.sft.batch)
    values = list(critic.network.parameters())
    return Size(
        parameters=sum(value.numel() for value in critic.base.parameters() if not _is_adapter(value, critic)),
        trained=sum(value.numel() for value in values if value.requires_grad),
        vision_tokens=int(row.prompt.grids.prod(-1).sum()) // critic.geometry.merge**2,
        tokens=row.length,
        memory={},
        step=count(critic, step),
        step_tokens=step.tokens,
    )
