"""Work on many rows in short transactions, so that nobody waits long for the lock of one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.models import Item

PIECE = 200
LONGEST_REST = 0.5  # seconds


@contextmanager
def one_piece() -> Iterator[None]:
    """Run the body in a transaction of its own, then rest."""
    started = time.monotonic()
    with transaction.atomic():
        yield
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        # Writers there wait by asking again now and then: leave them a gap in which the lock is free.
        time.sleep(min(LONGEST_REST, time.monotonic() - started))


def in_pieces(items: QuerySet[Item], work: Callable[[list[Item]], None]) -> Iterator[tuple[int, int]]:
    """Do `work` on all items, in the order of keys, each piece in a transaction of its own.

    Yields (done, total) after every piece, outside of its transaction. `work` must be idempotent: who is cut off begins
    again at the first item.
    """
    total, done, last = items.count(), 0, 0
    while piece := list(items.filter(pk__gt=last).order_by("pk")[:PIECE]):
        with one_piece():
            work(piece)
        last, done = piece[-1].pk, done + len(piece)
        yield done, max(total, done)


def is_large(items: QuerySet[Item]) -> bool:
    """Return whether there are more items than one piece holds: then the work is a job."""
    return items[PIECE : PIECE + 1].exists()
