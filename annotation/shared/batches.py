"""Work on many rows in short transactions, so that nobody waits long for a lock."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.models import Item

BATCH_SIZE = 200
LONGEST_PAUSE = 0.5  # seconds


@contextmanager
def open_batch() -> Iterator[None]:
    """Run the body in a transaction of its own, then pause."""
    started = time.monotonic()
    with transaction.atomic():
        yield
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        # A writer that waits for SQLite's lock only retries from time to time: keep the lock free for as long.
        time.sleep(min(LONGEST_PAUSE, time.monotonic() - started))


def process_in_batches(items: QuerySet[Item], work: Callable[[list[Item]], None]) -> Iterator[tuple[int, int]]:
    """Call `work` on all items in the order of their keys, each batch in a transaction of its own.

    Yields (done, total) after every batch, outside its transaction. `work` must be idempotent: an interrupted run
    starts again at the first item.
    """
    total, done, last = items.count(), 0, 0
    while batch := list(items.filter(pk__gt=last).order_by("pk")[:BATCH_SIZE]):
        with open_batch():
            work(batch)
        last, done = batch[-1].pk, done + len(batch)
        yield done, max(total, done)


def is_large(items: QuerySet[Item]) -> bool:
    """Return whether the items exceed one batch, so that a job should do the work."""
    return items[BATCH_SIZE : BATCH_SIZE + 1].exists()
