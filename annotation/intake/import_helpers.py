"""Processes that help an import on the other cores. Each works through its rows until none is left.

They read their standard input: its end means that the import has ended, by itself or by a signal, and they end too.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import django
from django.conf import settings

if TYPE_CHECKING:
    from annotation.models import ClipImport

POLL_SECONDS = 0.2
MODULE = "annotation.intake.import_helpers"
Child = subprocess.Popen[bytes]


@contextmanager
def start_helpers(clip_import: "ClipImport", count: int) -> Iterator[dict[str, Child]]:
    """Start `count` processes for the block, and end those that still run after it. Yield them by worker's name."""
    from annotation.intake.row_claims import name_worker

    children = {name: _start(clip_import.pk, name) for name in (name_worker() for _ in range(count))}
    try:
        yield children
    finally:
        for child in children.values():
            child.kill()  # safe at any point: another worker repeats its rows
            child.wait()
            assert child.stdin is not None
            with suppress(OSError):
                child.stdin.close()


def wait_for_helpers(children: dict[str, Child], report: Callable[[], None]) -> list[str]:
    """Wait until all have ended; return the names of those that died."""
    for child in children.values():
        while True:
            report()
            with suppress(subprocess.TimeoutExpired):
                child.wait(POLL_SECONDS)
                break
    return [name for name, child in children.items() if child.returncode]


def _start(pk: int, name: str) -> Child:
    return subprocess.Popen(
        [sys.executable, "-m", MODULE, str(pk), name], stdin=subprocess.PIPE, cwd=settings.BASE_DIR, close_fds=True
    )


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin.read: its lock would be held when the interpreter ends
    os._exit(1)


def main() -> None:
    """Work through the rows of the import with key `argv[1]` under the worker's name `argv[2]`."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from annotation.intake.row_work import work_through_rows
    from annotation.models import ClipImport

    work_through_rows(ClipImport.objects.select_related("campaign").get(pk=sys.argv[1]), worker=sys.argv[2])


if __name__ == "__main__":
    main()
