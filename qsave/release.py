"""Reading and verifying a release folder: the records of its rows, and the manifest that seals it.

A release is plain files (JSONL, Parquet, Markdown), so a GPU box reads it with no database. What is here is all that
the engine needs of it. Writing one is the business of `datasets`, which uses the row and manifest encoders below, so
that writer and reader cannot drift apart. docs/releases.md describes every file and column.

No column has a name that other people's trainers act on (`prompt`, `messages`, `images`, ...): such a trainer would
take the text, never see the clip and say nothing. Here it finds nothing to train on and stops.

The manifest lists the sha256 and bytes of every file and seals itself (`seal` is the sha256 of everything else in
it), so a changed byte anywhere in the folder is found, the manifest's own included.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, overload

from qsave.axes import AXES, Axis
from qsave.parsing import parse_json
from qsave.report_card import Evidence, evidence_from_json, evidence_to_json

MANIFEST_NAME = "manifest.json"
FORMAT = "qsave-release/2"
EARLIER_FORMATS = ("qsave-release/1",)
KINDS = ("sft", "rl", "cooldown")
MEDIA_FOLDER = "media"

_REQUIRED: dict[str, type] = {
    "format": str,
    "name": str,
    "number": int,
    "content_hash": str,
    "policies": dict,
    "counts": dict,
    "files": dict,
    "seal": str,
}
_MEDIA_NAME = re.compile(r"media/([0-9a-f]{64})\.[a-z0-9]+")


class ReleaseError(ValueError):
    """A folder that is not a release, or a row that breaks the format; the message names the file and the line."""


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
    """What people said of one axis of one clip; `level` is the MOS rounded half up. Where nobody wrote more than a
    critic had drafted it is not `described`: then the defects are unknown, which no empty list says."""

    mos: float
    se: float
    n: int
    level: int
    defects: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    described: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """What a critic is asked, and in a supervised row its answer: the report card in the output grammar."""

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
    """An example for GRPO: its task has no answer; `solution` is what rewards are measured against."""

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
        """The solution under the name that `SftRow` gives it, for code that reads either."""
        return self.solution


class ReleaseReader:
    """A release folder, opened: raises ReleaseError where the manifest is not one. Files are read as rows are asked
    for; `verify_release` is what checks their hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: dict[str, Any] = read_manifest(folder)

    @overload
    def rows(self, kind: Literal["sft", "cooldown"], split: str) -> Iterator[SftRow]: ...
    @overload
    def rows(self, kind: Literal["rl"], split: str) -> Iterator[RlRow]: ...
    @overload
    def rows(self, kind: str, split: str) -> Iterator[SftRow] | Iterator[RlRow]: ...
    def rows(self, kind: str, split: str) -> Iterator[SftRow] | Iterator[RlRow]:
        """The rows of one file, in file order. A kind and split that the release has no file for is an error, as
        only train has a cool-down file."""
        name = f"{kind}/{split}.jsonl"
        if name not in self.manifest["files"]:
            there = ", ".join(file for file in sorted(self.manifest["files"]) if file.endswith(".jsonl"))
            raise ReleaseError(f"{self.folder}: no {name} in this release; it has {there or 'no row files'}")
        return self._rl_rows(name) if kind == "rl" else self._sft_rows(name)

    def media_path(self, row: SftRow | RlRow) -> Path:
        """Where the row's clip lies; raises ReleaseError where it is not there."""
        name = row.media.path
        path = _inside(self.folder, name)
        if not path.is_file():
            raise ReleaseError(
                f"{self.folder}: {name} of row {row.id} is missing. A release made without media needs its clips "
                f"laid under {MEDIA_FOLDER}/ as <sha256>.<extension>"
            )
        return path

    def _sft_rows(self, name: str) -> Iterator[SftRow]:
        for where, value in self._lines(name):
            yield SftRow(
                **_row_fields(value, where),
                task=_task(value, where, answered=True),
                targets=_targets(value, "targets", where),
            )

    def _rl_rows(self, name: str) -> Iterator[RlRow]:
        for where, value in self._lines(name):
            yield RlRow(
                **_row_fields(value, where),
                task=_task(value, where, answered=False),
                solution=_targets(value, "solution", where),
            )

    def _lines(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        path = _inside(self.folder, name)
        if not path.is_file():
            raise ReleaseError(f"{path}: the manifest lists this file and it is missing")
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                where = f"{path}:{number}"
                yield where, _json_object(line, where)


def row_to_json(row: SftRow | RlRow) -> dict[str, Any]:
    """A row as its file holds it, floats rounded to 6 decimals.

    Every row of a file has the same keys with the same types, whatever it holds, so that a loader that infers types
    from one row, block or file reads all others. Hence no value is null, and a list that may be empty is JSON text.
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
            "duration": round(row.media.duration, 6),
            "fast": [round(time, 6) for time in row.media.fast],
            "slow": [round(time, 6) for time in row.media.slow],
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


def canonical(value: object) -> bytes:
    """JSON of one spelling only (sorted keys, no spaces, UTF-8, no NaN): what is hashed, and a line of a row file."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """The manifest file, sealed: any `seal` in the argument is replaced by the one of its content."""
    sealed = {**manifest, "seal": _seal(manifest)}
    return json.dumps(sealed, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2).encode() + b"\n"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release folder, its shape checked; raises ReleaseError."""
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise ReleaseError(f"{folder} is not a release: it has no {MANIFEST_NAME}")
    manifest = dict(_json_object(path.read_bytes(), str(path)))
    for field, kind in _REQUIRED.items():
        if not isinstance(manifest.get(field), kind):
            raise ReleaseError(
                f"{path}: not a release manifest: {field!r} is missing or is not of type {kind.__name__}"
            )
    if manifest["format"] in EARLIER_FORMATS:
        raise ReleaseError(
            f"{folder} has the earlier format {manifest['format']!r}, and this version reads {FORMAT!r}. Freeze it "
            "again: a new release of the same campaign has the present format."
        )
    if manifest["format"] != FORMAT:
        raise ReleaseError(f"{path}: format {manifest['format']!r} is not {FORMAT!r}, the one this version reads")
    for name, entry in manifest["files"].items():
        _check_entry(path, name, entry)
    return manifest


def verify_release(folder: Path) -> list[str]:
    """Every problem of a release folder, in file order; an empty list says it is as it was frozen."""
    try:
        manifest = read_manifest(folder)
    except ReleaseError as error:
        return [str(error)]
    problems = []
    if (folder / MANIFEST_NAME).read_bytes() != manifest_bytes(manifest):
        problems.append(f"{MANIFEST_NAME}: changed since it was frozen (its seal does not match its content)")
    for name, entry in sorted(manifest["files"].items()):
        problems += _file_problems(folder, name, entry)
    return problems + _extra_files(folder, manifest)


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical({key: value for key, value in manifest.items() if key != "seal"})).hexdigest()


