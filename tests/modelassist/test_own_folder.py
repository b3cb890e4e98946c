"""Commands that make their own folder refuse a folder that is not empty, and the site's folder."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from modelassist.services import own_folder


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(CommandError, match="is not empty"):
        own_folder.run_in(tmp_path, ["loop"])


def test_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(CommandError, match="is not empty"):
        own_folder.run_in(path, ["loop"])


def test_it_starts_again_with_everything_in_the_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda *call: started.extend(call))
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/site")
    monkeypatch.setenv("QSAVE_MEDIA", "/elsewhere")
    monkeypatch.chdir(tmp_path)
    own_folder.run_in(tmp_path / "new", ["loop", "--clips", "3"])
    _, command, environment = started
    assert command[2:] == ["loop", "--clips", "3", "--workdir", str(tmp_path / "new")]
    assert environment["QSAVE_VAR"] == str(tmp_path / "new")
    assert not {"DATABASE_URL", "QSAVE_MEDIA"} & environment.keys()


def test_once_there_it_goes_on(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execve", lambda *call: pytest.fail("started again"))
    settings.VAR_DIR = tmp_path
    (tmp_path / "studio.sqlite3").touch()
    own_folder.run_in(tmp_path, ["loop"])
