"""Files that are whole or not there."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest

from qsave.files import atomic_path, lock_exclusively, sweep, sync_to_disk


def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as unfinished:
        unfinished.write_text("ne")
        raise RuntimeError
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("figures.json", "old")]


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").touch()
    with pytest.raises(IsADirectoryError) as raised, atomic_path(tmp_path / "clips") as unfinished:
        unfinished.write_text("a picture")
    assert raised.value.filename == str(tmp_path / "clips")
    assert [path.name for path in tmp_path.rglob("*")] == ["clips", "a.mp4"]


def test_what_cannot_be_written_is_told_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, atomic_path(tmp_path / "none" / "a.json") as unfinished:
        unfinished.write_text("{}")
    assert raised.value.filename == str(tmp_path / "none" / "a.json")


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".sft-4.4711").mkdir()
    (tmp_path / ".sft-4.4711" / "weights.safetensors").touch()
    for name in (".progress.json.12", ".gitignore", ".hidden.json", "sft-2.12"):
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", ".hidden.json", "sft-2.12"]


def test_a_folder_need_not_be_synced_where_that_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(handle: int) -> None:
        error = errno.EINVAL if stat.S_ISDIR(os.fstat(handle).st_mode) else refused
        if error:
            raise OSError(error, os.strerror(error))

    (tmp_path / "weights").touch()
    monkeypatch.setattr(os, "fsync", fsync)
    refused = 0
    sync_to_disk(tmp_path)
    refused = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        sync_to_disk(tmp_path)


def test_only_one_at_a_time_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.jsonl"
    with lock_exclusively(path), pytest.raises(BlockingIOError, match="another process"), lock_exclusively(path):
        pass
    with lock_exclusively(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_what_a_killed_process_left_locked_is_free(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    (tmp_path / ".scores.jsonl.lock").touch()
    with lock_exclusively(path):
        pass


def test_a_lock_that_was_removed_while_it_was_taken_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before was done between our opening its lock and our locking it."""
    monkeypatch.setattr(fcntl, "flock", lambda *_: (tmp_path / ".scores.jsonl.lock").unlink())
    with pytest.raises(BlockingIOError), lock_exclusively(tmp_path / "scores.jsonl"):
        pass
