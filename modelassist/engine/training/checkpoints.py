"""Save and restore checkpoints: the trained weights, the optimiser's state and the step. A checkpoint is written
completely or not at all.

All files are safetensors and JSON. Every random draw is a function of seed and step, so nothing else is needed to
resume with the same losses.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from modelassist.engine.models.distributed import Machine, gather_tensor
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import STAGES
from modelassist.engine.training.description import RunDescription
from modelassist.engine.training.optimise import dump_optimizer, list_trainable, restore_optimizer
from modelassist.engine.training.stages import Stage
from qsave.files import atomic_path, sync_to_disk

WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"


class CheckpointError(ValueError):
    """A checkpoint is damaged, belongs to another run or cannot be written; the message says how to continue."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A saved state of a run: `step` steps of `stage` are done."""

    path: Path
    stage: str
    step: int
    run: RunDescription


def save_checkpoint(folder: Path, model: LoadedModel, stage: Stage, step: int, run: RunDescription) -> Path:
    """Write `<folder>/<stage>-<step>` and then remove the stage's earlier ones.

    Every process must call this, as each may hold a shard; the first one writes. The files do not depend on the number
    of processes. If the new checkpoint cannot be written, raises CheckpointError and keeps the earlier ones.
    """
    path = folder / f"{stage.name}-{step}"
    weights = _collect(list_trainable(model), stage.machine)
    moments = _collect(dump_optimizer(model, stage.optimizer), stage.machine)
    if not stage.machine.is_leader:
        return path
    state = {"stage": stage.name, "step": step, "run": run.to_json()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as unfinished:
            unfinished.mkdir()
            save_file(weights, unfinished / WEIGHTS)
            save_file(moments, unfinished / OPTIMIZER)
            (unfinished / STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
            for name in (WEIGHTS, OPTIMIZER):  # safetensors creates files that only their owner can read
                shutil.copymode(unfinished / STATE, unfinished / name)
            sync_to_disk(unfinished)
        sync_to_disk(folder)  # sync the new name before the earlier checkpoints are removed
    except (OSError, SafetensorError) as error:
        size = sum(tensor.nbytes for tensors in (weights, moments) for tensor in tensors.values())
        raise CheckpointError(_describe_failure(path, size, error)) from error
    for other in folder.glob(f"{stage.name}-*"):
        if other != path:
            shutil.rmtree(other)
    return path


def find_newest(folder: Path, stages: Sequence[str] = STAGES) -> Checkpoint | None:
    """Find the latest checkpoint of the run, or of the given stages. Returns None without a checkpoint."""
    checkpoints = [_read_checkpoint(path) for path in folder.glob(f"[!.]*/{STATE}")]
    known = [checkpoint for checkpoint in checkpoints if checkpoint.stage in stages]
    return max(known, key=lambda checkpoint: (STAGES.index(checkpoint.stage), checkpoint.step), default=None)


def restore_weights(model: LoadedModel, checkpoint: Checkpoint) -> None:
    """Load a checkpoint's weights into a model; raises CheckpointError if names or shapes differ."""
    tensors = _read_tensors(checkpoint.path / WEIGHTS)
    named = list_trainable(model)
    if {name: value.shape for name, value in named.items()} != {name: value.shape for name, value in tensors.items()}:
        raise CheckpointError(f"{checkpoint.path} was made of another model or with other adapters.")
    with torch.no_grad():
        for name, value in tensors.items():
            named[name].copy_(value)


def restore_stage(model: LoadedModel, stage: Stage, checkpoint: Checkpoint) -> None:
    """Restore the optimiser of a stage."""
    restore_optimizer(model, stage.optimizer, _read_tensors(checkpoint.path / OPTIMIZER))


def check_same_run(checkpoint: Checkpoint, run: RunDescription) -> None:
    """Raise CheckpointError if the run being resumed differs from the checkpoint's."""
    differences = checkpoint.run.list_differences(run)
    if differences:
        raise CheckpointError(
            f"{checkpoint.path} belongs to a run with another {', '.join(differences[:3])}; "
            "resume with what it had, or train into a new folder."
        )


def _collect(tensors: Mapping[str, Tensor], machine: Machine) -> dict[str, Tensor]:
    """Gather whole tensors on the CPU of the process that writes them."""
    collected = {}
    for name, value in tensors.items():
        full = gather_tensor(value.detach())
        if machine.is_leader:
            collected[name] = full.contiguous().cpu()
    return collected


def _describe_failure(path: Path, size: int, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else error
    free = shutil.disk_usage(path.parent).free if path.parent.is_dir() else 0
    can_resume = any(path.parent.glob(f"[!.]*/{STATE}"))
    return (
        f"{path} cannot be written ({reason}): it needs {size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free on its "
        f"disk. Free disk space, then {'resume with --resume' if can_resume else 'start again'}."
    )


def _read_checkpoint(state: Path) -> Checkpoint:
    try:
        value = json.loads(state.read_text(encoding="utf-8"))
        return Checkpoint(state.parent, value["stage"], value["step"], RunDescription.from_json(value["run"]))
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(_describe_damage(state)) from None


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        raise CheckpointError(_describe_damage(path)) from None


def _describe_damage(path: Path) -> str:
    return f"{path} is damaged: remove {path.parent}; --resume then continues from the checkpoint before it."
