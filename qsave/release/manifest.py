"""The manifest of a release folder, and the check of every byte against it.

The manifest lists the sha256 and the size of every file. Its own `seal` is the sha256 of everything else in it, so the
check finds a changed byte anywhere in the folder, including the manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from qsave.release.encoding import ReleaseError, encode_canonical, parse_object
from qsave.release.tombstone import read_tombstone

MANIFEST_NAME = "manifest.json"
MEDIA_FOLDER = "media"
FORMAT = "qsave-release/2"
EARLIER_FORMATS = ("qsave-release/1",)

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


def encode_manifest(manifest: Mapping[str, Any]) -> bytes:
    """Encode the manifest file with the seal of its content, in place of any `seal` in the argument."""
    sealed = {**manifest, "seal": _compute_seal(manifest)}
    return json.dumps(sealed, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2).encode() + b"\n"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release folder and check its shape. Raises ReleaseError, also for a withdrawn release."""
    path = folder / MANIFEST_NAME
    if tombstone := read_tombstone(folder):
        raise ReleaseError(f"{folder}: {tombstone.explain()}")
    if not path.is_file():
        raise ReleaseError(f"{folder} is not a release: it has no {MANIFEST_NAME}.")
    return parse_manifest(path.read_bytes(), path)


def parse_manifest(data: bytes, path: Path) -> dict[str, Any]:
    """Parse the manifest of the release in the folder of `path` and check its shape. Raises ReleaseError."""
    manifest = dict(parse_object(data, str(path)))
    for field, kind in _REQUIRED.items():
        if not isinstance(manifest.get(field), kind):
            raise ReleaseError(
                f"{path} is not a release manifest: {field!r} is missing or is not of type {kind.__name__}."
            )
    if manifest["format"] in EARLIER_FORMATS:
        raise ReleaseError(
            f"{path.parent} has the earlier format {manifest['format']!r}, and this version reads {FORMAT!r}. Freeze "
            "it again: a new release of the same campaign has the present format."
        )
    if manifest["format"] != FORMAT:
        raise ReleaseError(f"{path}: The format {manifest['format']!r} is not {FORMAT!r}, which this version reads.")
    for name, entry in manifest["files"].items():
        check_entry(path, name, entry)
    return manifest


def verify_release(folder: Path) -> list[str]:
    """Return every problem of a release folder, in file order; an empty list if nothing changed since the freeze."""
    try:
        manifest = read_manifest(folder)
    except ReleaseError as error:
        return [str(error)]
    problems = []
    if (folder / MANIFEST_NAME).read_bytes() != encode_manifest(manifest):
        problems.append(f"{MANIFEST_NAME}: changed since it was frozen (its seal does not match its content)")
    for name, entry in sorted(manifest["files"].items()):
        problems += _check_file(folder, name, entry)
    return problems + _find_extra_files(folder, manifest)


def resolve_inside(folder: Path, name: str) -> Path:
    """Return `folder / name`. Raises ReleaseError if the name could lead out of the folder."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or {"\\", "\0"} & {*name} or not parts.parts:
        raise ReleaseError(f"{folder}: The file name {name!r} leads out of the release.")
    return folder.joinpath(*parts.parts)


def hash_file(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal, reading it in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compute_seal(manifest: Mapping[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(encode_canonical(content)).hexdigest()


def check_entry(path: Path, name: str, entry: object) -> None:
    """Raise ReleaseError if the entry of a file in a list of files at `path` is unusable."""
    shaped = isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and isinstance(entry.get("bytes"), int)
    if not shaped:
        raise ReleaseError(f"{path}: The entry of {name} needs sha256 and bytes; it is {entry!r}.")
    resolve_inside(path.parent, name)


def _check_file(folder: Path, name: str, entry: Mapping[str, Any]) -> list[str]:
    path = resolve_inside(folder, name)
    if path.is_symlink() or not path.is_file():
        return [f"{name}: missing" if not path.exists() else f"{name}: not a plain file"]
    if path.stat().st_size != entry["bytes"]:
        return [f"{name}: {path.stat().st_size} bytes where the manifest says {entry['bytes']}"]
    return [] if hash_file(path) == entry["sha256"] else [f"{name}: its bytes changed (sha256 differs)"]


def _find_extra_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    known = {MANIFEST_NAME, *manifest["files"]}
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = [path.relative_to(folder).as_posix() for path in paths]
    without_media = manifest["policies"].get("media") == "none"
    return [
        f"{name}: not in the manifest"
        for name, path in zip(names, paths, strict=True)
        if name not in known and not (without_media and _is_clip_named_by_its_hash(name, path))
    ]


def _is_clip_named_by_its_hash(name: str, path: Path) -> bool:
    """Tell whether a clip that was added to a release without media has the content that its name states."""
    match = _MEDIA_NAME.fullmatch(name)
    return match is not None and path.is_file() and hash_file(path) == match[1]
