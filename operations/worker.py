"""Let a Celery worker reclaim abandoned jobs, and return its own when it ends.

It looks at its start, every minute, and within two seconds after a process on this machine has died.
"""

import logging
import threading
import time

from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, connection

from operations import abandoned_jobs, jobs, process_locks

logger = logging.getLogger(__name__)
SECONDS_BETWEEN_LOOKS = 2


def sweep_until(stopped: threading.Event) -> None:
    """Reclaim abandoned jobs, now, every JOB_SWEEP_SECONDS and when a process has died, until `stopped`."""
    due = time.monotonic()
    while True:
        if time.monotonic() >= due or process_locks.has_dead():
            due = time.monotonic() + settings.JOB_SWEEP_SECONDS
            _sweep()
        if stopped.wait(min(SECONDS_BETWEEN_LOOKS, settings.JOB_SWEEP_SECONDS)):
            return


def _sweep() -> None:
    try:
        abandoned_jobs.reclaim()
    except DatabaseError as error:  # a short outage: the next sweep finds the same rows
        logger.warning("The sweep for abandoned jobs did not reach the database: %s", error)
    finally:
        connection.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_sweeping(**_: object) -> None:
    threading.Thread(target=sweep_until, args=(jobs.stopping,), name="job-sweep", daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def return_jobs(**_: object) -> None:
    jobs.stopping.set()
