"""Writing files so that a cut never leaves half of one."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the name `path` when the block ends well, and is removed when it does not."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    _remove(unfinished)
    try:
        yield unfinished
        if path.is_dir():
            shutil.rmtree(path)
        unfinished.replace(path)
    finally:
        _remove(unfinished)


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder; nobody else may be writing there."""
    for path in folder.glob(".*.*"):
        if path.suffix[1:].isdigit():
            _remove(path)


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    with atomic_path(path) as unfinished:
        unfinished.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
