"""Make run.txt and dev.txt from run.in and dev.in.

The lock holds exact versions and nothing of the machine that made it: no index, no hashes, and torch without a build
tag, so that a CPU build, a CUDA build or a build from another index all satisfy it.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMPILE = [
    "-m", "piptools", "compile", "--quiet", "--strip-extras", "--no-header", "--no-annotate", "--no-emit-index-url",
    "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options", "--allow-unsafe", "--output-file=-",
]  # fmt: skip
# pip itself comes with the virtual environment; the vendor packages of a CUDA build come with torch.
LEFT_OUT = re.compile(r"^(pip|nvidia-.*|triton|cuda-.*)==")


def compile_lock(source: Path) -> list[str]:
    """Return the lines of a lock for `source`, without build tags."""
    result = subprocess.run(
        [sys.executable, *COMPILE, source.name], cwd=HERE, check=True, stdout=subprocess.PIPE, text=True
    )
    lines = (re.sub(r"\+[\w.]+$", "", line.strip()) for line in result.stdout.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-")) and not LEFT_OUT.match(line)]


def main() -> None:
    run = compile_lock(HERE / "run.in")
    about = (
        "# Exact versions, made from run.in by `make lock`. torch has no build tag: any build of that version will do."
    )
    (HERE / "run.txt").write_text("\n".join([about, *run]) + "\n")
    dev = [line for line in compile_lock(HERE / "dev.in") if line not in run]
    about = "# Exact versions, made from dev.in by `make lock`; installed beside run.txt."
    (HERE / "dev.txt").write_text("\n".join([about, *dev]) + "\n")


if __name__ == "__main__":
    main()
