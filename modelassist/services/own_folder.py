"""Commands that work on a database and folders of their own, apart from the site's: `loop` and `bench`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

ELSEWHERE = ("DATABASE_URL", "CELERY_BROKER_URL", "QSAVE_MEDIA", "QSAVE_RELEASES", "QSAVE_RUNS")
"""What would lead out of the folder of its own."""


def run_in(folder: Path, command: Sequence[str]) -> None:
    """Go on if the settings keep everything in `folder` already; else become a `manage.py` with `command` that does.

    Raises CommandError for a folder that holds something.
    """
    if folder == settings.VAR_DIR:
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is not empty: this wants a new folder. Name another with --workdir.")
    folder.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment["QSAVE_VAR"] = str(folder)
    os.chdir(settings.BASE_DIR)
    program = [sys.executable, str(settings.BASE_DIR / "manage.py"), *command, "--workdir", str(folder)]
    os.execve(sys.executable, program, environment)  # noqa: S606  # this very program, with other settings