def _check_entry(path: Path, name: str, entry: object) -> None:
    shaped = isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and isinstance(entry.get("bytes"), int)
    if not shaped:
        raise ReleaseError(f"{path}: the entry of {name} needs sha256 and bytes, got {entry!r}")
    _inside(path.parent, name)


def _inside(folder: Path, name: str) -> Path:
    """`folder / name`, refusing a name that could lead out of the folder."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name or not parts.parts:
        raise ReleaseError(f"{folder}: {name!r} leads out of the release")
    return folder.joinpath(*parts.parts)


def _file_problems(folder: Path, name: str, entry: Mapping[str, Any]) -> list[str]:
    path = _inside(folder, name)
    if path.is_symlink() or not path.is_file():
        return [f"{name}: missing" if not path.exists() else f"{name}: not a plain file"]
    if path.stat().st_size != entry["bytes"]:
        return [f"{name}: {path.stat().st_size} bytes where the manifest says {entry['bytes']}"]
    return [] if sha256_of(path) == entry["sha256"] else [f"{name}: its bytes changed (sha256 differs)"]


def _extra_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    known = {MANIFEST_NAME, *manifest["files"]}
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = [path.relative_to(folder).as_posix() for path in paths]
    bare = manifest["policies"].get("media") == "none"
    return [
        f"{name}: not in the manifest"
        for name, path in zip(names, paths, strict=True)
        if name not in known and not (bare and _is_own_media(name, path))
    ]


def _is_own_media(name: str, path: Path) -> bool:
    """A clip laid into a release made without media is welcome if it is the clip that its name says."""
    match = _MEDIA_NAME.fullmatch(name)
    return match is not None and path.is_file() and sha256_of(path) == match[1]


def _json_object(data: bytes, where: str) -> Mapping[str, Any]:
    try:
        value = parse_json(data, parse_constant=_no_constant)
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError
        raise ReleaseError(f"{where}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ReleaseError(f"{where}: expected an object, got {type(value).__name__}")
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _row_fields(value: Mapping[str, Any], where: str) -> dict[str, Any]:
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
        raise ReleaseError(f"{where}: not a row of a release ({_said(error)})") from None


def _task(value: Mapping[str, Any], where: str, *, answered: bool) -> Task:
    try:
        task = value["task"]
        texts = [task[name] for name in ("system", "user", "answer")[: 3 if answered else 2]]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("system, user and answer are text")
        return Task(*texts)
    except (KeyError, TypeError) as error:
        raise ReleaseError(f"{where}: task is not that of a row ({_said(error)})") from None


def _targets(value: Mapping[str, Any], field: str, where: str) -> dict[Axis, Target]:
    try:
        return {axis: _target_from_json(value[field][axis.value]) for axis in AXES}
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseError(f"{where}: {field} are not those of a row ({_said(error)})") from None


def _said(error: Exception) -> str:
    return f"no field {error}" if isinstance(error, KeyError) else str(error)


def _json_text(value: object) -> str:
    return canonical(value).decode()


def _list_of(text: str) -> list[Any]:
    value = parse_json(text)
    if not isinstance(value, list):
        raise TypeError(f"expected the JSON text of a list, got {text!r}")
    return value


def _target_to_json(target: Target) -> dict[str, Any]:
    return {
        "mos": round(target.mos, 6),
        "se": round(target.se, 6),
        "n": target.n,
        "level": target.level,
        "described": target.described,
        "defects": _json_text(list(target.defects)),
        "evidence": _json_text([_rounded_evidence(piece) for piece in evidence_to_json(target.evidence)]),
    }


def _rounded_evidence(piece: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: [round(number, 6) for number in value] if isinstance(value, list) else value
        for key, value in piece.items()
    }


def _target_from_json(value: Mapping[str, Any]) -> Target:
    return Target(
        mos=float(value["mos"]),
        se=float(value["se"]),
        n=int(value["n"]),
        level=int(value["level"]),
        defects=tuple(str(defect) for defect in _list_of(value["defects"])),
        evidence=evidence_from_json(_list_of(value["evidence"])),
        described=bool(value["described"]),
    )
