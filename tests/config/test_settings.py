"""Settings as a process meets them at its start."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = "k" * 40
SAFE = {"QSAVE_ENV": "production", "QSAVE_SECRET_KEY": KEY, "QSAVE_HOSTS": "studio.example.org"}


def read_settings(var: Path, code: str = "", **given: str) -> "subprocess.CompletedProcess[str]":
    """Load the settings in a process with nothing but `given` set, then run `code` with them as `s`."""
    environment = {"PATH": os.environ["PATH"], "QSAVE_VAR": str(var), **given}
    command = [sys.executable, "-c", f"from config import settings as s\n{code}"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_first_start_makes_a_key_that_only_its_owner_reads_and_the_next_keeps_it(tmp_path: Path) -> None:
    first = read_settings(tmp_path, "print(s.SECRET_KEY)")
    again = read_settings(tmp_path, "print(s.SECRET_KEY)")
    assert first.stdout == again.stdout
    assert len(first.stdout.strip()) >= 60
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_production_starts_when_it_is_safe(tmp_path: Path) -> None:
    names = "s.DEBUG, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0"
    done = read_settings(tmp_path, f"print({names})", **SAFE)
    assert done.stdout.split() == ["False", "True", "True", "True", "True"], done.stderr
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"QSAVE_SECRET_KEY": ""}, "QSAVE_SECRET_KEY is missing or shorter"),
        ({"QSAVE_SECRET_KEY": "short"}, "QSAVE_SECRET_KEY is missing or shorter"),
        ({"QSAVE_DEBUG": "1"}, "QSAVE_DEBUG is on in production"),
        ({"QSAVE_HOSTS": "*"}, "QSAVE_HOSTS must name"),
        ({"QSAVE_HOSTS": ""}, "QSAVE_HOSTS must name"),
        ({"QSAVE_ENV": "prod"}, "Set it to one of: development, production, test"),
    ],
)
def test_an_unsafe_start_is_refused(tmp_path: Path, wrong: dict[str, str], said: str) -> None:
    done = read_settings(tmp_path, **{**SAFE, **wrong})
    assert done.returncode != 0
    assert said in done.stderr


def test_djangos_own_deployment_check_finds_nothing(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "QSAVE_VAR": str(tmp_path),
        **SAFE,
        "QSAVE_SECRET_KEY": "aB3-" * 15 + KEY,
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
