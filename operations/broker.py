"""A message broker in a folder, for machines without Redis: a kombu transport.

It loses no message if a process is killed.

A message is a file. It is written under a temporary name, synced and renamed, so that no reader sees half of it. A
process takes a message by renaming it into a folder of its own, and holds a lock (`flock`) on the lock file of that
folder while it lives. Acknowledging a message deletes it. When the process dies, the kernel releases the lock, and
another process moves the messages of that folder back into the queues. Delivery is therefore at least once: a handler
must tolerate getting a message twice.

    queues/<queue>/<time>-<tag>.msg      waiting
    taken/<owner>.lock, taken/<owner>/<queue>--<time>-<tag>.msg      being worked on

Not supported: fan-out, priorities, consumers that do not acknowledge, file systems without rename or flock.
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


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it exists with its full content or not at all, whatever happens meanwhile."""
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
    """The folder with its queues, as one process sees it. The first `take` creates the process's folder in `taken`."""

    def __init__(self, folder: Path) -> None:
        self.queues, self.taken = folder / "queues", folder / "taken"
        self.queues.mkdir(parents=True, exist_ok=True)
        self.taken.mkdir(parents=True, exist_ok=True)
        self._seen: dict[str, deque[str]] = {}
        self._own: Path | None = None
        self._lock = -1
        self._swept = 0.0

    def put(self, queue: str, tag: str, content: bytes) -> None:
        folder = self._find_queue(queue)
        folder.mkdir(exist_ok=True)
        write_atomically(folder / f"{time.time_ns():020d}-{tag}.msg", content)

    def take(self, queue: str) -> tuple[Path, bytes] | None:
        """Take the oldest waiting message; return its new path and its content, or None if no message waits."""
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self.sweep()
        own = self._own or self._create_own_folder()
        names = self._seen.get(queue) or self._read_names(queue)
        while names:
            name = names.popleft()
            target = own / f"{queue}{SEPARATOR}{name}"
            try:
                (self._find_queue(queue) / name).rename(target)
            except FileNotFoundError:  # somebody else took it
                continue
            return target, target.read_bytes()
        return None

    def give_back(self, path: Path) -> None:
        """Move a taken message back to its position in the queue."""
        queue, _, name = path.name.partition(SEPARATOR)
        self._find_queue(queue).mkdir(exist_ok=True)
        path.rename(self._find_queue(queue) / name)

    def sweep(self) -> None:
        """Give back the messages that dead processes had taken."""
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

    def list_waiting(self, queue: str) -> list[Path]:
        return sorted(self._find_queue(queue).glob("*.msg"))

    def close(self) -> None:
        if self._own is not None:
            self._clear(self._own.with_suffix(".lock"))
            os.close(self._lock)
            self._own, self._lock = None, -1

    def _find_queue(self, queue: str) -> Path:
        if not queue or queue.startswith(".") or "/" in queue or SEPARATOR in queue:
            raise ValueError(f"{queue!r} cannot name a queue: no slash, no leading dot, no {SEPARATOR!r}.")
        return self.queues / queue

    def _read_names(self, queue: str) -> deque[str]:
        names = self._seen[queue] = deque(path.name for path in self.list_waiting(queue))
        return names

    def _create_own_folder(self) -> Path:
        """Create this process's folder. It holds the lock before the lock file gets a name that a sweep looks for."""
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
        """Give back every message in the folder of a lock file, and delete both. The caller must hold the lock."""
        folder = lock.with_suffix("")
        if folder.is_dir():  # it is gone if another sweep deleted it before this one got the lock
            for path in folder.glob("*.msg"):
                self.give_back(path)
            folder.rmdir()
        lock.unlink(missing_ok=True)


class QoS(virtual.QoS):
    """Deletes the file of a message that is acknowledged."""

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
        return len(self.spool.list_waiting(queue))

    def _purge(self, queue: str) -> int:
        waiting = self.spool.list_waiting(queue)
        for path in waiting:
            path.unlink(missing_ok=True)
        return len(waiting)


class Transport(virtual.Transport):
    Channel = Channel
    driver_type = driver_name = "files"

    def driver_version(self) -> str:
        return "1"
