"""What a Celery worker does for this room beside tasks.

It sees that open campaigns do not run out of drafts: clips come in and seats open by many ways, and `annotation` knows
nothing of critics, so asking now and then covers all. And it stops trainers that nobody watches any more.
"""

import logging
import threading

from celery.signals import worker_ready
from django.db import DatabaseError, connection

from modelassist.services.drafting import top_up
from modelassist.services.runs import stop_cancelled
from operations import jobs

logger = logging.getLogger(__name__)
ROUND_SECONDS = 10


def look_after_until(stopped: threading.Event) -> None:
    """Queue drafting jobs where drafts are wanted and stop cancelled trainers, every ROUND_SECONDS, until `stopped`."""
    while not stopped.wait(ROUND_SECONDS):
        try:
            top_up()
            stop_cancelled()
        except DatabaseError as error:  # away for a moment; the next round asks again
            logger.warning("Looking after drafts and trainers did not reach the database: %s", error)
        finally:
            connection.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_looking_after(**_: object) -> None:
    threading.Thread(target=look_after_until, args=(jobs.stopping,), name="critics", daemon=True).start()
