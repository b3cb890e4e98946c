"""Processes that decode videos for a worker of the site, so that a video that ends its process ends no worker.

Such a process reads its standard input: its end means that the worker has ended, by itself or by a signal, and the
process ends too. What it has to say it writes at its end; whatever a library prints goes to the worker's log.
"""

import os
import subprocess
import sys
import threading
from typing import TextIO

import django
from django.conf import settings


def start_process(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start `python -m module arguments`, with pipes to its standard input and from its standard output."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=settings.BASE_DIR)


def set_up_process() -> TextIO:
    """Set Django up in such a process, and return the stream for what it has to say."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    return answer


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin.read: its lock would be held when the interpreter ends
    os._exit(1)
