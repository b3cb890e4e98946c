"""Installing Debian's packages, where this process may."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable


def install(package: str, find: Callable[[], str | None], purpose: str) -> str:
    """Install `package` and return what `find` then finds. Where it cannot, ends the process and says what to do."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {package} ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
            subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=False)
        found = find()
        if found:
            return found
    sys.exit(f"{package} is missing: it is needed for {purpose}. On Debian or Ubuntu: sudo apt-get install {package}")
