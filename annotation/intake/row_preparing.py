"""The second step of a row: make the files of its clip, and give its items out.

A clip whose files cannot be made is removed again. Nothing of it was given out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from annotation.campaigns.summaries import refresh_summaries
from annotation.intake.clip_files import make_files
from annotation.intake.clip_removal import remove_unready
from annotation.intake.row_claims import State, select_own
from annotation.models import Clip, ImportRow, Item
from operations.database import DATABASE_TROUBLE
from qsave.frames.guard import MediaError, guard_file


@dataclass(slots=True)
class Prepared:
    """A stored row, the values of its clip's files, or the problem with them."""

    stored: ImportRow
    values: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def prepare_row(stored: ImportRow, work_folder: Path) -> Prepared:
    """Make the files of a stored row's clip, unless another worker has made them."""
    clip = Clip.objects.filter(import_rows=stored.pk).first()
    if clip is None or clip.is_ready:
        return Prepared(stored)
    try:
        with guard_file(output=Path(settings.MEDIA_ROOT), passing=DATABASE_TROUBLE):
            values, stored.note = make_files(Path(settings.MEDIA_ROOT) / clip.original, clip.sha256, work_folder)
    except MediaError as problem:
        return Prepared(stored, problem=str(problem))
    return Prepared(stored, values)


@transaction.atomic
def finish_rows(prepared: Sequence[Prepared]) -> None:
    """Make clips ready and give their items out; remove those with a problem."""
    ready = [each for each in prepared if not each.problem]
    for each in ready:
        if each.values:
            Clip.objects.filter(import_rows=each.stored.pk, is_ready=False).update(is_ready=True, **each.values)
        state = State.ADDED if each.stored.is_new else State.PRESENT
        select_own(each.stored).update(state=state, note=each.stored.note, worker="")
    give_out_items([each.stored.clip_id for each in ready if each.stored.clip_id])
    for each in prepared:
        if each.problem and each.stored.clip is not None:
            refuse_clip(each.stored.clip, each.problem)


def give_out_items(clips: Sequence[int]) -> None:
    """Give out the items of clips that have become ready, except those that a lead excluded meanwhile."""
    items = Item.objects.filter(clip__in=clips, availability=Item.Availability.PREPARING).order_by("pk")
    keys = list(items.select_for_update(no_key=True).values_list("pk", flat=True))
    Item.objects.filter(pk__in=keys).update(availability=Item.Availability.AVAILABLE)
    refresh_summaries(keys)


@transaction.atomic
def refuse_clip(clip: Clip, problem: str) -> None:
    """Refuse every row of a clip that is not ready, also those of other imports, and remove it."""
    if Clip.objects.filter(pk=clip.pk, is_ready=False).exists():
        rows = ImportRow.objects.filter(clip=clip)
        rows.update(state=State.REFUSED, reason=problem, clip=None, worker="", is_new=False)
        remove_unready([clip])
