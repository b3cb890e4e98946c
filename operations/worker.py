"""Let a Celery worker reclaim abandoned jobs, at its start and every minute, and return its own when it ends."""

import logging
import threading

from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.db import DatabaseError, connection

from operations import jobs

logger = logging.getLogger(__name__)


def sweep_until(stopped: threading.Event) -> None:
    """Reclaim abandoned jobs, now and every JOB_SWEEP_SECONDS, until `stopped`."""
    while True:
        try:
            jobs.reclaim()
        except DatabaseError as error:  # a short outage: the next sweep finds the same rows
            logger.warning("The sweep for abandoned jobs did not reach the database: %s", error)
        finally:
            connection.close()
        if stopped.wait(settings.JOB_SWEEP_SECONDS):
            return


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_sweeping(**_: object) -> None:
    threading.Thread(target=sweep_until, args=(jobs.stopping,), name="job-sweep", daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def return_jobs(**_: object) -> None:
    jobs.stopping.set()
