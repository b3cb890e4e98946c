"""The files of a release's clips: checked before anything is written, then copied and hashed by a few threads."""

import shutil
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from datasets.services.policy import ReleaseRefused
from datasets.services.records import ClipRecord
from datasets.services.rows import name_media
from qsave.files import sync_to_disk
from qsave.release.manifest import hash_file
from qsave.words import isolate

THREADS = 4
_MOST_WAITING = 64
_MOST_NAMED = 5


class Faults:
    """Counts the clips with one fault, and keeps the names of the first ones."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[str] = []

    def add(self, record: ClipRecord) -> None:
        self._count += 1
        if len(self._first) < _MOST_NAMED:
            self._first.append(f"{isolate(record.clip_id)} ({isolate(record.original)})")

    def refuse(self, fault: str, remedy: str) -> None:
        """Raise ReleaseRefused if a clip has the fault."""
        if self._count:
            clips = "1 clip has" if self._count == 1 else f"{self._count} clips have"
            rest = f" and {self._count - len(self._first)} more" if self._count > len(self._first) else ""
            raise ReleaseRefused(f"{clips} {fault}: {', '.join(self._first)}{rest}. {remedy}")


_OUTSIDE = "a path that leads out of the media folder", "Import the clips again."
_MISSING = "no file in the media folder", "Import the clips again, or exclude them from the campaign."
_CHANGED = (
    "a file that is no longer the video that was rated",
    "Restore the files, or replace them on the clips' pages, so that they are rated again.",
)


class FileCheck:
    """Finds missing files and files of another size, without reading them."""

    def __init__(self, media: Path, *, copy: bool) -> None:
        self._media = media
        self._copy = copy
        self._outside, self._missing, self._changed = Faults(), Faults(), Faults()
        self.bytes = 0
        """Of the files that will be copied."""

    def add(self, record: ClipRecord) -> None:
        """Look at the file of a clip, if the release needs it: to copy it, or to choose its frames."""
        if not self._copy and record.fast:
            return
        path = self._media / record.original
        if ".." in path.parts or not path.is_relative_to(self._media):
            self._outside.add(record)
        elif not path.is_file():
            self._missing.add(record)
        elif path.stat().st_size != record.facts["bytes"]:
            self._changed.add(record)
        elif self._copy:
            self.bytes += record.facts["bytes"]

    def finish(self, folder: Path) -> None:
        """Raise ReleaseRefused if a file is missing or changed, or if the files do not fit on the disk of `folder`."""
        self._outside.refuse(*_OUTSIDE)
        self._missing.refuse(*_MISSING)
        self._changed.refuse(*_CHANGED)
        free = shutil.disk_usage(folder).free
        if self.bytes > free:
            raise ReleaseRefused(
                f"The clips take {self.bytes // 10**6} MB, and the disk of the releases has {free // 10**6} MB left. "
                "Free some space, or freeze a release without media."
            )


class ClipCopier:
    """Copies clips into a release in a few threads, while the rows are written.

    As a context manager it ends its threads; call `finish` inside.
    """

    def __init__(self, media: Path, folder: Path) -> None:
        self._media = media
        self._folder = folder
        self._pool = ThreadPoolExecutor(THREADS)
        self._waiting: deque[tuple[ClipRecord, Future[dict[str, Any] | None]]] = deque()
        self._changed = Faults()
        self._names: set[str] = set()
        self._entries: dict[str, dict[str, Any]] = {}

    def add(self, record: ClipRecord) -> None:
        """Copy the clip, unless another clip with the same video is copied already."""
        name = name_media(record)
        if name not in self._names:
            self._names.add(name)
            target = self._folder / name
            target.parent.mkdir(exist_ok=True)
            source = self._media / record.original
            self._waiting.append((record, self._pool.submit(copy_clip, source, target, record.sha256)))
        while len(self._waiting) > _MOST_WAITING:
            self._take()

    def finish(self) -> dict[str, dict[str, Any]]:
        """Wait for all copies; return the sha256 and the size of each, by name.

        Raises ReleaseRefused if a file was not the video that was rated.
        """
        while self._waiting:
            self._take()
        self._changed.refuse(*_CHANGED)
        return self._entries

    def _take(self) -> None:
        record, copying = self._waiting.popleft()
        entry = copying.result()
        if entry is None:
            self._changed.add(record)
        else:
            self._entries[name_media(record)] = entry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)


def copy_clip(source: Path, target: Path, sha256: str) -> dict[str, Any] | None:
    """Copy a file, to the disk; return its entry for the manifest, or None if its content is another."""
    shutil.copyfile(source, target)
    if hash_file(target) != sha256:
        return None
    sync_to_disk(target)
    return {"sha256": sha256, "bytes": target.stat().st_size}
