"""A helper of an import whose process ends, as by a fault in a decoder, on videos that say so.

Run as `python -m tests.support.crashing_helper`, in place of `annotation.intake.import_helpers`.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

AT_PROBE, AT_DECODE = b"ends-at-probe", b"ends-at-decode"
"""What a video has at its end, by the step at which it ends the process."""


def patch(module: Any, name: str, mark: bytes) -> None:
    """Let a step of a module end this process on a file that ends with the mark."""
    step: Callable[..., Any] = getattr(module, name)

    def run(path: Path, *others: Any) -> Any:
        if path.read_bytes().endswith(mark):
            os.kill(os.getpid(), signal.SIGSEGV)
        return step(path, *others)

    setattr(module, name, run)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from annotation.intake import clip_files, import_helpers, row_storing

    patch(row_storing, "probe", AT_PROBE)
    patch(clip_files, "inspect", AT_DECODE)
    import_helpers.main()


if __name__ == "__main__":
    main()
