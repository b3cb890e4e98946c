"""Claim the rows of an import, so that several processes work through it and no row is read by two of them.

A worker is a process, by a name of its own. It writes the outcome of a row only while the row is still its own.
"""

import os
import socket
import uuid
from collections.abc import Sequence

from django.db import transaction
from django.db.models import F, QuerySet

from annotation.models import ClipImport, ImportRow

MOST_ATTEMPTS = 3
DEADLY = "The process that read this video ended {attempts} times, so the video is left out."
State = ImportRow.State


def name_worker() -> str:
    """Return a new name for a worker of this process."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


@transaction.atomic
def claim_rows(clip_import: ClipImport, worker: str, count: int) -> list[ImportRow]:
    """Claim up to `count` rows: waiting ones, or else stored ones whose clip nobody prepares. Empty if none is left."""
    rows = clip_import.rows.order_by("number").select_for_update(skip_locked=True)
    for state, next_state in ((State.WAITING, State.WORKING), (State.STORED, State.STORED)):
        claimed = list(rows.filter(state=state, worker="")[:count])
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


def release_rows(clip_import: ClipImport, workers: Sequence[str] | None = None, *, died: bool = False) -> None:
    """Let others claim the rows of these workers, or of all workers.

    If they `died`, a row that was claimed MOST_ATTEMPTS times is refused: its video may end each process that reads it.
    """
    rows = clip_import.rows.filter(state__in=[State.WORKING, State.STORED]).exclude(worker="")
    if workers is not None:
        rows = rows.filter(worker__in=workers)
    if not died:
        rows.update(attempts=F("attempts") - 1)
    for row in rows.filter(state=State.WORKING, attempts__gte=MOST_ATTEMPTS):
        reason = DEADLY.format(attempts=row.attempts)
        select_own(row).update(state=State.REFUSED, worker="", reason=reason)
    rows.filter(state=State.WORKING).update(state=State.WAITING, worker="")
    rows.filter(state=State.STORED).update(worker="")


def has_open_rows(clip_import: ClipImport) -> bool:
    return clip_import.rows.filter(state__in=[State.WAITING, State.WORKING, State.STORED]).exists()
