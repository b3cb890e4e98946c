"""Find or install headless Chromium."""

import os
import shutil

from tests.support.debian import Need

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find() -> str | None:
    """Return the Chromium of QSAVE_CHROMIUM, or the first one on PATH."""
    given = os.environ.get("QSAVE_CHROMIUM")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


CHROMIUM = Need("chromium", find, "QSAVE_CHROMIUM")
