"""Packages that figures are compared with: fetched for the bench alone, into folders that nothing else reads."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class PeerMissing(RuntimeError):
    """A package that cannot be had or does not run on this machine; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A package in a folder of its own, without its dependencies."""

    requirement: str
    folder: Path

    def run(self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> str:
        """Return what a Python command prints that can import the package. Raises PeerMissing if it fails."""
        own = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            [sys.executable, *command], env=own | dict(env), cwd=cwd, capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise PeerMissing(f"{self.requirement} does not run here ({last[0]})")
        return done.stdout


def fetch_peer(requirement: str) -> Peer:
    """Install a package into a folder beside the virtual environment's own, once. Raises PeerMissing if pip cannot."""
    folder = Path(sys.prefix) / "bench" / requirement
    if not any(folder.glob("*.dist-info")):
        fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*fetch, f"--target={folder}", requirement], capture_output=True, check=False)
        if done.returncode:
            raise PeerMissing(f"{requirement} could not be fetched")
    return Peer(requirement, folder)
