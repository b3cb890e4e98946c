"""TRL for the bench alone: unpacked into a folder of its own, beside the torch and transformers that are there."""

import subprocess
import sys
from pathlib import Path

TRL = "trl==1.16.0"
"""The release whose SFTTrainer the figures are held against. It is no dependency of the project."""


def trl_folder() -> Path | None:
    """Where TRL lies, fetched if it does not yet; None where there is none to be had."""
    folder = Path(sys.prefix) / "bench" / TRL
    if (folder / "trl" / "__init__.py").is_file():
        return folder
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    fetched = subprocess.run([*fetch, f"--target={folder}", TRL], capture_output=True, check=False)
    return folder if fetched.returncode == 0 else None
