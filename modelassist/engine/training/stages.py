"""The interface of a training stage, and the objects that all stages of a run share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeVar

import torch
from tqdm import tqdm

from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.support.seeds import derive_seed

T = TypeVar("T")


class Stage(Protocol):
    """A stage of a run. Every random draw of a step depends only on the seed and the index of the step."""

    name: str
    steps: int
    machine: Machine
    optimizer: torch.optim.Optimizer

    def step(self, index: int) -> dict[str, float]:
        """Train on one batch; returns the figures of the step, `loss` among them."""
        ...


@dataclass(frozen=True, slots=True)
class StageContext:
    """The objects that all stages of a run share."""

    model: LoadedModel
    feeder: Feeder
    seed: int = 0
    machine: Machine = field(default_factory=Machine)
    report: Callable[[str], None] = tqdm.write
    """A function that reports a skipped clip and the reason."""


def select_batch(examples: Sequence[T], size: int, step: int, seed: int, name: str) -> list[T]:
    """Return the examples of a step. Each epoch has its own order; the result depends only on the arguments."""
    count = len(examples)
    size = min(size, count)
    positions = range(step * size, (step + 1) * size)
    return [examples[_shuffle(count, position // count, seed, name)[position % count]] for position in positions]


def name_step(stage: str, index: int, examples: Sequence[Example]) -> str:
    """Name a step and its clips for an error message."""
    return f"{stage} step {index + 1}, clips {', '.join(example.clip_id for example in examples)}"


@lru_cache(maxsize=4)
def _shuffle(count: int, epoch: int, seed: int, name: str) -> tuple[int, ...]:
    """Draw the order of an epoch; it is cached because each clip of a step needs it."""
    generator = torch.Generator().manual_seed(derive_seed(seed, name, "epoch", epoch))
    return tuple(torch.randperm(count, generator=generator).tolist())
