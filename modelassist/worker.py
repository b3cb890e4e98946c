"""Periodic work of a Celery worker: queue drafting where it is needed, and look after other processes.

`annotation` does not import critics, and new clips and slots appear in many ways. So the worker checks every few
seconds whether an open campaign needs drafts.
"""

import logging
import threading

from celery.signals import worker_ready
from django.db import DatabaseError, connection

from modelassist.kinds.child import collect_ended
from modelassist.services.drafting import queue_missing_drafts
from modelassist.services.fitting import queue_fits
from modelassist.services.measuring import queue_measuring
from modelassist.services.runs import stop_cancelled
from modelassist.services.scoring import delete_expired
from operations import jobs

logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 10


def run_periodically(stopped: threading.Event) -> None:
    """Queue drafting, measuring and fits, stop cancelled trainers, collect ended processes, delete old scorings, until
    `stopped` is set."""
    while not stopped.wait(INTERVAL_SECONDS):
        try:
            queue_missing_drafts()
            stop_cancelled()
            collect_ended()
            delete_expired()
            queue_measuring()
            queue_fits()
        except DatabaseError as error:  # the next round tries again
            logger.warning("Drafts and trainers were not checked, because the database failed: %s", error)
        finally:
            connection.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_periodic_work(**_: object) -> None:
    threading.Thread(target=run_periodically, args=(jobs.stopping,), name="critics", daemon=True).start()
