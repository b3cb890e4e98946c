"""The broker in a folder: at least once, whatever dies, and nothing read by halves."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from kombu import Connection, Queue
from kombu.simple import SimpleQueue

import config.celery  # noqa: F401 - it gives the transport its name
from operations.broker import Spool, write_atomically
from tests.support.waiting import LIMIT_SECONDS, wait_until

SPAWN = multiprocessing.get_context("spawn")


def connect(folder: Path) -> Connection:
    return Connection("qsave-files://", transport_options={"folder": str(folder), "polling_interval": 0.01})


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with connect(tmp_path) as opened:
        yield opened


def queue(connection: Connection) -> SimpleQueue:
    return connection.SimpleQueue(Queue("short", routing_key="short"))


def waiting(folder: Path) -> int:
    return len(Spool(folder).list_waiting("short"))


def taken(folder: Path) -> list[Path]:
    return list((folder / "taken").glob("*/*.msg"))


def test_messages_come_out_in_the_order_they_went_in(connection: Connection) -> None:
    ours = queue(connection)
    for number in range(5):
        ours.put({"number": number})
    assert [ours.get(timeout=LIMIT_SECONDS).payload["number"] for _ in range(5)] == [0, 1, 2, 3, 4]


def test_an_acknowledged_message_leaves_nothing_behind(connection: Connection, tmp_path: Path) -> None:
    ours = queue(connection)
    ours.put({"number": 1})
    message = ours.get(timeout=LIMIT_SECONDS)
    assert len(taken(tmp_path)) == 1
    message.ack()
    assert waiting(tmp_path) == 0
    assert taken(tmp_path) == []


def test_a_message_rejected_for_good_leaves_nothing_behind(connection: Connection, tmp_path: Path) -> None:
    ours = queue(connection)
    ours.put({"number": 1})
    ours.get(timeout=LIMIT_SECONDS).reject()
    assert (waiting(tmp_path), taken(tmp_path)) == (0, [])


def test_a_requeued_message_keeps_its_place(connection: Connection) -> None:
    ours = queue(connection)
    ours.put({"number": 1})
    ours.put({"number": 2})
    ours.get(timeout=LIMIT_SECONDS).requeue()
    assert {ours.get(timeout=LIMIT_SECONDS).payload["number"], ours.get(timeout=LIMIT_SECONDS).payload["number"]} == {
        1,
        2,
    }


def test_closing_gives_back_what_was_not_acknowledged(tmp_path: Path) -> None:
    with connect(tmp_path) as first:
        ours = queue(first)
        ours.put({"number": 1})
        ours.get(timeout=LIMIT_SECONDS)
        assert waiting(tmp_path) == 0
    assert waiting(tmp_path) == 1
    assert list((tmp_path / "taken").iterdir()) == []


def test_a_living_taker_keeps_its_messages(tmp_path: Path) -> None:
    holder, other = Spool(tmp_path), Spool(tmp_path)
    holder.put("short", "a", b"{}")
    assert holder.take("short") is not None
    other.sweep()
    assert other.take("short") is None


def take_and_hang(folder: Path) -> None:
    Spool(folder).take("short")
    signal.pause()


def test_what_a_killed_taker_held_is_taken_again(tmp_path: Path) -> None:
    ours = Spool(tmp_path)
    ours.put("short", "a", b"content")
    holder = SPAWN.Process(target=take_and_hang, args=(tmp_path,))
    holder.start()
    wait_until(lambda: bool(taken(tmp_path)))
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    ours.sweep()
    again = ours.take("short")
    assert again is not None
    assert again[1] == b"content"


def test_a_full_disk_is_an_error_and_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "message.msg", b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a--b", "a/b"])
def test_queue_names_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a queue"):
        Spool(tmp_path).put(name, "a", b"")


def write_many(folder: Path, writer: int, count: int) -> None:
    spool = Spool(folder)
    for number in range(count):
        spool.put("short", f"{writer}-{number}", f"{writer}-{number}".encode() * 50)


def read_eagerly(folder: Path, found: "multiprocessing.Queue[str]", all_found: Event) -> None:
    """Take and acknowledge without a pause, as a polling worker at its worst."""
    spool = Spool(folder)
    while not all_found.is_set():
        message = spool.take("short")
        if message is not None:
            found.put(message[1].decode())
            message[0].unlink()
    spool.close()


def test_concurrent_writers_and_readers_lose_and_tear_nothing(tmp_path: Path) -> None:
    writers, count = 2, 150
    found: multiprocessing.Queue[str] = SPAWN.Queue()
    all_found = SPAWN.Event()
    readers = [SPAWN.Process(target=read_eagerly, args=(tmp_path, found, all_found), daemon=True) for _ in range(2)]
    authors = [SPAWN.Process(target=write_many, args=(tmp_path, number, count)) for number in range(writers)]
    for process in readers + authors:
        process.start()
    messages = Counter(found.get(timeout=LIMIT_SECONDS) for _ in range(writers * count))
    all_found.set()
    for process in readers + authors:
        process.join(LIMIT_SECONDS)
    assert messages == Counter(f"{writer}-{number}" * 50 for writer in range(writers) for number in range(count))
    assert waiting(tmp_path) == 0
