"""Debian's packages: found, or installed where this process may, or named in one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """A package, how its program is found, and the setting that names another one."""

    package: str
    find: Callable[[], str | None]
    setting: str

    def is_met(self) -> bool:
        return bool(os.environ.get(self.setting) or self.find())

    def ensure(self) -> str:
        """Return where the program is. Ends the process, saying what to do, if it is missing."""
        require([self])
        return self.find() or ""


def require(needs: Sequence[Need]) -> None:
    """Install what is missing, as root on Debian. Ends the process with one line that names what still is."""
    missing = find_missing(needs)
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {', '.join(missing)} ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=False)
        missing = find_missing(needs)
    if missing:
        others = ", ".join(need.setting for need in needs if need.package in missing)
        sys.exit(
            f"The tests need {', '.join(missing)}. On Debian or Ubuntu, run: sudo apt-get install {' '.join(missing)} "
            f"(or name others with {others})."
        )


def find_missing(needs: Sequence[Need]) -> list[str]:
    return [need.package for need in needs if not need.is_met()]
