"""Files that are whole or not there."""

from pathlib import Path

import pytest

from modelassist.engine.files import atomic_path, sweep


def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as unfinished:
        unfinished.write_text("ne")
        raise RuntimeError
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("figures.json", "old")]


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".sft-4.4711").mkdir()
    (tmp_path / ".sft-4.4711" / "weights.safetensors").touch()
    for name in (".progress.json.12", ".gitignore", ".hidden.json", "sft-2.12"):
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", ".hidden.json", "sft-2.12"]
