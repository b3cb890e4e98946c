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


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes_under(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): mode_of(path) for path in folder.rglob("*")}


@pytest.mark.parametrize("before", [0o755, 0o777, 0o700, 0o2775])
@pytest.mark.parametrize("given", [{}, SAFE])
def test_only_its_owner_may_enter_var_also_one_from_before(tmp_path: Path, before: int, given: dict[str, str]) -> None:
    var = tmp_path / "var of before"
    var.mkdir()
    (var / "old").write_text("a session key")
    var.chmod(before)
    done = read_settings(var, "import os; print(oct(os.umask(0)))", **given)
    assert done.stdout.strip() == "0o77", done.stderr
    assert mode_of(var) & 0o777 == 0o700


@pytest.mark.parametrize("given", [{}, SAFE])
def test_what_a_process_of_the_site_writes_is_its_owners_alone(tmp_path: Path, given: dict[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], "QSAVE_VAR": str(tmp_path / "var"), **given}
    command = [sys.executable, "manage.py", "migrate", "contenttypes", "--verbosity=0"]  # writes the database
    old = os.umask(0)
    try:
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    finally:
        os.umask(old)
    modes = modes_under(tmp_path / "var")
    assert modes.pop("media") == 0o750
    assert "studio.sqlite3" in modes
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}


@pytest.mark.parametrize(("before", "after"), [(None, 0o750), (0o755, 0o750), (0o2770, 0o2750)])
def test_media_may_lie_elsewhere_for_a_group(tmp_path: Path, before: int | None, after: int) -> None:
    media = tmp_path / "media"
    if before is not None:
        media.mkdir()
        media.chmod(before)
    done = read_settings(tmp_path / "var", "print(s.MEDIA_ROOT)", QSAVE_MEDIA=str(media))
    assert done.stdout.strip() == str(media), done.stderr
    assert mode_of(media) == after
    assert mode_of(tmp_path / "var") == 0o700


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"QSAVE_SECRET_KEY": ""}, "QSAVE_SECRET_KEY is missing or shorter"),
        ({"QSAVE_SECRET_KEY": "short"}, "QSAVE_SECRET_KEY is missing or shorter"),
        ({"QSAVE_DEBUG": "1"}, "QSAVE_DEBUG is on in production"),
        ({"QSAVE_HOSTS": "*"}, "QSAVE_HOSTS must name"),
        ({"QSAVE_HOSTS": ""}, "QSAVE_HOSTS must name"),
        ({"QSAVE_ENV": "prod"}, "Set it to one of: development, production, test"),
    ],
)
def test_an_unsafe_start_is_refused(tmp_path: Path, wrong: dict[str, str], message: str) -> None:
    done = read_settings(tmp_path, **{**SAFE, **wrong})
    assert done.returncode != 0
    assert message in done.stderr


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
