"""The preview of an import: what its columns become, its groups, and how its rows compare with what is here."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.intake.import_comparison import compare_rows
from annotation.intake.prompt_groups import plan_groups
from annotation.intake.staging import Progress, ignore_progress, list_distinct_prompts, stage_rows
from annotation.models import ClipImport, ImportRow
from qsave.tables.group_columns import find_group_columns

ROWS_FOR_COLUMNS = 1000
ROWS_FOR_GROUPS = 5000
"""In which a prompt and its extension are looked for."""
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
    """What becomes of each column, how many rows can be imported and would be skipped, and how many are not listed."""

    columns: list[tuple[str, Any]]
    importable: int
    skipped: int
    refused_more: int
    unnamed_more: int


def preview_import(clip_import: ClipImport, on_progress: Progress = ignore_progress) -> None:
    """Stage the rows of an import and store what would come of it. Raises TableError.

    `on_progress(share, message)` may end the work by an exception.
    """
    stage_rows(clip_import, on_progress)
    prompts = list_distinct_prompts(clip_import)
    plan = plan_groups(prompts, seed=clip_import.campaign.seed if clip_import.campaign else 0)
    numbers = {"prompts": plan.prompts, "groups": plan.groups, "new_groups": plan.new_groups, "bridges": plan.bridges}
    clip_import.preview = {
        **numbers,
        "splits": dict(plan.groups_by_split),
        **propose_columns(clip_import),
        **compare_rows(clip_import, on_progress),
    }
    clip_import.save(update_fields=["preview"])


def propose_columns(clip_import: ClipImport) -> dict[str, Any]:
    """Return the columns by which the first rows without a prompt_group can be grouped, if there are any."""
    good = clip_import.rows.exclude(state=ImportRow.State.REFUSED).order_by("number")[:ROWS_FOR_GROUPS]
    rows = good.values_list("values__prompt", "values__metadata", "values__prompt_group")
    free = [(prompt, metadata or {}) for prompt, metadata, group in rows if not group or clip_import.group_column]
    columns = [asdict(column) for column in find_group_columns(free)]
    return {"group_columns": columns} if columns else {}


def read_preview(clip_import: ClipImport, *, waiting: int, refused: int) -> Preview:
    """Read the preview of an import of which so many rows wait, and were refused."""
    result = clip_import.preview
    doomed = result.get("missing", 0) + result.get("conflicts", 0)
    return Preview(
        columns=_list_columns(clip_import),
        importable=waiting - doomed,
        skipped=refused + doomed,
        refused_more=doomed - len(result.get("refusals", ())),
        unnamed_more=result.get("unnamed", 0) - len(result.get("unnamed_files", ())),
    )


def _list_columns(clip_import: ClipImport) -> list[tuple[str, Any]]:
    good = clip_import.rows.exclude(state=ImportRow.State.REFUSED).order_by("number")
    names: Counter[str] = Counter()
    extra: Counter[str] = Counter()
    for values in good.values_list("values", flat=True)[:ROWS_FOR_COLUMNS]:
        names.update(values.keys())
        extra.update(values.get("metadata", {}).keys())
    columns: list[tuple[str, Any]] = [(name, meaning) for name, meaning in MEANINGS.items() if name in names]
    columns += [(name, _("stored with the clip")) for name in extra]
    return columns
