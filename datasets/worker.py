"""What a Celery worker does when it starts: delete the data of releases that earlier versions withdrew."""

from celery.signals import worker_ready
from django.db import connection

from datasets.services.tombstones import queue_deletions


@worker_ready.connect  # type: ignore[untyped-decorator]
def delete_withdrawn_data(**_: object) -> None:
    queue_deletions()
    connection.close()
