"""Packages that figures are held against: fetched for the bench alone, into folders that nothing else looks into."""

import subprocess
import sys
from pathlib import Path


def fetched(requirement: str) -> Path | None:
    """The folder that holds a package without its dependencies, to be put before the path; None where there is none to
    be had. It goes with the virtual environment and is no dependency of the project."""
    folder = Path(sys.prefix) / "bench" / requirement
    if any(folder.glob("*.dist-info")):
        return folder
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*fetch, f"--target={folder}", requirement], capture_output=True, check=False)
    return folder if done.returncode == 0 else None
