"""The tombstone of a withdrawn release: what it was and why it is gone, in the folder that held its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qsave.parsing import parse_json

TOMBSTONE_NAME = "tombstone.json"
FORMAT = "qsave-release-tombstone/1"


@dataclass(frozen=True, slots=True)
class ReleaseName:
    """How another release is named."""

    number: int
    name: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What remains of a withdrawn release. It names no person: `withdrawn_by` is a role."""

    number: int
    name: str
    content_hash: str
    campaign: str
    simulated: bool
    counts: Mapping[str, Any]
    parent: ReleaseName | None
    frozen_at: str
    withdrawn_at: str
    withdrawn_by: str
    reason: str
    replaced_by: ReleaseName | None

    def explain(self) -> str:
        """Return a sentence for somebody who wants the data."""
        other = self.replaced_by
        follow = f"Use release {other.number} ({other.name})." if other else "No later release replaces it."
        reason = self.reason if self.reason.endswith((".", "!", "?")) else f"{self.reason}."
        return (
            f"Release {self.number} ({self.name}) was withdrawn on {self.withdrawn_at[:10]} by an {self.withdrawn_by}, "
            f"and its data was deleted. The reason: {reason} {follow}"
        )

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}


def read_tombstone(folder: Path) -> Tombstone | None:
    """Return the tombstone in a folder; None if it has no tombstone that can be read."""
    try:
        value = dict(parse_json((folder / TOMBSTONE_NAME).read_bytes()))
        if value.pop("format") != FORMAT:
            return None
        for name in ("parent", "replaced_by"):
            value[name] = ReleaseName(**value[name]) if value[name] else None
        return Tombstone(**value)
    except (OSError, ValueError, TypeError, KeyError):
        return None
