"""A message broker in a folder, for machines without Redis: a kombu transport that loses nothing at a kill.

A message is a file. It is written under a temporary name, synced and renamed, so that no reader sees half of it. Taking
one renames it into a folder of the taker's own, whose lock file the taker holds (`flock`) while it lives; acknowledging
deletes it. When the taker dies the kernel drops the lock, and any other takes what lay in that folder back into the
queues. Delivery is therefore at least once, and whoever gets a message must bear getting it twice.

    queues/<queue>/<time>-<tag>.msg      waiting
    taken/<owner>.lock, taken/<owner>/<queue>--<time>-<tag>.msg      being worked on

Left out: fan-out, priorities, consumers that do not acknowledge, file systems without rename or flock.
"""

import fcntl
import os
import time
import uuid
from collections import deque
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import virtual
from kombu.utils.json import dumps, loads

SWEEP_SECONDS = 3.0
SEPARATOR = "--"


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that it is there in full, or not at all, whatever happens meanwhile."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Spool:
    """The folder with its queues, as one process sees it. Its own `taken` folder is made when it first takes."""

    def __init__(self, folder: Path) -> None:
        self.queues, self.taken = folder / "queues", folder / "taken"
        self.queues.mkdir(parents=True, exist_ok=True)
        self.taken.mkdir(parents=True, exist_ok=True)
        self._seen: dict[str, deque[str]] = {}
        self._own: Path | None = None
        self._lock = -1
        self._swept = 0.0

    def put(self, queue: str, tag: str, content: bytes) -> None:
        folder = self._queue(queue)
        folder.mkdir(exist_ok=True)
        write_whole(folder / f"{time.time_ns():020d}-{tag}.msg", content)

    def take(self, queue: str) -> tuple[Path, bytes] | None:
        """The oldest waiting message and where it now lies; None when there is none."""
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self.sweep()
        own = self._own or self._settle()
        names = self._seen.get(queue) or self._list(queue)
        while names:
            name = names.popleft()
            target = own / f"{queue}{SEPARATOR}{name}"
            try:
                (self._queue(queue) / name).rename(target)
            except FileNotFoundError:  # somebody else took it
                continue
            return target, target.read_bytes()
        return None

    def give_back(self, path: Path) -> None:
        """Put a taken message where it was, keeping its place in the queue."""
        queue, _, name = path.name.partition(SEPARATOR)
        self._queue(queue).mkdir(exist_ok=True)
        path.rename(self._queue(queue) / name)

    def sweep(self) -> None:
        """Give back what dead takers left."""
        self._swept = time.monotonic()
        for lock in self.taken.glob("*.lock"):
            try:
                descriptor = os.open(lock, os.O_RDWR)
            except FileNotFoundError:
                continue
            try:
                if try_lock(descriptor):
                    self._clear(lock)
            finally:
                os.close(descriptor)

    def waiting(self, queue: str) -> list[Path]:
        return sorted(self._queue(queue).glob("*.msg"))

    def close(self) -> None:
        if self._own is not None:
            self._clear(self._own.with_suffix(".lock"))
            os.close(self._lock)
            self._own, self._lock = None, -1

    def _queue(self, queue: str) -> Path:
        if not queue or queue.startswith(".") or "/" in queue or SEPARATOR in queue:
            raise ValueError(f"{queue!r} cannot name a queue: no slash, no leading dot, no {SEPARATOR!r}.")
        return self.queues / queue

    def _list(self, queue: str) -> deque[str]:
        names = self._seen[queue] = deque(path.name for path in self.waiting(queue))
        return names

    def _settle(self) -> Path:
        """Make this process's folder. The lock is held before the lock file bears a name that a sweep looks for."""
        name = f"{os.getpid()}-{uuid.uuid4().hex}"
        temporary = self.taken / f".{name}.tmp"
        self._lock = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        own = self.taken / name
        own.mkdir()
        temporary.rename(own.with_suffix(".lock"))
        self._own = own
        return own

    def _clear(self, lock: Path) -> None:
        """Give back everything under `lock`'s folder and remove both. Only under the lock."""
        folder = lock.with_suffix("")
        if folder.is_dir():  # else another sweep was here between our opening of the file and our lock on it
            for path in folder.glob("*.msg"):
                self.give_back(path)
            folder.rmdir()
        lock.unlink(missing_ok=True)


class QoS(virtual.QoS):
    """Acknowledging a message deletes its file."""

    def ack(self, delivery_tag: str) -> None:
        self.channel.forget(delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not requeue:
            self.channel.forget(delivery_tag)
        super().reject(delivery_tag, requeue=requeue)


class Channel(virtual.Channel):
    QoS = QoS
    supports_fanout = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.spool = Spool(Path(self.connection.client.transport_options["folder"]))
        self._files: dict[str, Path] = {}

    def forget(self, delivery_tag: str) -> None:
        path = self._files.pop(delivery_tag, None)
        if path is not None:
            path.unlink()

    def close(self) -> None:
        super().close()
        self.spool.close()

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        self.spool.put(queue, message["properties"]["delivery_tag"], dumps(message).encode())

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        taken = self.spool.take(queue)
        if taken is None:
            raise Empty
        path, content = taken
        message: dict[str, Any] = loads(content.decode())
        self._files[message["properties"]["delivery_tag"]] = path
        return message

    def _restore(self, message: Any) -> None:
        path = self._files.pop(message.delivery_tag, None)
        if path is not None:
            self.spool.give_back(path)

    def _size(self, queue: str) -> int:
        return len(self.spool.waiting(queue))

    def _purge(self, queue: str) -> int:
        waiting = self.spool.waiting(queue)
        for path in waiting:
            path.unlink(missing_ok=True)
        return len(waiting)


class Transport(virtual.Transport):
    Channel = Channel
    driver_type = driver_name = "files"

    def driver_version(self) -> str:
        return "1"
