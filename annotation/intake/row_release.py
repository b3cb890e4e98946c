"""Let others claim the rows of workers that have ended, and refuse a row that ends each process that reads it."""

from collections.abc import Sequence

from django.db.models import F

from annotation.intake.row_claims import State, select_own
from annotation.intake.row_preparing import refuse_clip
from annotation.models import ClipImport, ImportRow

MOST_ATTEMPTS = 3
DEADLY = "The process that read this video ended {attempts} times, so the video is left out."


def release_rows(clip_import: ClipImport, workers: Sequence[str] | None = None, *, died: bool = False) -> int:
    """Let others claim the rows of these workers, or of all workers. Return how many rows they had.

    If they `died`, a row that was claimed MOST_ATTEMPTS times is refused: its video may end each process that reads it.
    """
    rows = clip_import.rows.filter(state__in=[State.WORKING, State.STORED]).exclude(worker="")
    if workers is not None:
        rows = rows.filter(worker__in=workers)
    count = rows.count()
    if not died:
        rows.update(attempts=F("attempts") - 1)
    for row in rows.filter(attempts__gte=MOST_ATTEMPTS).select_related("clip"):
        _refuse(row)
    rows.filter(state=State.WORKING).update(state=State.WAITING, worker="")
    rows.filter(state=State.STORED).update(worker="")
    return count


def _refuse(row: ImportRow) -> None:
    reason = DEADLY.format(attempts=row.attempts)
    if row.clip is None:
        select_own(row).update(state=State.REFUSED, worker="", reason=reason)
    else:
        refuse_clip(row.clip, reason)
