"""An SQLite database with all migrations. Running them takes a process ten seconds, so one process of a run does it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.support.once import make_once

ROOT = Path(__file__).resolve().parents[2]
NAME = "studio.sqlite3"


def make_migrated(factory: pytest.TempPathFactory) -> Path:
    """Return the path of the database. All processes of a run of pytest share it, so no test may change it."""

    def migrate(folder: Path) -> None:
        environment = {**os.environ, "QSAVE_VAR": str(folder)}
        environment.pop("DATABASE_URL", None)
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)

    return make_once(factory, "migrated", migrate) / NAME


def start_from_migrated(factory: pytest.TempPathFactory) -> None:
    """Let Django's test runner find the tables of the test database on SQLite."""
    if connection.vendor == "sqlite":
        shutil.copyfile(make_migrated(factory), str(connection.settings_dict["TEST"]["NAME"]))
