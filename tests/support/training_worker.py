"""A Celery worker whose training runs start a process that only sleeps, in place of the engine.

Run as `python -m tests.support.training_worker QUEUE`.
"""

import sys

import django

from config.celery import app
from operations.launcher import build_worker_command

SLEEP = [sys.executable, "-c", "import time; print('step 1', flush=True); time.sleep(600)"]


def main(queue: str) -> None:
    django.setup()
    from modelassist.services import runs  # after setup: it reads a model

    def sleep(run: object, *, resume: bool) -> list[str]:
        return SLEEP

    runs.build_command = sleep
    words = build_worker_command(queue, threads=1, prefetch=1)
    app.worker_main(words[words.index("worker") :])


if __name__ == "__main__":
    main(sys.argv[1])
