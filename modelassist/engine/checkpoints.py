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
from safetensors.torch import load_file, save_file

from modelassist.engine.config import FREE
from modelassist.engine.files import atomic_path
from modelassist.engine.model import Loaded
from modelassist.engine.optimise import Stage, optimizer_tensors, restore_optimizer, trainable


class CheckpointError(ValueError):
    """A checkpoint that belongs to another run; the message says what differs."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place in a run that can be gone on from: `step` steps of `stage` are done."""

    path: Path
    stage: str
    step: int
    run: Mapping[str, Any]
    """What the run was: its settings, model and release. A run goes on only as what it was."""


def save_checkpoint(folder: Path, critic: Loaded, stage: Stage, step: int, run: Mapping[str, Any]) -> Path:
    """Write `<folder>/<stage>-<step>` and drop the stage's earlier ones."""
    path = folder / f"{stage.name}-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as unfinished:
        unfinished.mkdir()
        weights = {name: value.detach().contiguous().cpu() for name, value in trainable(critic).items()}
        save_file(weights, unfinished / "weights.safetensors")
        save_file(optimizer_tensors(critic, stage.optimizer), unfinished / "optimizer.safetensors")
        state = {"stage": stage.name, "step": step, "run": dict(run)}
        (unfinished / "state.json").write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    for other in folder.glob(f"{stage.name}-*"):
        if other != path:
            shutil.rmtree(other)
    return path


def newest_checkpoint(folder: Path, stages: Sequence[str]) -> Checkpoint | None:
    """The one furthest into the run, or None."""
    found = [_read(path) for path in folder.glob("[!.]*/state.json")]
    known = [checkpoint for checkpoint in found if checkpoint.stage in stages]
    return max(known, key=lambda checkpoint: (stages.index(checkpoint.stage), checkpoint.step), default=None)


def restore_weights(critic: Loaded, checkpoint: Checkpoint) -> None:
    """Put a checkpoint's weights into the model it was made of; raises CheckpointError for another one."""
    tensors = load_file(checkpoint.path / "weights.safetensors")
    named = trainable(critic)
    if {name: value.shape for name, value in named.items()} != {name: value.shape for name, value in tensors.items()}:
        raise CheckpointError(f"{checkpoint.path} was made of another model or with other adapters")
    with torch.no_grad():
        for name, value in tensors.items():
            named[name].copy_(value)


def restore_stage(critic: Loaded, stage: Stage, checkpoint: Checkpoint) -> None:
    """Put the optimiser back to where it was."""
    restore_optimizer(critic, stage.optimizer, load_file(checkpoint.path / "optimizer.safetensors"))


def check_same_run(checkpoint: Checkpoint, run: Mapping[str, Any]) -> None:
    """Raise CheckpointError where a run is gone on with as another: settings that do not matter for that aside."""
    before, now = _flat(checkpoint.run), _flat(run)
    matter = sorted({*before, *now} - {f"config.{name}" for name in FREE})
    differing = [
        f"{name} ({before.get(name)!r} there, {now.get(name)!r} here)"
        for name in matter
        if before.get(name) != now.get(name)
    ]
    if differing:
        raise CheckpointError(
            f"{checkpoint.path} belongs to a run with another {', '.join(differing[:3])}; "
            "resume with what it had, or train into a new folder"
        )


def _flat(values: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Nested tables as one, keys joined by dots."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{place}{key}.") if isinstance(value, Mapping) else {f"{place}{key}": value}
    return found


def _read(state: Path) -> Checkpoint:
    value = json.loads(state.read_text(encoding="utf-8"))
    return Checkpoint(state.parent, value["stage"], value["step"], value["run"])
