"""The rows of a release: their records, and the JSON of one line.

Both directions are here, so that `datasets`, which writes the rows, and the engine, which reads them, cannot drift
apart. docs/releases.md describes every column.

No column has a name that other people's trainers act on (`prompt`, `messages`, `images`, ...). Such a trainer would
train on the text without ever seeing the clip, and report no error. With these names it finds nothing to train on and
stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qsave.axes import AXES, Axis
from qsave.parsing import parse_json
from qsave.release.encoding import ReleaseError, encode_canonical
from qsave.report_card import Evidence, evidence_from_json, evidence_to_json

DIGITS = 6
"""Decimals of every float in a row."""


@dataclass(frozen=True, slots=True)
class Media:
    """A row's clip. `path` is relative to the release; `fast` and `slow` are seconds of the SlowFast frames."""

    path: str
    sha256: str
    duration: float
    fast: tuple[float, ...]
    slow: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What the raters say of one axis of one clip. `level` is the MOS rounded half up.

    `described` is False if no rater wrote more than a critic had drafted: the defects are then unknown, which is not
    the same as an empty list of defects.
    """

    mos: float
    se: float
    n: int
    level: int
    defects: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    described: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """The critic's prompt, and in a supervised row the answer: the report card in the output grammar."""

    system: str
    user: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class SftRow:
    """A supervised example: its task has an answer."""

    id: str
    clip_id: str
    video_prompt: str
    prompt_group: str
    generator: str
    split: str
    media: Media
    task: Task
    targets: dict[Axis, Target]
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class RlRow:
    """An example for GRPO: its task has no answer; rewards compare a rollout with `solution`."""

    id: str
    clip_id: str
    video_prompt: str
    prompt_group: str
    generator: str
    split: str
    media: Media
    task: Task
    solution: dict[Axis, Target]
    simulated: bool = False

    @property
    def targets(self) -> dict[Axis, Target]:
        """Return the solution under the name that `SftRow` gives it, for code that reads either."""
        return self.solution


def row_to_json(row: SftRow | RlRow) -> dict[str, Any]:
    """Return a row as its file stores it, floats rounded to DIGITS decimals.

    Every row of a file has the same keys with the same types, so that a loader that infers types from one row, block or
    file can read all others. Hence no value is null, and a list that may be empty is JSON text.
    """
    return {
        "id": row.id,
        "clip_id": row.clip_id,
        "video_prompt": row.video_prompt,
        "prompt_group": row.prompt_group,
        "generator": row.generator,
        "split": row.split,
        "simulated": row.simulated,
        "media": {
            "path": row.media.path,
            "sha256": row.media.sha256,
            "duration": round(row.media.duration, DIGITS),
            "fast": [round(time, DIGITS) for time in row.media.fast],
            "slow": [round(time, DIGITS) for time in row.media.slow],
        },
        "task": {
            "system": row.task.system,
            "user": row.task.user,
            **({} if row.task.answer is None else {"answer": row.task.answer}),
        },
        "solution" if isinstance(row, RlRow) else "targets": {
            axis.value: _target_to_json(row.targets[axis]) for axis in AXES
        },
    }


def sft_row_from_json(value: Mapping[str, Any], where: str) -> SftRow:
    """Return the supervised row of a line. Raises ReleaseError, with `where` (file and line) at its start."""
    return SftRow(
        **_make_common_fields(value, where),
        task=_task_from_json(value, where, answered=True),
        targets=_targets_from_json(value, "targets", where),
    )


def rl_row_from_json(value: Mapping[str, Any], where: str) -> RlRow:
    """Return the GRPO row of a line. Raises ReleaseError, with `where` (file and line) at its start."""
    return RlRow(
        **_make_common_fields(value, where),
        task=_task_from_json(value, where, answered=False),
        solution=_targets_from_json(value, "solution", where),
    )


def _make_common_fields(value: Mapping[str, Any], where: str) -> dict[str, Any]:
    try:
        media = value["media"]
        return {
            **{key: str(value[key]) for key in ("id", "clip_id", "video_prompt", "prompt_group", "generator", "split")},
            "simulated": bool(value["simulated"]),
            "media": Media(
                path=str(media["path"]),
                sha256=str(media["sha256"]),
                duration=float(media["duration"]),
                fast=tuple(float(time) for time in media["fast"]),
                slow=tuple(float(time) for time in media["slow"]),
            ),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError(f"{where}: This is not a row of a release ({_explain(error)}).") from None


def _task_from_json(value: Mapping[str, Any], where: str, *, answered: bool) -> Task:
    try:
        task = value["task"]
        texts = [task[name] for name in ("system", "user", "answer")[: 3 if answered else 2]]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("system, user and answer are text")
        return Task(*texts)
    except (KeyError, TypeError) as error:
        raise ReleaseError(f"{where}: The task of this row cannot be read ({_explain(error)}).") from None


def _targets_from_json(value: Mapping[str, Any], field: str, where: str) -> dict[Axis, Target]:
    try:
        return {axis: _target_from_json(value[field][axis.value]) for axis in AXES}
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError(f"{where}: The {field} of this row cannot be read ({_explain(error)}).") from None


def _explain(error: Exception) -> str:
    return f"no field {error}" if isinstance(error, KeyError) else str(error)


def _target_to_json(target: Target) -> dict[str, Any]:
    return {
        "mos": round(target.mos, DIGITS),
        "se": round(target.se, DIGITS),
        "n": target.n,
        "level": target.level,
        "described": target.described,
        "defects": _to_json_text(list(target.defects)),
        "evidence": _to_json_text(round_evidence(target.evidence)),
    }


def round_evidence(evidence: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    """Return the JSON of evidence, its numbers rounded to DIGITS decimals."""
    return [
        {
            key: [round(number, DIGITS) for number in value] if isinstance(value, list) else value
            for key, value in piece.items()
        }
        for piece in evidence_to_json(evidence)
    ]


def _target_from_json(value: Mapping[str, Any]) -> Target:
    return Target(
        mos=float(value["mos"]),
        se=float(value["se"]),
        n=int(value["n"]),
        level=int(value["level"]),
        defects=tuple(str(defect) for defect in _parse_list(value["defects"])),
        evidence=evidence_from_json(_parse_list(value["evidence"])),
        described=bool(value["described"]),
    )


def _to_json_text(value: list[Any]) -> str:
    return encode_canonical(value).decode() if value else "[]"


def _parse_list(text: str) -> list[Any]:
    value = parse_json(text)
    if not isinstance(value, list):
        raise TypeError(f"expected the JSON text of a list, got {text!r}")
    return value
