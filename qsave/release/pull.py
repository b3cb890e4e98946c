"""Pull a release or a preset from a site into a folder: whole or in part, and again after every interruption.

The list of files (`manifest.json`, of a preset `files.json`) is written last, so a folder that has it is complete for
what was requested. Pulling another part into the same folder adds to it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qsave.files import atomic_path, lock_exclusively
from qsave.release.download import UNFINISHED, Site
from qsave.release.encoding import ReleaseError, parse_object
from qsave.release.manifest import MANIFEST_NAME, check_entry, hash_file, parse_manifest, resolve_inside
from qsave.release.presets.write import LIST_FILE
from qsave.release.selection import list_clips, list_data_files

STATE_FILE = ".pull.json"
"""Marks a folder that is being filled, and says with what."""
THREADS = 4
_ADDRESS = re.compile(r"(https?://[^\s?#]+?)/(?:api/)?releases/([0-9]+)/?")

Progress = Callable[[int, int], None]
"""Is called with the bytes that are there and the bytes of all files."""


@dataclass(frozen=True, slots=True)
class Part:
    """What to pull: a preset, or the release; of the release one split or all, with or without the clips."""

    split: str = ""
    preset: str = ""
    media: bool = True


@dataclass(frozen=True, slots=True)
class _Source:
    """The files of a release or a preset on a site."""

    site: Site
    path: str
    """Where its files are, below the address of the API."""
    index_name: str
    index: bytes
    """The list of files, as it will be in the folder."""
    listed: Mapping[str, Any]

    @property
    def mark(self) -> str:
        """Return what tells this release or preset apart from all others."""
        return hashlib.sha256(self.index).hexdigest()

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        files: Mapping[str, Mapping[str, Any]] = self.listed["files"]
        return files


@dataclass(slots=True)
class _Tally:
    """The bytes that are there, counted by several threads."""

    progress: Progress
    total: int
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        with self.lock:
            self.done += count
            self.progress(self.done, self.total)


def pull_release(
    address: str,
    folder: Path,
    *,
    token: str,
    part: Part | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Path]:
    """Fill the folder and return its files. Those that are there with the right bytes stay.

    `address` is the page of the release, or its address in the API. Raises ReleaseError: what came so far stays, and
    the same call resumes.
    """
    part = part or Part()
    if part.preset and (part.split or not part.media):
        raise ReleaseError("A preset is pulled whole: leave out --split and --no-media, or --preset.")
    source = _open_source(address, token, folder, part)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock_exclusively(folder):
            return _pull(source, folder.resolve(), part, progress)
    except BlockingIOError:
        raise ReleaseError(f"Another process is pulling into {folder}. Wait for it, or name another folder.") from None
    except OSError as error:
        raise ReleaseError(
            f"{error.filename or folder}: {error.strerror}. What came stays: mend that, then run the same command "
            "again to resume."
        ) from None


def _open_source(address: str, token: str, folder: Path, part: Part) -> _Source:
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ReleaseError(
            f"{address} is not the address of a release. Copy it from the page of the release: it ends with "
            "/releases/NUMBER."
        )
    site = Site(f"{match[1]}/api", token)
    release = f"/releases/{match[2]}"
    if not part.preset:
        index = site.read(f"{release}/files/{MANIFEST_NAME}")
        return _Source(site, f"{release}/files/", MANIFEST_NAME, index, parse_manifest(index, folder / MANIFEST_NAME))
    path = f"{release}/presets/{part.preset}/files/"
    index = site.read(path + LIST_FILE)
    return _Source(site, path, LIST_FILE, index, _parse_list(index, folder / LIST_FILE))


def _parse_list(data: bytes, path: Path) -> Mapping[str, Any]:
    listed = parse_object(data, str(path))
    if not isinstance(listed.get("files"), dict):
        raise ReleaseError(f"{path} does not list the files of a preset. Write the preset again.")
    for name, entry in listed["files"].items():
        check_entry(path, name, entry)
    return listed


def _pull(source: _Source, folder: Path, part: Part, progress: Progress) -> list[Path]:
    state = folder / STATE_FILE
    _check_folder(source, folder)
    with atomic_path(state) as unfinished:
        unfinished.write_text(json.dumps({"mark": source.mark}), encoding="utf-8")
    if part.preset:
        names: Sequence[str] = sorted(source.files)
        _fetch(source, folder, names, progress)
    else:
        data = list_data_files(source.listed, part.split)
        _fetch(source, folder, data, progress)
        clips = list_clips(source.listed, folder, part.split) if part.media else []
        _fetch(source, folder, clips, progress)
        names = data + clips
    with atomic_path(folder / source.index_name) as unfinished:
        unfinished.write_bytes(source.index)
    state.unlink()
    return [folder / source.index_name, *(resolve_inside(folder, name) for name in names)]


def _check_folder(source: _Source, folder: Path) -> None:
    """Raise ReleaseError if the folder has anything but this release or preset."""
    index, state = folder / source.index_name, folder / STATE_FILE
    if index.is_file():
        if index.read_bytes() != source.index:
            raise ReleaseError(f"{folder} holds another release or preset. Name another folder.")
    elif state.is_file():
        if parse_object(state.read_bytes(), str(state)).get("mark") != source.mark:
            raise ReleaseError(f"{folder} holds a part of another release or preset. Name another folder.")
    elif any(folder.iterdir()):
        raise ReleaseError(f"{folder} has other files, which were left as they are. Name another folder.")


def _fetch(source: _Source, folder: Path, names: Iterable[str], progress: Progress) -> None:
    """Get the files that are missing or have other bytes, several at once. The first error ends all."""
    entries = {name: source.files[name] for name in names}
    tally = _Tally(progress, sum(entry["bytes"] for entry in entries.values()))
    missing = {}
    for name, entry in entries.items():
        target = _locate(folder, name)
        if _is_complete(target, entry):
            tally.add(entry["bytes"])
        else:
            missing[name] = target
    _check_space(folder, tally.total - tally.done)
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            jobs = [pool.submit(_fetch_one, source, name, target, tally) for name, target in missing.items()]
            for job in as_completed(jobs):
                job.result()
        except BaseException:  # also if the person stops the command
            source.site.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_one(source: _Source, name: str, target: Path, tally: _Tally) -> None:
    entry = source.files[name]
    unfinished = target.with_name(target.name + UNFINISHED)
    target.parent.mkdir(parents=True, exist_ok=True)
    if unfinished.exists():
        tally.add(unfinished.stat().st_size)
    source.site.download(source.path + name, target, sha256=entry["sha256"], size=entry["bytes"], report=tally.add)


def _locate(folder: Path, name: str) -> Path:
    """Return the path of a file. Raises ReleaseError if a link could lead out of the folder."""
    target = resolve_inside(folder, name)
    for path in (target, target.with_name(target.name + UNFINISHED), *target.parents):
        if path == folder:
            break
        if path.is_symlink():
            raise ReleaseError(
                f"{path} is a link. Nothing is written through links: remove it, or name another folder."
            )
    return target


def _is_complete(path: Path, entry: Mapping[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == entry["bytes"] and hash_file(path) == entry["sha256"]


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ReleaseError(
            f"The disk of {folder} has {free:,} bytes free, and {needed:,} are still to come. Free some space, then "
            "run the same command again to resume."
        )
