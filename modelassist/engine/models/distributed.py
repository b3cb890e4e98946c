"""The device, dtype and processes that a run computes on; without torchrun there is one process.

Each process takes its share of each step's clips. With `ddp` each has the whole model, and gradients are summed once a
step, after its last micro-batch. With `fsdp` (FSDP2) each has a part of every weight, gradient and optimiser moment;
weights are gathered layer by layer as they are used. Losses are means over the whole step, so sums over processes, not
averages, give the loss and the gradient of a single process.

All processes must call the same collectives. If only one of them meets a problem (a clip that cannot be read, a loss
that is NaN), it first shares the problem with all others.
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

from modelassist.engine.models.loader import LoadedModel

T = TypeVar("T")
PATIENCE = timedelta(hours=2)
"""How long processes wait for each other. It is long because one of them writes checkpoints, maybe to a slow disk."""
_BUCKET = 2**25
"""Number of gradient elements that are summed in one message."""


class Machine:
    """One process of a run, and how it works with the others."""

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
    def is_leader(self) -> bool:
        """Whether this process is the one that writes files and messages."""
        return self.rank == 0

    def take_share(self, items: Sequence[T]) -> list[T]:
        """Return this process's share of some work."""
        return list(items[self.rank :: self.size])

    def gather(self, value: T) -> list[T]:
        """Return the value of every process, by rank."""
        if self.size == 1:
            return [value]
        values: list[T] = [value] * self.size
        dist.all_gather_object(values, value)
        return values

    def sum_values(self, values: Mapping[str, float]) -> dict[str, float]:
        """Sum values over the processes; all must give the same names in the same order."""
        if self.size == 1:
            return dict(values)
        summed = torch.tensor(list(values.values()), dtype=torch.float64)
        dist.all_reduce(summed)
        return dict(zip(values, summed.tolist(), strict=True))

    def run(self, work: Callable[[], T]) -> T:
        """Run a forward pass in the run's dtype, with sharded weights gathered as they are used.

        All processes must call it the same number of times.
        """
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            result: T = self._root(work) if self._root else work()
        return result

    def shard(self, model: LoadedModel) -> None:
        """Shard the model with `fsdp`, after its trainable weights are marked and restored; `ddp` does nothing.

        A frozen tower is not sharded: its features are computed clip by clip, and processes have different clips.
        """
        if self.size == 1 or self.kind != "fsdp":
            return
        reduced = self.dtype != torch.float32
        policy = MixedPrecisionPolicy(self.dtype, torch.float32) if reduced else MixedPrecisionPolicy()
        mesh = init_device_mesh(self.device.type, (self.size,))
        visual = model.base.model.visual
        ignored = {value for value in visual.parameters() if not value.requires_grad}
        blocks = [*model.base.model.language_model.layers, *([] if ignored else visual.blocks)]
        root = _Root(model.network)
        for module in (*blocks, root):
            fully_shard(module, mesh=mesh, mp_policy=policy, ignored_params=ignored)
        for module in root.modules():
            if isinstance(module, FSDPModule):
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(enable=True)
        self._root = root

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum the gradients over processes with `ddp`; `fsdp` has summed them already."""
        if self.size == 1 or self._root is not None:
            return
        for bucket in _split_into_buckets(list(parameters)):
            flat = torch.cat([_get_gradient(value).flatten() for value in bucket])
            dist.all_reduce(flat)
            for value, summed in zip(bucket, flat.split([value.numel() for value in bucket]), strict=True):
                value.grad = summed.view_as(value)

    def leave(self) -> None:
        """Wait for all processes, then leave their group; a sharded model cannot be used afterwards."""
        self._root = None
        if self.size > 1:
            dist.barrier()
            dist.destroy_process_group()


class _Root(nn.Module):
    """The module that FSDP treats as the whole model.

    Its `forward` runs any function, so that the outermost weights (embeddings, head) are gathered for training,
    generation and every other use of the model.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, work: Callable[[], T]) -> T:
        return work()


def join_processes(kind: str, dtype: torch.dtype) -> Machine:
    """Join the processes that torchrun names in the environment; returns this process's machine."""
    on_gpu, size = torch.cuda.is_available(), int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Machine("cuda" if on_gpu else "cpu", dtype)
    device = f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=PATIENCE)
    return Machine(device, dtype, kind=kind, rank=dist.get_rank(), size=size)


def gather_tensor(tensor: Tensor) -> Tensor:
    """Gather a sharded tensor; all processes must call it together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def shard_like(tensor: Tensor, like: Tensor) -> Tensor:
    """Move a whole tensor, which every process has, to the device of `like`, and shard it in the same way."""
    moved = tensor.to(like.device)
    if not isinstance(like, DTensor):
        return moved
    mesh: DeviceMesh = like.device_mesh
    return distribute_tensor(moved, mesh, like.placements, src_data_rank=None)


def _get_gradient(value: nn.Parameter) -> Tensor:
    """Return the gradient of a parameter; zeros if this process had no example for it."""
    return torch.zeros_like(value) if value.grad is None else value.grad


def _split_into_buckets(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Split parameters, in order, into buckets of one dtype and bounded size."""
    buckets: list[list[nn.Parameter]] = []
    free = 0
    for value in parameters:
        if not buckets or free < value.numel() or buckets[-1][0].dtype != value.dtype:
            buckets.append([])
            free = _BUCKET
        buckets[-1].append(value)
        free -= value.numel()
    return buckets
