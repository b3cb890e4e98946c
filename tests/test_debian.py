"""What the machine lacks is named at once, in one line, or installed by who may."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.debian import Need, require

ROOT = Path(__file__).resolve().parents[1]
THERE = Need("chromium", lambda: "/usr/bin/chromium", "QSAVE_CHROMIUM")
MISSING = [
    Need("postgresql", lambda: None, "QSAVE_TEST_OTHER_DATABASE"),
    Need("redis-server", lambda: None, "QSAVE_TEST_OTHER_REDIS"),
]


def test_a_user_who_may_not_install_reads_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit) as ended:
        require([THERE, *MISSING])
    (line,) = str(ended.value).splitlines()
    assert "run: sudo apt-get install postgresql redis-server (" in line
    assert "chromium" not in line


def test_what_the_environment_names_need_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for need in MISSING:
        monkeypatch.setenv(need.setting, "given")
    require([THERE, *MISSING])


def test_root_installs_all_of_them_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    installed: list[str] = []

    def run(command: list[str], **options: object) -> None:
        ran.append(command)
        installed.append("/usr/bin/redis-server")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    require([Need(name, lambda: next(iter(installed), None), "QSAVE_TEST_NOTHING") for name in ("a", "b")])
    assert [command[1] for command in ran] == ["update", "install"]
    assert ran[-1][-2:] == ["a", "b"]


def test_the_check_that_make_runs_first_knows_the_real_needs() -> None:
    given = {"QSAVE_CHROMIUM": "x", "QSAVE_TEST_DATABASE_URL": "x", "QSAVE_TEST_REDIS_URL": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.needs"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
