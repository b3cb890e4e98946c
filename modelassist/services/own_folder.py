"""Run a command on its own database and folders, separate from the site's: `loop` and `bench`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

OTHER_PLACES = ("DATABASE_URL", "CELERY_BROKER_URL", "QSAVE_MEDIA", "QSAVE_RELEASES", "QSAVE_RUNS")
"""Environment variables that would make the command write outside its folder."""


def run_in(folder: Path, command: Sequence[str]) -> None:
    """Restart `manage.py command` with settings that keep everything in `folder`; return if they already do.

    Raises CommandError if the folder is not empty.
    """
    if folder == settings.VAR_DIR:
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is not empty, and this command needs a new folder. Name another with --workdir.")
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in OTHER_PLACES}
    environment["QSAVE_VAR"] = str(folder)
    os.chdir(settings.BASE_DIR)
    program = [sys.executable, str(settings.BASE_DIR / "manage.py"), *command, "--workdir", str(folder)]
    os.execve(sys.executable, program, environment)  # noqa: S606  # this very program, with other settings
