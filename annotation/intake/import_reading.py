"""Read an import for its page: its progress, and its rows by key."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import ngettext

from annotation.intake.importing import find_state
from annotation.models import Campaign, ClipImport, ImportRow
from qsave.csv_rows import Cell, write_csv

PAGE_SIZE = 100
LEAST_FOR_SPEED = 3
"""Rows that must be done before a speed is shown."""
State = ImportRow.State
OPEN_STATES = (State.WAITING, State.WORKING, State.STORED)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many rows are in which state, how many are done a second, and how long the rest takes."""

    counts: dict[str, int]
    speed: float | None = None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def left(self) -> str:
        """How long the rest takes at this speed, in words."""
        seconds = round((self.total - self.done) / self.speed) if self.speed else 0
        if seconds < 90:
            return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
        minutes = -(-seconds // 60)
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}

    @property
    def done(self) -> int:
        return self.total - sum(self.counts.get(state, 0) for state in OPEN_STATES)

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 0.0

    @property
    def added(self) -> int:
        return self.counts.get(State.ADDED, 0)

    @property
    def present(self) -> int:
        return sum(self.counts.get(state, 0) for state in (State.PRESENT, State.DIFFERS, State.CHANGED))

    @property
    def refused(self) -> int:
        return self.counts.get(State.REFUSED, 0)

    @property
    def preparing(self) -> int:
        return self.counts.get(State.STORED, 0) + self.counts.get(State.WORKING, 0)

    @property
    def waiting(self) -> int:
        return self.counts.get(State.WAITING, 0)

    @property
    def cancelled(self) -> int:
        return self.counts.get(State.CANCELLED, 0)


@dataclass(frozen=True, slots=True)
class RowPage:
    """A page of rows in the order of their numbers, and the number after which the next page begins, if any."""

    rows: list[ImportRow]
    next: int | None


def find_error(clip_import: ClipImport) -> str:
    """Return why an import failed, or what its job says of it."""
    return clip_import.error or (clip_import.job.error if clip_import.job else "")


def has_rows_to_read(clip_import: ClipImport) -> bool:
    """Return whether a failed import can be resumed: its rows are stored, or its table or archives are still there."""
    return clip_import.row_count is not None or Path(clip_import.manifest or clip_import.videos).exists()


def read_progress(clip_import: ClipImport) -> Progress:
    by_state = clip_import.rows.order_by().values_list("state").annotate(Count("pk"))
    progress = Progress(dict(by_state))
    job = clip_import.job
    if find_state(clip_import) != ClipImport.State.RUNNING or job is None or job.started_at is None:
        return progress
    seconds = (timezone.now() - job.started_at).total_seconds()
    done = progress.done - clip_import.done_before
    if done < LEAST_FOR_SPEED or seconds < 1:
        return progress
    return Progress(progress.counts, done / seconds)


def read_rows(clip_import: ClipImport, *, state: str = "", after: int = 0) -> RowPage:
    """Return a page of rows, of all states or one."""
    rows = clip_import.rows.filter(number__gt=after).select_related("clip").order_by("number")
    page = list((rows.filter(state=state) if state else rows)[: PAGE_SIZE + 1])
    return RowPage(page[:PAGE_SIZE], page[PAGE_SIZE - 1].number if len(page) > PAGE_SIZE else None)


def write_rows(rows: QuerySet[ImportRow]) -> Iterator[str]:
    """Write rows as CSV, safe to open in a spreadsheet."""
    names = ("video", "prompt", "generator", "clip_id")
    header = ["row", "state", "reason", "note", *names]
    return write_csv(header, (_list_cells(row, names) for row in rows.order_by("number").iterator(chunk_size=1000)))


def _list_cells(row: ImportRow, names: Iterable[str]) -> list[Cell]:
    values = [str(row.values.get(name, "")) for name in names]
    return [row.number, row.get_state_display(), row.reason, row.note, *values]


def list_imports(campaign: Campaign) -> list[tuple[ClipImport, Progress]]:
    """Return the newest imports of a campaign with their counts."""
    newest = list(campaign.imports.select_related("created_by", "job").order_by("-created_at")[:PAGE_SIZE])
    counts: dict[int, dict[str, int]] = {one.pk: {} for one in newest}
    by_state = ImportRow.objects.filter(clip_import__in=newest).order_by().values_list("clip_import", "state")
    for pk, state, count in by_state.annotate(Count("pk")):
        counts[pk][state] = count
    return [(one, Progress(counts[one.pk])) for one in newest]


def read_last_imports(campaign: Campaign) -> list[tuple[ClipImport, str, Progress, str]]:
    """Return the newest import into a campaign with its state, counts and error, if there is one."""
    newest = campaign.imports.select_related("job").order_by("-created_at")[:1]
    return [(one, find_state(one), read_progress(one), find_error(one)) for one in newest]
