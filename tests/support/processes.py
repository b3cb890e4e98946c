"""Other processes of the site, on the test's database and broker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """Return the address of this test's database (not of the server's first database)."""
    where = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{quote(str(where['NAME']))}"
    return f"postgresql://{where['USER']}:{where['PASSWORD']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of such a process."""
    return {**os.environ, "DATABASE_URL": database_url(), "QSAVE_VAR": str(settings.VAR_DIR), **extra}


def let_children_see(patched: pytest.MonkeyPatch) -> None:
    """Let the processes that the code of this test starts use the test's database and media."""
    for name, value in environment(QSAVE_MEDIA=str(settings.MEDIA_ROOT)).items():
        patched.setenv(name, value)


@contextmanager
def python(*arguments: str, log: Path, **extra: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Python with `arguments` in the checkout while the body runs, then kill it.

    The kernel ends a launcher's children with it.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment(**extra), stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
