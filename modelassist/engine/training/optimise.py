"""Take an optimiser step. All stages use AdamW and clip gradients that are accumulated over micro-batches. Training
stops if a loss or a gradient is not finite.
"""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from modelassist.engine.models.distributed import gather_tensor, shard_like
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.training.stages import Stage

GRADIENT_NORM = 1.0
_BETAS = (0.9, 0.98)


class TrainingError(RuntimeError):
    """Training cannot continue; the message names the stage, the step and the clips."""


def list_trainable(model: LoadedModel) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes, by name."""
    return {name: value for name, value in model.network.named_parameters() if value.requires_grad}


def make_optimizer(model: LoadedModel, weight_decay: float) -> torch.optim.Optimizer:
    """Build AdamW over the trainable parameters; gains, biases and embeddings are not decayed."""
    named = list_trainable(model)
    decayed = [value for name, value in named.items() if value.ndim >= 2 and "embed" not in name]
    others = [value for name, value in named.items() if value.ndim < 2 or "embed" in name]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=_BETAS)


def compute_cosine_rate(peak: float, step: int, steps: int, warmup_steps: int) -> float:
    """Compute the learning rate of a step: a linear warm-up, then a cosine down to a tenth of the peak."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def take_step(stage: Stage, losses: Iterable[tuple[str, Tensor]], rate: float, name: str) -> float:
    """Take an optimiser step on a sum of losses; returns the gradient norm before clipping.

    `losses` yields the loss of each micro-batch, with a name for TrainingError; `name` is the name of the whole step.
    Each loss is computed after the backward pass of the previous one has freed its memory. Every process must yield the
    same number of losses.
    """
    stage.optimizer.zero_grad(set_to_none=True)
    for micro_batch, loss in losses:
        _require_finite(stage, micro_batch, "loss", loss.item())
        loss.backward()
    values = [value for group in stage.optimizer.param_groups for value in group["params"]]
    stage.machine.sum_gradients(values)
    norm = float(gather_tensor(torch.nn.utils.clip_grad_norm_(values, GRADIENT_NORM)))
    _require_finite(stage, name, "gradient", norm)
    for group in stage.optimizer.param_groups:
        group["lr"] = rate
    stage.optimizer.step()
    return norm


def _require_finite(stage: Stage, name: str, kind: str, value: float) -> None:
    """Raise TrainingError in all processes if the value of one is not finite."""
    problem = None if math.isfinite(value) else f"{name}: the {kind} is {value}"
    problems = [each for each in stage.machine.gather(problem) if each]
    if problems:
        raise TrainingError(f"{problems[0]}; lower {stage.name}.learning_rate or look at the clips.")


def dump_optimizer(model: LoadedModel, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as named tensors, sharded as the weights are; so it is saved without pickle."""
    return {
        f"{name}/{key}": value
        for name, parameter in list_trainable(model).items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(model: LoadedModel, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore the optimiser's state: the inverse of `dump_optimizer`."""
    named = list_trainable(model)
    for path, value in tensors.items():
        name, _, key = path.rpartition("/")
        optimizer.state[named[name]][key] = value if key == "step" else shard_like(value, named[name])
