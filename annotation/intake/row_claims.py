"""Claim the rows of an import, so that several processes work through it and no row is read by two of them.

A worker is a process, by a name of its own. It writes the outcome of a row only while the row is still its own.
"""

import os
import socket
import uuid

from django.db import transaction
from django.db.models import F, QuerySet

from annotation.models import ClipImport, ImportRow

State = ImportRow.State


def name_worker() -> str:
    """Return a new name for a worker of this process."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


@transaction.atomic
def claim_rows(clip_import: ClipImport, worker: str, count: int) -> list[ImportRow]:
    """Claim up to `count` rows: waiting ones, or else stored ones whose clip nobody prepares. Empty if none is left.

    A row that a process had when it died is claimed alone: if its video ends this process too, no other row suffers.
    """
    rows = clip_import.rows.order_by("number").select_for_update(skip_locked=True)
    for state, next_state in ((State.WAITING, State.WORKING), (State.STORED, State.STORED)):
        free = rows.filter(state=state, worker="")
        claimed = list(free.filter(attempts=0)[:count]) or list(free[:1])
        if claimed:
            pks = [row.pk for row in claimed]
            ImportRow.objects.filter(pk__in=pks).update(state=next_state, worker=worker, attempts=F("attempts") + 1)
            for row in claimed:
                row.state, row.worker, row.attempts = next_state, worker, row.attempts + 1
            return claimed
    return []


def select_own(row: ImportRow) -> QuerySet[ImportRow]:
    """Return the row as a query, if its worker still has it."""
    return ImportRow.objects.filter(pk=row.pk, worker=row.worker, state=row.state)


def has_open_rows(clip_import: ClipImport) -> bool:
    return clip_import.rows.filter(state__in=[State.WAITING, State.WORKING, State.STORED]).exists()
