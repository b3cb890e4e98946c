"""Stage an import: read its table and store every row with its problem, before any video is read.

Rows are read and stored in batches, so memory does not grow with the table. A job that was killed begins again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation.intake.manifests import MAX_LENGTHS, Row, RowRefused, open_manifest, parse_row
from annotation.intake.prompt_groups import group_prompts, hash_prompt
from annotation.models import ClipImport, ImportRow
from annotation.shared.text import clean_text
from qsave.tables.table import TableError
from qsave.tables.values import is_blank, write_name
from qsave.words import isolate

BATCH_SIZE = 1000
LONGEST_GROUP = MAX_LENGTHS["prompt_group"]
LONGEST_HEAD = LONGEST_GROUP - 65
"""Of the name of a group that would be too long: its hash follows."""
Value = TypeVar("Value")
Progress = Callable[[float, str], None]


def ignore_progress(_share: float, _message: str) -> None:
    """Report nothing."""


def stage_rows(clip_import: ClipImport, on_progress: Progress = ignore_progress) -> None:
    """Store the rows of an import, once. Raises TableError if its table cannot be read, or lacks its group column.

    `on_progress(share, message)` is called after each batch, with 0 as share: nobody knows how many rows follow.
    """
    if clip_import.row_count is not None:
        return
    clip_import.rows.all().delete()  # those of an attempt that was killed
    with open_manifest(Path(clip_import.manifest)) as manifest:
        clip_import.notes = list(dict.fromkeys([*clip_import.notes, *manifest.notes]))
        count = _store(clip_import, manifest.rows, on_progress)
    check_group_column(clip_import, clip_import.group_column)
    clip_import.row_count = count
    clip_import.save(update_fields=["notes", "row_count"])


def check_group_column(clip_import: ClipImport, column: str) -> None:
    """Raise TableError if no row has a value in the column by which prompts are to be grouped."""
    if column and not clip_import.rows.filter(values__metadata__has_key=column).exists():
        raise TableError(
            _("No row has a value in the column %(name)s. Choose another column, or import without one.")
            % {"name": isolate(column[:200])}
        )


def group_rows(clip_import: ClipImport) -> None:
    """Store a group for each prompt of an import, before its first clip is stored."""
    seed = clip_import.campaign.seed if clip_import.campaign else 0
    group_prompts(list_distinct_prompts(clip_import), seed=seed)


def list_distinct_prompts(clip_import: ClipImport) -> list[Row]:
    """Return the first good row of each prompt, group and generator, with the values by which prompts are grouped."""
    names = ("prompt", "generator", "prompt_group")
    rows = clip_import.rows.exclude(state=ImportRow.State.REFUSED).order_by("number")
    distinct: dict[tuple[str, str, str], Row] = {}
    for prompt, generator, group in rows.values_list(*(f"values__{name}" for name in names)).iterator():
        distinct.setdefault((prompt, group or "", generator), Row("", prompt, generator, prompt_group=group or ""))
    return list(distinct.values())


def load_row(stored: ImportRow) -> Row:
    """Return the checked values of a stored row."""
    return Row(**stored.values)


def name_group(column: str, value: object) -> str:
    """Return the name of the group of the rows with this value of a column; empty without a value.

    The column is a part of the name: an id of one kind is not that of another.
    """
    if is_blank(value):
        return ""
    name = clean_text(f"{column}: {write_name(value)}")
    return name if len(name) <= LONGEST_GROUP else f"{name[:LONGEST_HEAD]} {hash_prompt(name)}"


def split_into_batches(values: Iterable[Value]) -> Iterator[list[Value]]:
    source = iter(values)
    while batch := list(islice(source, BATCH_SIZE)):
        yield batch


def read_in_batches(rows: QuerySet[ImportRow]) -> Iterator[list[ImportRow]]:
    """Yield the rows of an import in the order of their numbers, each batch by a query of its own.

    The body may write. Under an open cursor, SQLite refuses that at once if another process has written meanwhile.
    """
    last = 0
    while batch := list(rows.filter(number__gt=last).order_by("number")[:BATCH_SIZE]):
        yield batch
        last = batch[-1].number


def _store(clip_import: ClipImport, raw_rows: Iterable[Mapping[str, Any] | RowRefused], on_progress: Progress) -> int:
    count = 0
    for batch in split_into_batches(raw_rows):
        rows = [_make_row(clip_import, number, raw) for number, raw in enumerate(batch, start=count + 1)]
        ImportRow.objects.bulk_create(rows)
        count += len(rows)
        on_progress(0.0, _("%(count)s rows read") % {"count": f"{count:,}"})
    return count


def _make_row(clip_import: ClipImport, number: int, raw: Mapping[str, Any] | RowRefused) -> ImportRow:
    row = parse_row(raw)
    if isinstance(row, RowRefused):
        return ImportRow(clip_import=clip_import, number=number, state=ImportRow.State.REFUSED, reason=str(row))
    if clip_import.group_column and not row.prompt_group:
        row = replace(
            row, prompt_group=name_group(clip_import.group_column, row.metadata.get(clip_import.group_column))
        )
    values = {name: value for name, value in asdict(row).items() if value not in ("", None, {})}
    return ImportRow(clip_import=clip_import, number=number, values=values)
