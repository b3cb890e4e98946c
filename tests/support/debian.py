"""Find Debian packages that the tests need; install them, or name the missing ones in one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Need:
    """A package, the way to find its program, and the setting that names another program."""

    package: str
    find: Callable[[], str | None]
    setting: str

    def is_met(self) -> bool:
        return bool(os.environ.get(self.setting) or self.find())

    def ensure(self) -> str:
        """Return the path of the program; if it is missing, end the process and say what to do."""
        require([self])
        return self.find() or ""


def require(needs: Sequence[Need]) -> None:
    """Install the missing packages, as root on Debian; if some stay missing, end the process and name them."""
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
