"""One optimiser step, the same for every stage: AdamW, gradients added up over micro-batches and clipped, and a stop
where a loss is not finite.
"""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor, nn

from modelassist.engine.models.distributed import Machine, laid_like, whole
from modelassist.engine.models.loader import Loaded
from modelassist.engine.support.seeds import derive_seed

GRADIENT_NORM = 1.0
_BETAS = (0.9, 0.98)


class TrainingError(RuntimeError):
    """Training that cannot go on; the message names the stage, the step and the clips."""


class Stage(Protocol):
    """A stage of a run: what to do at each step. Everything a step draws comes from the seed and its index."""

    name: str
    steps: int
    machine: Machine
    optimizer: torch.optim.Optimizer

    def step(self, index: int) -> dict[str, float]:
        """Train on one batch; returns the step's figures, `loss` among them."""
        ...


def trainable(critic: Loaded) -> dict[str, nn.Parameter]:
    """The parameters that training changes, by name."""
    return {name: value for name, value in critic.network.named_parameters() if value.requires_grad}


def make_optimizer(critic: Loaded, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW over what is trainable; gains, biases and embeddings are not decayed."""
    named = trainable(critic)
    decayed = [value for name, value in named.items() if value.ndim >= 2 and "embed" not in name]
    others = [value for name, value in named.items() if value.ndim < 2 or "embed" in name]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=_BETAS)


def cosine_rate(peak: float, step: int, steps: int, warmup: int) -> float:
    """The rate at a step: up a line, then down a cosine to a tenth of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def descend(stage: Stage, losses: Iterable[tuple[str, Tensor]], rate: float, what: str) -> float:
    """Step down the gradient of a sum of losses; returns its norm before clipping.

    The losses are micro-batches: each is asked for once the one before it has left only its gradient in memory. A name
    stands beside each, and `what` names all of them, for TrainingError. Every process brings equally many.
    """
    stage.optimizer.zero_grad(set_to_none=True)
    for name, loss in losses:
        _require_finite(stage, name, "loss", loss.item())
        loss.backward()
    values = [value for group in stage.optimizer.param_groups for value in group["params"]]
    stage.machine.add_gradients(values)
    norm = float(whole(torch.nn.utils.clip_grad_norm_(values, GRADIENT_NORM)))
    _require_finite(stage, what, "gradient", norm)
    for group in stage.optimizer.param_groups:
        group["lr"] = rate
    stage.optimizer.step()
    return norm


def _require_finite(stage: Stage, what: str, kind: str, value: float) -> None:
    """Where the value of one process is no number, all of them stop, and name what it was at."""
    mine = None if math.isfinite(value) else f"{what}: the {kind} is {value}"
    bad = [said for said in stage.machine.gathered(mine) if said]
    if bad:
        raise TrainingError(f"{bad[0]}; lower {stage.name}.learning_rate or look at the clips")


def batch_at(count: int, size: int, step: int, seed: int, stage: str) -> list[int]:
    """Which examples a step takes: one shuffled round after another, a function of the step alone."""
    size = min(size, count)
    first = step * size
    return [_shuffled(count, place // count, seed, stage)[place % count] for place in range(first, first + size)]


@lru_cache(maxsize=4)
def _shuffled(count: int, epoch: int, seed: int, stage: str) -> tuple[int, ...]:
    """The order of a round; a step asks for one or two, clip by clip."""
    generator = torch.Generator().manual_seed(derive_seed(seed, stage, "epoch", epoch))
    return tuple(torch.randperm(count, generator=generator).tolist())


def optimizer_tensors(critic: Loaded, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as named tensors, so that no pickle is needed to keep it; sharded as the weights are."""
    return {
        f"{name}/{key}": value
        for name, parameter in trainable(critic).items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(critic: Loaded, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`."""
    named = trainable(critic)
    for path, value in tensors.items():
        name, _, key = path.rpartition("/")
        optimizer.state[named[name]][key] = value if key == "step" else laid_like(value, named[name])
