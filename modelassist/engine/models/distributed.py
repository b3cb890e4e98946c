"""What a run computes on: its device, its arithmetic, and the processes that torchrun started for it; one where it
started none.

Every process takes its part of each step's clips. With `ddp` each holds the whole model, and gradients are added up
once a step, after its last micro-batch. With `fsdp` (FSDP2) each holds a part of every weight, gradient and moment of
the optimiser; weights are gathered layer by layer as they are used. Losses are means over the whole step, so that sums
over processes, never averages, give the loss and the gradient of one process.

Processes must agree on every collective: what one of them meets alone (a clip that cannot be read, a loss that is no
number) is told to all before anything follows from it.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from modelassist.engine.models.loader import Loaded

T = TypeVar("T")
PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: one writes checkpoints, and may do so on a slow disk."""
_BUCKET = 2**25
"""Gradients (elements) added up in one message."""


class Machine:
    """One process of a run, and its company."""

    def __init__(
        self,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        *,
        kind: str = "ddp",
        rank: int = 0,
        size: int = 1,
    ) -> None:
        self.device, self.dtype = torch.device(device), dtype
        self.kind, self.rank, self.size = kind, rank, size
        self._root: nn.Module | None = None

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def part(self, items: Sequence[T]) -> list[T]:
        """This process's share of some work."""
        return list(items[self.rank :: self.size])

    def gathered(self, value: T) -> list[T]:
        """What every process has to say, in their order."""
        if self.size == 1:
            return [value]
        said: list[T] = [value] * self.size
        dist.all_gather_object(said, value)
        return said

    def total(self, values: Mapping[str, float]) -> dict[str, float]:
        """Sums over the processes; all of them name the same values, in the same order."""
        if self.size == 1:
            return dict(values)
        summed = torch.tensor(list(values.values()), dtype=torch.float64)
        dist.all_reduce(summed)
        return dict(zip(values, summed.tolist(), strict=True))

    def run(self, work: Callable[[], T]) -> T:
        """Do what takes the model forward: in the run's arithmetic, with sharded weights gathered as they are used. All
        processes come here equally often."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            found: T = self._root(work) if self._root else work()
        return found

    def spread(self, critic: Loaded) -> None:
        """Shard the model, once what is to be trained is marked and restored; only `fsdp` does. What is frozen in the
        tower stays whole: its features are computed clip by clip, where processes differ."""
        if self.size == 1 or self.kind != "fsdp":
            return
        reduced = self.dtype != torch.float32
        policy = MixedPrecisionPolicy(self.dtype, torch.float32) if reduced else MixedPrecisionPolicy()
        mesh = init_device_mesh(self.device.type, (self.size,))
        visual = critic.base.model.visual
        ignored = {value for value in visual.parameters() if not value.requires_grad}
        blocks = [*critic.base.model.language_model.layers, *([] if ignored else visual.blocks)]
        root = _Root(critic.network)
        for module in (*blocks, root):
            fully_shard(module, mesh=mesh, mp_policy=policy, ignored_params=ignored)
        for module in root.modules():
            if isinstance(module, FSDPModule):
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(enable=True)
        self._root = root

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up gradients that each process holds whole."""
        if self.size == 1 or self._root is not None:
            return
        for bucket in _buckets(list(parameters)):
            flat = torch.cat([_gradient(value).flatten() for value in bucket])
            dist.all_reduce(flat)
            for value, summed in zip(bucket, flat.split([value.numel() for value in bucket]), strict=True):
                value.grad = summed.view_as(value)

    def leave(self) -> None:
        """Part from the others, who have nothing more to do; what of the model was shared goes."""
        self._root = None
        if self.size > 1:
            dist.barrier()
            dist.destroy_process_group()


class _Root(nn.Module):
    """The module that FSDP takes for the whole model. Its forward is whatever is to be done: so the outermost weights
    (embeddings, head) are in place for a training pass, for generation and for whatever else runs the model."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, work: Callable[[], T]) -> T:
        return work()


def join(kind: str, dtype: torch.dtype) -> Machine:
    """The machine of this process, by what torchrun says in the environment."""
    on_gpu, size = torch.cuda.is_available(), int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Machine("cuda" if on_gpu else "cpu", dtype)
    device = f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=PATIENCE)
    return Machine(device, dtype, kind=kind, rank=dist.get_rank(), size=size)


def whole(tensor: Tensor) -> Tensor:
    """A tensor as one process would hold it; all processes ask together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def laid_like(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, which every process has, on the device of another and sharded as that is."""
    moved = tensor.to(like.device)
    if not isinstance(like, DTensor):
        return moved
    mesh: DeviceMesh = like.device_mesh
    return distribute_tensor(moved, mesh, like.placements, src_data_rank=None)


def _gradient(value: nn.Parameter) -> Tensor:
    """Its gradient; zeros where this process had nothing to learn it from."""
    return torch.zeros_like(value) if value.grad is None else value.grad


def _buckets(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters in their order, some at a time; each bucket of one type."""
    buckets: list[list[nn.Parameter]] = []
    room = 0
    for value in parameters:
        if not buckets or room < value.numel() or buckets[-1][0].dtype != value.dtype:
            buckets.append([])
            room = _BUCKET
        buckets[-1].append(value)
        room -= value.numel()
    return buckets
