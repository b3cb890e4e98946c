"""What a run is, by content, and the folder it may write in.

A path tells little of what lies there next week, so release, model and captions are known by their content.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from modelassist.engine.inputs.examples import DataError, Example
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.folder import identify_model
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import Config, config_to
from modelassist.engine.training.checkpoints import CheckpointError
from qsave.release.reader import ReleaseReader

RUN_FILE = "run.json"
_WRITTEN = ("checkpoints", "model", "evaluation.json", "evaluation.md", "metrics.jsonl", "plots", "cache")
"""What a run writes over, and what would be lost if it were another's."""


def require_apart(out: Path, release: Path, model: str) -> None:
    """Refuse to write into what is read."""
    for name, folder in (("release", release), ("model", Path(model).expanduser())):
        if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{out} lies in the {name} {folder}, which would be changed: name another --out")


def require_own(out: Path, *, resume: bool) -> None:
    """Refuse a folder in which a run would write over what is no run's, and one without a run to go on with."""
    if (out / RUN_FILE).exists():
        return
    if resume:
        raise CheckpointError(f"{out} holds no run to go on with: mind --out, or leave out --resume")
    taken = [name for name in _WRITTEN if (out / name).exists()]
    if taken:
        raise DataError(f"{out} holds {taken[0]}, and no run that wrote it: name another --out")


def config_of_run(out: Path) -> dict[str, Any]:
    """The settings that the run in a folder began with; none where there is no run."""
    try:
        config = json.loads((out / RUN_FILE).read_text(encoding="utf-8"))["config"]
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return {}
    return config if isinstance(config, dict) else {}


def described(config: Config, critic: Loaded, reader: ReleaseReader) -> dict[str, Any]:
    """What a run is, settings and all."""
    return {
        "config": config_to(config) | {"frames": asdict(critic.frames)},
        "model": critic.name,
        "model_identity": identify_model(critic.name),
        "release": reader.manifest["content_hash"],
    }


def digest(captioned: Sequence[Example]) -> str | None:
    """What clips with captions are: their pictures and their words, in order."""
    if not captioned:
        return None
    words = [[example.sha256, *(turn["content"] for turn in example.messages)] for example in captioned]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def computed(stages: Sequence[str], machine: Machine) -> dict[str, Any]:
    """When a run was begun or gone on with, and on what; no part of what it is."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "stages": list(stages),
        "processes": machine.size,
        "device": str(machine.device),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft", "av", "numpy")},
    }
