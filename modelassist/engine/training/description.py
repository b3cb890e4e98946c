"""Describe what defines a run. The files at a path may change, so the model, the release and the captions are
identified by their content.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from modelassist.engine.inputs.examples import Example
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.folder import identify_model
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import FREE_TO_CHANGE, Config, dump_config, flatten
from qsave.release.reader import ReleaseReader


@dataclass(frozen=True, slots=True)
class RunDescription:
    """The settings and inputs that define a run; they must be the same when it resumes."""

    settings: dict[str, object]
    """All settings as nested tables, with the frame settings in use."""
    model: str
    """Folder or hub id."""
    model_identity: str | None
    release: str | None
    """Content hash."""
    captions: str | None = None
    """Digest of the clips with captions; None without any."""

    @classmethod
    def from_json(cls, value: object) -> "RunDescription":
        """Read a description; raises TypeError for a value of another shape."""
        if not (isinstance(value, dict) and isinstance(value.get("config"), dict)):
            raise TypeError("a description of a run is an object with a config.")
        content = (value.get(name) for name in ("model_identity", "release", "captions"))
        return cls(value["config"], str(value.get("model")), *content)

    def to_json(self) -> dict[str, object]:
        return {
            "config": self.settings,
            "model": self.model,
            "model_identity": self.model_identity,
            "release": self.release,
            "captions": self.captions,
        }

    def list_differences(self, other: "RunDescription") -> list[str]:
        """List the differences to another run, with both values.

        The path of the model and the settings that a run may change are left out.
        """
        before, now = self._list_fixed(), other._list_fixed()
        return [
            f"{name} ({before.get(name)!r} there, {now.get(name)!r} here)"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name)
        ]

    def _list_fixed(self) -> dict[str, object]:
        settings = {name: value for name, value in flatten(self.settings).items() if name not in FREE_TO_CHANGE}
        content = {"model, by its content": self.model_identity, "release": self.release, "captions": self.captions}
        return settings | content


@dataclass(frozen=True, slots=True)
class Computation:
    """When a run was started or resumed, and on which machine; these may differ when it resumes."""

    started: str
    stages: list[str]
    processes: int
    device: str
    versions: dict[str, str]


def describe_run(
    config: Config, model: LoadedModel, reader: ReleaseReader, captioned: Sequence[Example]
) -> RunDescription:
    """Describe a run by its settings and the content of what it reads."""
    settings = dump_config(replace(config, frames=model.frames))
    return RunDescription(
        settings, model.name, identify_model(model.name), reader.manifest["content_hash"], hash_captions(captioned)
    )


def hash_captions(captioned: Sequence[Example]) -> str | None:
    """Hash the clips with captions, both videos and texts, in order. Return None if no clip has a caption."""
    if not captioned:
        return None
    contents = [[example.sha256, *(turn["content"] for turn in example.messages)] for example in captioned]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def describe_computation(stages: Sequence[str], machine: Machine) -> Computation:
    """Describe the machine and the versions of the packages that this process computes with."""
    return Computation(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        stages=list(stages),
        processes=machine.size,
        device=str(machine.device),
        versions={name: version(name) for name in ("torch", "transformers", "peft", "av", "numpy")},
    )
