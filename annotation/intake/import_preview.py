"""The preview of an import: what its columns become, and which of its clips are here already."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.corrections.differences import describe_differences, find_differences
from annotation.intake.prompt_groups import plan_groups
from annotation.intake.staging import list_distinct_prompts, load_row, split_into_batches, stage_rows
from annotation.models import Clip, ClipImport, ImportRow, Item
from qsave.groups import split_into_chunks

MOST_ROWS = 5
ROWS_FOR_COLUMNS = 1000
LOOKUP_SIZE = 500
MEANINGS = {
    "video": gettext_lazy("the file of the clip"),
    "prompt": gettext_lazy("the prompt, by which clips are grouped into splits"),
    "generator": gettext_lazy("the generator"),
    "clip_id": gettext_lazy("the name of the clip"),
    "prompt_group": gettext_lazy("the name of the prompt group; it wins over likeness"),
    "seed": gettext_lazy("the seed"),
    "content_warning": gettext_lazy("a warning that raters see before the clip"),
    "gold": gettext_lazy("known scores: the clip is a gold"),
}
"""What each known column becomes."""


@dataclass(frozen=True, slots=True)
class Preview:
    """First rows, and what becomes of each column."""

    rows: list[ImportRow]
    columns: list[tuple[str, Any]]


def preview_import(clip_import: ClipImport) -> None:
    """Stage the rows of an import and store what would come of it. Raises TableError."""
    stage_rows(clip_import)
    prompts = list_distinct_prompts(clip_import)
    plan = plan_groups(prompts, seed=clip_import.campaign.seed if clip_import.campaign else 0)
    numbers = {"prompts": plan.prompts, "groups": plan.groups, "new_groups": plan.new_groups, "bridges": plan.bridges}
    clip_import.preview = {**numbers, "splits": dict(plan.groups_by_split), **compare_rows(clip_import)}
    clip_import.save(update_fields=["preview"])


def read_preview(clip_import: ClipImport) -> Preview:
    good = clip_import.rows.exclude(state=ImportRow.State.REFUSED).order_by("number")
    names: Counter[str] = Counter()
    extra: Counter[str] = Counter()
    for values in good.values_list("values", flat=True)[:ROWS_FOR_COLUMNS]:
        names.update(values.keys())
        extra.update(values.get("metadata", {}).keys())
    columns: list[tuple[str, Any]] = [(name, meaning) for name, meaning in MEANINGS.items() if name in names]
    columns += [(name, _("stored with the clip")) for name in extra]
    return Preview(list(good[:MOST_ROWS]), columns)


def compare_rows(clip_import: ClipImport) -> dict[str, int]:
    """Note how each waiting row differs from the clip that it names; return how many clips are here, and differ.

    A row without a clip_id is compared when its video is read, because its hash is a part of its clip's name.
    """
    counts: Counter[str] = Counter()
    waiting = clip_import.rows.filter(state=ImportRow.State.WAITING).order_by("number")
    for batch in split_into_batches(waiting.iterator(chunk_size=1000)):
        rows = [(stored, load_row(stored)) for stored in batch]
        clips = _find_clips(row.clip_id for _, row in rows if row.clip_id)
        items = _find_items(clip_import, clips.values())
        noted = []
        for stored, row in rows:
            clip = clips.get(row.clip_id)
            if clip is not None:
                differences = find_differences(clip, row, item=items.get(clip.pk))
                counts["differs" if differences else "present"] += 1
                stored.note = " ".join(describe_differences(differences))
                noted.append(stored)
        ImportRow.objects.bulk_update(noted, ["note"])
    return dict(counts)


def _find_clips(names: Iterable[str]) -> dict[str, Clip]:
    clips: dict[str, Clip] = {}
    for part in split_into_chunks(sorted(set(names)), LOOKUP_SIZE):
        clips |= {clip.clip_id: clip for clip in Clip.objects.filter(clip_id__in=part)}
    return clips


def _find_items(clip_import: ClipImport, clips: Iterable[Clip]) -> dict[int, Item]:
    if clip_import.campaign is None:
        return {}
    keys = [clip.pk for clip in clips]
    items = Item.objects.filter(campaign=clip_import.campaign)
    return {item.clip_id: item for part in split_into_chunks(keys, LOOKUP_SIZE) for item in items.filter(clip__in=part)}
