"""Where generators differ in a campaign: the prompts on which their MOS are furthest apart, and each one's defects."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from django.db.models import Sum

from annotation.agreement.answers import RatedItems
from annotation.agreement.figures import Agreement, RatedAxis
from annotation.agreement.generator_pair import read_prompts
from annotation.campaigns.tally_columns import count_scores
from annotation.models import Campaign, ItemDefect, ItemSummary
from qsave.axes import AXES, Axis
from qsave.json_records import NOT_STORED
from qsave.statistics.figures import Floats, Ints

MOST_PROMPTS = 10
"""Most prompts on each axis, those with the widest gap between two generators."""


@dataclass(frozen=True, slots=True)
class PromptGap:
    """A prompt group: the generator with the highest mean MOS, the one with the lowest, and how many were compared.

    `item` is the first one of the group. Its `prompt` can be corrected, so it is not stored: readers add the present
    one (`add_prompts`).
    """

    group: int
    item: int
    best: str
    best_mos: float
    worst: str
    worst_mos: float
    generators: int
    prompt: str = field(default="", metadata=NOT_STORED)

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


def find_prompt_gaps(agreement: Agreement) -> Gaps:
    """Return the prompts on which generators differ most, widest gap first, by axis, without their texts."""
    items = agreement.inputs.items
    return {axis: _list_widest(rated, items) for axis, rated in agreement.rated.items()}


def _list_widest(rated: RatedAxis, items: RatedItems) -> tuple[PromptGap, ...]:
    """A generator may have several clips of a prompt group: it is compared by the mean of their MOS."""
    group, generator = items.group[rated.positions], items.generator[rated.positions]
    cells, cell, clips = np.unique(group * len(items.generators) + generator, return_inverse=True, return_counts=True)
    means = np.bincount(cell, weights=rated.mos.mos, minlength=len(cells)) / clips
    groups, starts, counts = np.unique(cells // len(items.generators), return_index=True, return_counts=True)
    gaps = np.maximum.reduceat(means, starts) - np.minimum.reduceat(means, starts) if len(groups) else means
    widest = np.lexsort((groups, -gaps))[:MOST_PROMPTS]
    return tuple(
        _make_gap(int(groups[at]), cells[rows] % len(items.generators), means[rows], items)
        for at in widest.tolist()
        if gaps[at] > 0
        for rows in [slice(starts[at], starts[at] + counts[at])]
    )


def _make_gap(group: int, generators: Ints, means: Floats, items: RatedItems) -> PromptGap:
    best, worst = int(means.argmax()), int(means.argmin())
    item = int(items.key[np.flatnonzero(items.group == group)[0]])
    names = [items.generators[code] for code in generators.tolist()]
    return PromptGap(group, item, names[best], float(means[best]), names[worst], float(means[worst]), len(names))


def add_prompts(gaps: Gaps) -> Gaps:
    """Return the gaps with the present prompts of their items. One query."""
    prompts = read_prompts({gap.item for rows in gaps.values() for gap in rows})
    return {axis: tuple(replace(gap, prompt=prompts.get(gap.item, "")) for gap in rows) for axis, rows in gaps.items()}


def count_defects(campaign: Campaign) -> DefectTable:
    """Count the ratings that name each defect, by generator. Two queries; the defects follow the taxonomy."""
    summaries = ItemSummary.objects.filter(campaign=campaign).order_by("generator").values_list("generator")
    totals = {f"{axis.value}_ratings": Sum(count_scores(axis)) for axis in AXES}
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
