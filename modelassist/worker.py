"""What a Celery worker does for this room beside tasks: it sees that open campaigns do not run out of drafts.

Clips come in and seats open by many ways, and `annotation` knows nothing of critics; asking now and then covers all.
"""

import logging
import threading

from celery.signals import worker_ready
from django.db import DatabaseError, connection

from modelassist.services.drafting import top_up
from operations import jobs

logger = logging.getLogger(__name__)
TOP_UP_SECONDS = 10


def top_up_until(stopped: threading.Event) -> None:
    """Queue drafting jobs where drafts are wanted, every TOP_UP_SECONDS, until `stopped`."""
    while not stopped.wait(TOP_UP_SECONDS):
        try:
            top_up()
        except DatabaseError as error:  # away for a moment; the next round asks again
            logger.warning("Looking for items to draft did not reach the database: %s", error)
        finally:
            connection.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_topping_up(**_: object) -> None:
    threading.Thread(target=top_up_until, args=(jobs.stopping,), name="draft-top-up", daemon=True).start()
