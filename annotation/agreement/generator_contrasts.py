"""Where generators differ in a campaign: the prompts on which their MOS are furthest apart, and each one's defects.

Both read the summaries of clips, not the ratings.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db.models import F, PositiveBigIntegerField, Sum, Value

from annotation.agreement.generator_pair import read_mean, read_prompts
from annotation.models import Campaign, ItemDefect, ItemSummary
from qsave.axes import AXES, Axis
from qsave.statistics.tallies import N_UNIT

MOST_PROMPTS = 10
"""Most prompts on each axis, those with the widest gap between two generators."""

# As a whole number of eight bytes: a plain number is sent to PostgreSQL as one of four, in which it is 0.
_N_UNIT = Value(N_UNIT, output_field=PositiveBigIntegerField())


@dataclass(frozen=True, slots=True)
class PromptGap:
    """A prompt group: the generator with the highest mean MOS, the one with the lowest, and how many were compared."""

    group: int
    prompt: str
    best: str
    best_mos: float
    worst: str
    worst_mos: float
    generators: int

    @property
    def gap(self) -> float:
        return self.best_mos - self.worst_mos


@dataclass(frozen=True, slots=True)
class DefectRow:
    """One defect. `ratings` has, for each generator of the table, how many ratings that count name it."""

    axis: Axis
    defect: str
    ratings: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DefectTable:
    """How often each defect is named. `ratings` counts all ratings that count, by axis, of each generator."""

    generators: tuple[str, ...]
    ratings: Mapping[Axis, tuple[int, ...]]
    rows: tuple[DefectRow, ...]


Gaps = Mapping[Axis, tuple[PromptGap, ...]]


def find_prompt_gaps(campaign: Campaign) -> Gaps:
    """Return the prompts on which generators differ most, widest gap first, by axis. Two queries."""
    names = [f"{axis.value}_tally" for axis in AXES]
    rows = ItemSummary.objects.filter(campaign=campaign).order_by("item")
    groups: dict[Axis, dict[int, dict[str, list[float]]]] = {
        axis: defaultdict(lambda: defaultdict(list)) for axis in AXES
    }
    first_items: dict[int, int] = {}
    fields = ("item", "generator", "item__clip__prompt_group", *names)
    for item, generator, group, *packed in rows.values_list(*fields).iterator(chunk_size=5000):
        first_items.setdefault(group, item)
        for axis, value in zip(AXES, packed, strict=True):
            if value:
                groups[axis][group][generator].append(read_mean(value))
    widest = {axis: _list_widest(of_axis) for axis, of_axis in groups.items()}
    prompts = read_prompts({first_items[gap.group] for gaps in widest.values() for gap in gaps})
    return {
        axis: tuple(replace(gap, prompt=prompts.get(first_items[gap.group], "")) for gap in gaps)
        for axis, gaps in widest.items()
    }


def _list_widest(groups: Mapping[int, Mapping[str, list[float]]]) -> list[PromptGap]:
    gaps = []
    for group, by_generator in groups.items():
        if len(by_generator) > 1:
            means = {name: sum(values) / len(values) for name, values in by_generator.items()}
            best, worst = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
            gaps.append(PromptGap(group, "", best, means[best], worst, means[worst], len(means)))
    return sorted((gap for gap in gaps if gap.gap > 0), key=lambda gap: (-gap.gap, gap.group))[:MOST_PROMPTS]


def count_defects(campaign: Campaign) -> DefectTable:
    """Count the ratings that name each defect, by generator. Two queries; the defects follow the taxonomy."""
    summaries = ItemSummary.objects.filter(campaign=campaign).order_by("generator").values_list("generator")
    totals = {f"{axis.value}_ratings": Sum(F(f"{axis.value}_tally") / _N_UNIT) for axis in AXES}
    rated = {generator: tuple(counts) for generator, *counts in summaries.annotate(**totals)}
    generators = tuple(name for name, counts in rated.items() if any(counts))
    named = ItemDefect.objects.filter(campaign=campaign).order_by()
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    rows = named.values_list("defect", "item__summary__generator").annotate(ratings=Sum("rating_count"))
    for defect, generator, ratings in rows:
        counts[defect][generator] = ratings
    taxonomy = [(Axis(defect["axis"]), defect["id"]) for defect in campaign.taxonomy]
    return DefectTable(
        generators=generators,
        ratings={axis: tuple(rated[name][number] for name in generators) for number, axis in enumerate(AXES)},
        rows=tuple(
            DefectRow(axis, defect, tuple(counts[defect].get(name, 0) for name in generators))
            for axis, defect in taxonomy
            if defect in counts
        ),
    )
