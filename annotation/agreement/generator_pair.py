"""Compare two generators of a campaign prompt by prompt, from the summaries of their clips.

A generator may have several clips of a prompt; the MOS of a prompt is their mean. Only prompt groups are compared of
which both generators have a rated clip.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from annotation.models import Campaign, Clip, ItemSummary
from qsave.axes import AXES, Axis
from qsave.csv_rows import Cell, round_cell, write_csv
from qsave.statistics.generators import PairedDifference, compare_generators, split_by_generator
from qsave.statistics.tallies import unpack_tally

ORDERS = ("gap", "first", "second")
"""Largest difference first, whichever is better; `first` far better first; `second` far better first."""


class PairClip(NamedTuple):
    """One rated clip of one of the two generators. `mos` has the axes that were rated."""

    item: int
    generator: str
    group: int
    split: str
    mos: Mapping[Axis, float]


@dataclass(frozen=True, slots=True)
class PromptPair:
    """One prompt group on one axis: the mean MOS of the clips of each generator, and the items of these clips."""

    group: int
    split: str
    first: float
    second: float
    first_items: tuple[int, ...]
    second_items: tuple[int, ...]

    @property
    def difference(self) -> float:
        return self.first - self.second


def read_pair_clips(campaign: Campaign, first: str, second: str) -> list[PairClip]:
    """Read the clips of two generators that have a rating which counts, in the order of their items. One query."""
    tallies = [f"{axis.value}_tally" for axis in AXES]
    rows = (
        ItemSummary.objects.filter(campaign=campaign, generator__in=[first, second])
        .order_by("item")
        .values_list("item", "generator", "item__clip__prompt_group", "split", *tallies)
    )
    clips = []
    for item, generator, group, split, *packed in rows.iterator(chunk_size=5000):
        mos = {axis: read_mean(tally) for axis, tally in zip(AXES, packed, strict=True) if tally}
        if mos:
            clips.append(PairClip(item, generator, group, split, mos))
    return clips


@lru_cache(maxsize=4096)
def read_mean(packed: int) -> float:
    """Return the MOS of a packed tally that has a score. A campaign has few distinct tallies."""
    tally = unpack_tally(packed)
    return tally.total / tally.n


def compare_pair(clips: Sequence[PairClip], axis: Axis) -> PairedDifference | None:
    """Return the difference of the two over the prompts that both have; None if one of them has no rated clip."""
    rows = ((clip.generator, clip.group, clip.mos[axis]) for clip in clips if axis in clip.mos)
    compared = compare_generators(split_by_generator(rows))
    return compared[0] if compared else None


def list_prompt_pairs(
    clips: Sequence[PairClip], first: str, second: str, axis: Axis, *, order: str = "gap"
) -> list[PromptPair]:
    """Return the prompt groups that both generators have rated clips of, in one of ORDERS."""
    groups: dict[int, dict[str, list[PairClip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        if axis in clip.mos:
            groups[clip.group][clip.generator].append(clip)
    pairs = [
        PromptPair(
            group=group,
            split=both[first][0].split,
            first=sum(clip.mos[axis] for clip in both[first]) / len(both[first]),
            second=sum(clip.mos[axis] for clip in both[second]) / len(both[second]),
            first_items=tuple(clip.item for clip in both[first]),
            second_items=tuple(clip.item for clip in both[second]),
        )
        for group, both in groups.items()
        if first in both and second in both
    ]
    keys = {
        "gap": lambda pair: (-abs(pair.difference), pair.group),
        "first": lambda pair: (-pair.difference, pair.group),
        "second": lambda pair: (pair.difference, pair.group),
    }
    return sorted(pairs, key=keys[order])


def find_groups_of_text(campaign: Campaign, text: str) -> set[int]:
    """Return the prompt groups of the campaign's clips whose prompt has this text. One query."""
    clips = Clip.objects.filter(items__campaign=campaign, prompt__icontains=text)
    return set(clips.values_list("prompt_group", flat=True))


def read_prompts(items: Collection[int]) -> dict[int, str]:
    """Return the prompt of each item. One query."""
    return dict(Clip.objects.filter(items__in=items).values_list("items", "prompt"))


def write_pair_csv(clips: Sequence[PairClip], first: str, second: str) -> Iterator[str]:
    """Yield one line for each axis and prompt group, header first, largest difference first."""
    return write_csv(
        ["axis", "prompt_group", "split", "prompt", "first", "second", "first_mos", "second_mos", "difference"],
        _list_cells(clips, first, second),
    )


def _list_cells(clips: Sequence[PairClip], first: str, second: str) -> Iterator[list[Cell]]:
    pairs = {axis: list_prompt_pairs(clips, first, second, axis) for axis in AXES}
    prompts = read_prompts({pair.first_items[0] for rows in pairs.values() for pair in rows})
    for axis, rows in pairs.items():
        for pair in rows:
            numbers = [round_cell(value, 4) for value in (pair.first, pair.second, pair.difference)]
            prompt = prompts.get(pair.first_items[0], "")
            yield [axis.value, pair.group, pair.split, prompt, first, second, *numbers]
