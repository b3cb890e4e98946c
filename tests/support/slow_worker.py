"""A Celery worker for short jobs that also runs a job of the tests, which ends when a file appears.

Run as `python -m tests.support.slow_worker`.
"""

import time
from pathlib import Path

import django

from config.celery import app
from operations.launcher import build_worker_command

KIND = "wait_for_file"
LIMIT_SECONDS = 600


def main() -> None:
    django.setup()
    from operations.jobs import JobRun, job_kind  # after setup: it reads a model

    @job_kind(KIND)
    def wait_for_file(run: JobRun) -> dict[str, object]:
        limit = time.monotonic() + LIMIT_SECONDS
        while not Path(run.arguments["file"]).exists() and time.monotonic() < limit:
            run.report_progress(0.5, "waiting")
            time.sleep(0.05)
        return {"attempt": run.job.attempts}

    words = build_worker_command("short", threads=1, prefetch=1)
    app.worker_main(words[words.index("worker") :])


if __name__ == "__main__":
    main()
