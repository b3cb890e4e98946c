"""The result of an import: its rows, its prompt groups, and the splits of the campaign afterwards."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.intake.split_draw import read_held_out
from annotation.models import LEFT_OUT, Campaign, Clip, ClipImport, ImportRow, Item, Split
from qsave.splits import HELD_OUT, LEAST_CLIPS, LEAST_GROUPS, SplitSize

State = ImportRow.State
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class RowProblem:
    """The number of a row, from 1, and why it was refused or what to know about it."""

    row: int
    reason: str


@dataclass(slots=True)
class ImportReport:
    """How many clips were added or already present, how many items are new, and the problems of refused rows.

    `splits` has the sizes of the campaign's splits after the import, without clips that bridge two splits.
    """

    clip_import: ClipImport
    added: int = 0
    present: int = 0
    items: int = 0
    bridges: int = 0
    changed: int = 0
    differing: list[RowProblem] = field(default_factory=list)
    """Rows that differ from their clips, which stay as they are."""
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[RowProblem] = field(default_factory=list)
    """Remarks on imported rows."""
    splits: dict[str, SplitSize] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    groups: int = 0
    """The number of prompt groups of the manifest's clips."""
    largest_group: int = 0
    """The most of these clips that are in one group."""
    matched: int = 0
    """How many clips got judgements that were made elsewhere and had waited for them."""

    def finish(self, campaign: Campaign | None) -> None:
        """Read the current sizes of the splits and add warnings."""
        self.splits = read_split_sizes(campaign)
        self.warnings += [*self._warn_about_groups(), *warn_about_small_splits(self.splits)]

    def as_json(self) -> dict[str, Any]:
        """Return the report for the row of a job, with the first MOST_LISTED problems and notes."""
        return {
            "added": self.added,
            "present": self.present,
            "items": self.items,
            "changed": self.changed,
            "differing": len(self.differing),
            "refused": len(self.problems),
            "problems": [asdict(problem) for problem in self.problems[:MOST_LISTED]],
            **({"notes": [asdict(note) for note in self.notes[:MOST_LISTED]]} if self.notes else {}),
            "groups": self.groups,
            "bridges": self.bridges,
            **({"matched": self.matched} if self.matched else {}),
            "splits": {split: asdict(size) for split, size in self.splits.items()},
            "warnings": self.warnings,
        }

    def _warn_about_groups(self) -> list[str]:
        warnings = []
        clips, largest = self.added + self.present, self.largest_group
        if largest >= LEAST_CLIPS and largest * 2 > clips:
            warnings.append(
                _(
                    "%(largest)s of the %(clips)s clips are in one prompt group, so they are all in one split. If "
                    "their prompts are different, name their groups in a column prompt_group before you import them."
                )
                % {"largest": largest, "clips": clips}
            )
        if self.bridges:
            warnings.append(
                ngettext(
                    "%(n)s clip belongs to two splits: its prompt is near those of another split, or its video is in "
                    "another split too. Releases leave it out.",
                    "%(n)s clips belong to two splits: their prompts are near those of another split, or their videos "
                    "are in another split too. Releases leave them out.",
                    self.bridges,
                )
                % {"n": self.bridges}
            )
        return warnings


def read_report(clip_import: ClipImport) -> ImportReport:
    """Read the result of an import from its rows."""
    rows = clip_import.rows.order_by("number")
    states = Counter(dict(rows.order_by().values_list("state").annotate(Count("pk"))))
    report = ImportReport(
        clip_import,
        added=states[State.ADDED],
        present=states[State.PRESENT],
        changed=states[State.CHANGED],
        problems=_list_texts(rows.filter(state=State.REFUSED), "reason"),
        differing=_list_texts(rows.filter(state=State.DIFFERS), "reason"),
        notes=_list_texts(rows.exclude(note=""), "note"),
        warnings=list(clip_import.notes),
    )
    with_clip = rows.order_by().filter(clip__isnull=False)
    sizes = with_clip.values_list("clip__prompt_group").annotate(clips=Count("pk")).values_list("clips", flat=True)
    report.groups, report.largest_group = len(sizes), max(sizes, default=0)
    report.bridges = with_clip.filter(clip__bridges_splits=True).count()
    report.items = _count_new_items(clip_import)
    report.finish(clip_import.campaign)
    return report


def _list_texts(rows: QuerySet[ImportRow], field: str) -> list[RowProblem]:
    return [RowProblem(number, text) for number, text in rows.values_list("number", field)]


def _count_new_items(clip_import: ClipImport) -> int:
    """Return how many clips of an import came into its campaign since it was requested."""
    if clip_import.campaign is None:
        return 0
    new = Item.objects.filter(campaign=clip_import.campaign, created_at__gte=clip_import.created_at)
    return new.filter(clip__in=clip_import.rows.filter(clip__isnull=False).values("clip")).count()


def read_split_sizes(campaign: Campaign | None) -> dict[str, SplitSize]:
    """Return the size of each split in a campaign, or on the whole site, of the clips that a release may have.

    Clips that bridge two splits do not count, nor those of held-out generators in train and val.
    """
    clips = Clip.objects.filter(bridges_splits=False, withdrawn_at=None)
    clips = clips.exclude(~Q(prompt_group__split=Split.TEST), generator__in=read_held_out())
    if campaign is not None:
        items = Item.objects.filter(campaign=campaign, is_qualification=False).exclude(availability__in=LEFT_OUT)
        clips = clips.filter(items__in=items)
    counts = clips.values("prompt_group__split").annotate(
        clips=Count("pk", distinct=True), groups=Count("prompt_group", distinct=True)
    )
    sizes = {row["prompt_group__split"]: SplitSize(row["clips"], row["groups"]) for row in counts.order_by()}
    return {split: sizes.get(split, SplitSize()) for split in Split.values}


def warn_about_small_splits(sizes: Mapping[str, SplitSize]) -> list[str]:
    """Return a warning for val and for test if it is empty or small."""
    return [_describe_small_split(split, sizes[split]) for split in HELD_OUT if sizes[split].is_small]


def _describe_small_split(split: str, size: SplitSize) -> str:
    values = {
        "split": split,
        "clips": ngettext("%(n)s clip", "%(n)s clips", size.clips) % {"n": size.clips},
        "groups": ngettext("%(n)s prompt group", "%(n)s prompt groups", size.groups) % {"n": size.groups},
        "least_clips": LEAST_CLIPS,
        "least_groups": LEAST_GROUPS,
    }
    if not size.clips:
        return _("The split %(split)s is empty. Import clips of more prompts before you freeze a release.") % values
    return (
        _(
            "The split %(split)s has %(clips)s of %(groups)s. Figures on fewer than %(least_clips)s clips or "
            "%(least_groups)s prompt groups say little: import clips of more prompts before you freeze a release."
        )
        % values
    )
