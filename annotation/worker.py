"""Periodic work of a Celery worker: compute the figures of campaigns whose ratings changed.

Writes that change figures are many, and the desk's must stay fast. So they queue nothing: the worker looks each second
whether a table has new rows, which takes one look-up in an index for each table.
"""

import logging
import threading

from celery.signals import worker_ready
from django.db import DatabaseError, connection

from annotation.agreement.watching import FiguresWatch
from operations import jobs

logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 1


def watch_until(stopped: threading.Event) -> None:
    """Queue the computation of figures that changed, until `stopped` is set."""
    watch = FiguresWatch()
    while not stopped.wait(INTERVAL_SECONDS):
        try:
            watch.look()
        except DatabaseError as error:  # the next look tries again
            logger.warning("Figures of agreement were not checked, because the database failed: %s", error)
        finally:
            connection.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_watching(**_: object) -> None:
    threading.Thread(target=watch_until, args=(jobs.stopping,), name="figures", daemon=True).start()
