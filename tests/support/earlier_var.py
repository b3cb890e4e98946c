"""The database of a `var/` that an earlier commit made, for tests of upgrades."""

import gzip
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.once import make_once

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = sorted((ROOT / "tests" / "fixtures").glob("studio_*.sql.gz"))


def unpack(fixture: Path, var: Path) -> Path:
    """Write the fixture's database into the folder `var`; return its path."""
    var.mkdir(parents=True, exist_ok=True)
    database = var / "studio.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(gzip.decompress(fixture.read_bytes()).decode())
    return database


def environment_for(var: Path) -> dict[str, str]:
    """Return the environment of a process that uses this `var/` only."""
    foreign = ("QSAVE_", "DATABASE_", "CELERY_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return own | {"QSAVE_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings"}


def migrate_once(factory: pytest.TempPathFactory, fixture: Path) -> Path:
    """Return a `var/` with the fixture's database, migrated to this version. Tests must copy it to change it."""

    def migrate(var: Path) -> None:
        unpack(fixture, var)
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        done = subprocess.run(command, cwd=ROOT, env=environment_for(var), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    return make_once(factory, fixture.name, migrate)
