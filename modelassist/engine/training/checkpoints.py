"""Checkpoints: what training changes, the optimiser's state and the place in the run; whole or not there at all.

Everything is safetensors and JSON. As every draw is a function of seed and step, nothing else is needed to go on with
the same losses.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from modelassist.engine.models.distributed import Machine, whole
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import FREE, STAGES, flat
from modelassist.engine.training.optimise import Stage, optimizer_tensors, restore_optimizer, trainable
from qsave.files import atomic_path, to_disk

WEIGHTS, MOMENTS, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_WORDS = {"model_identity": "model, by its content"}
"""What of a run is not called as it is kept."""


class CheckpointError(ValueError):
    """A checkpoint that belongs to another run, is damaged, or could not be written; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place in a run that can be gone on from: `step` steps of `stage` are done."""

    path: Path
    stage: str
    step: int
    run: Mapping[str, Any]
    """What the run was: its settings, and its model, release and captions by content."""


def save_checkpoint(folder: Path, critic: Loaded, stage: Stage, step: int, run: Mapping[str, Any]) -> Path:
    """Write `<folder>/<stage>-<step>` and drop the stage's earlier ones, which stay where it cannot be written. Every
    process has to come here, as each may hold a part; one writes. How many there were leaves no trace."""
    path = folder / f"{stage.name}-{step}"
    weights = _kept(trainable(critic), stage.machine)
    moments = _kept(optimizer_tensors(critic, stage.optimizer), stage.machine)
    if not stage.machine.leads:
        return path
    state = {"stage": stage.name, "step": step, "run": dict(run)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as unfinished:
            unfinished.mkdir()
            save_file(weights, unfinished / WEIGHTS)
            save_file(moments, unfinished / MOMENTS)
            (unfinished / STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
            for name in (WEIGHTS, MOMENTS):  # safetensors are written for their owner alone
                shutil.copymode(unfinished / STATE, unfinished / name)
            to_disk(unfinished)
        to_disk(folder)  # the new name, before the old one goes
    except (OSError, SafetensorError) as error:
        size = sum(tensor.nbytes for tensors in (weights, moments) for tensor in tensors.values())
        raise CheckpointError(_unwritten(path, size, error)) from error
    for other in folder.glob(f"{stage.name}-*"):
        if other != path:
            shutil.rmtree(other)
    return path


def newest_checkpoint(folder: Path, stages: Sequence[str] = STAGES) -> Checkpoint | None:
    """The one furthest into the run, or into some of its stages; or None."""
    found = [_read(path) for path in folder.glob(f"[!.]*/{STATE}")]
    known = [checkpoint for checkpoint in found if checkpoint.stage in stages]
    return max(known, key=lambda checkpoint: (STAGES.index(checkpoint.stage), checkpoint.step), default=None)


def restore_weights(critic: Loaded, checkpoint: Checkpoint) -> None:
    """Put a checkpoint's weights into the model it was made of; raises CheckpointError for another one."""
    tensors = _tensors(checkpoint.path / WEIGHTS)
    named = trainable(critic)
    if {name: value.shape for name, value in named.items()} != {name: value.shape for name, value in tensors.items()}:
        raise CheckpointError(f"{checkpoint.path} was made of another model or with other adapters")
    with torch.no_grad():
        for name, value in tensors.items():
            named[name].copy_(value)


def restore_stage(critic: Loaded, stage: Stage, checkpoint: Checkpoint) -> None:
    """Put the optimiser back to where it was."""
    restore_optimizer(critic, stage.optimizer, _tensors(checkpoint.path / MOMENTS))


def check_same_run(checkpoint: Checkpoint, run: Mapping[str, Any]) -> None:
    """Raise CheckpointError where a run is gone on with as another, settings that do not matter for that aside.
    Captions matter where `run` names them: for the classroom."""
    before, now = flat(checkpoint.run), flat(run)
    ignored = {"model", *(f"config.{name}" for name in FREE), *({"captions"} - now.keys())}
    matter = sorted({*before, *now} - ignored)
    differing = [
        f"{_WORDS.get(name, name.removeprefix('config.'))} ({before.get(name)!r} there, {now.get(name)!r} here)"
        for name in matter
        if before.get(name) != now.get(name)
    ]
    if differing:
        raise CheckpointError(
            f"{checkpoint.path} belongs to a run with another {', '.join(differing[:3])}; "
            "resume with what it had, or train into a new folder"
        )


def _kept(tensors: Mapping[str, Tensor], machine: Machine) -> dict[str, Tensor]:
    """Whole tensors on the CPU, in the process that writes them."""
    found = {}
    for name, value in tensors.items():
        full = whole(value.detach())
        if machine.leads:
            found[name] = full.contiguous().cpu()
    return found


def _unwritten(path: Path, size: int, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else error
    free = shutil.disk_usage(path.parent).free if path.parent.is_dir() else 0
    kept = any(path.parent.glob(f"[!.]*/{STATE}"))
    return (
        f"{path} cannot be written ({reason}): it needs {size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free on its "
        f"disk. Make room there, then {'go on with --resume' if kept else 'start again'}"
    )


def _read(state: Path) -> Checkpoint:
    try:
        value = json.loads(state.read_text(encoding="utf-8"))
        return Checkpoint(state.parent, value["stage"], value["step"], value["run"])
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(_damaged(state)) from None


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        raise CheckpointError(_damaged(path)) from None


def _damaged(path: Path) -> str:
    return f"{path} is damaged: remove {path.parent}, and --resume goes on from what was before it"
