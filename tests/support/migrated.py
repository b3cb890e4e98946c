"""An SQLite database with all migrations: running them takes a process ten seconds, copying the result takes none.

It is kept in `.pytest_cache` for as long as no migration changes. What the site adds after each migration (permissions,
built-in critics) is not in it: Django's test runner adds that to each copy.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import django
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".pytest_cache" / "migrated"
MIGRATE = """
import django
from django.core.management import call_command
from django.db.models.signals import post_migrate

django.setup()
post_migrate.receivers.clear()
call_command("migrate", verbosity=0)
"""


def make_migrated() -> Path:
    """Return the path of the database; make it unless these migrations have one. All processes share it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    database = FOLDER / f"{compute_key()}.sqlite3"
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not database.exists():
            with tempfile.TemporaryDirectory(dir=FOLDER) as var:
                environment = {**os.environ, "QSAVE_VAR": var, "DJANGO_SETTINGS_MODULE": "config.settings"}
                environment.pop("DATABASE_URL", None)
                subprocess.run([sys.executable, "-c", MIGRATE], cwd=ROOT, env=environment, check=True)
                for older in FOLDER.glob("*.sqlite3"):
                    older.unlink()
                Path(var, "studio.sqlite3").rename(database)
    return database


def compute_key() -> str:
    """Return a hash of Django's version and of every migration of the project."""
    digest = hashlib.sha256(django.get_version().encode())
    for path in sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def start_from_migrated() -> None:
    """Let Django's test runner find the tables of the test database on SQLite."""
    if connection.vendor == "sqlite":
        shutil.copyfile(make_migrated(), str(connection.settings_dict["TEST"]["NAME"]))
