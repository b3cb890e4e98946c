"""Compare two generators of a campaign prompt by prompt, from the summaries of their clips.

A generator may have several clips of a prompt; the MOS of a prompt is their mean, which the database computes. Only
prompt groups are compared of which both generators have a rated clip.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from django.db.models import Avg, Count, F, FloatField, Min, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Abs, Cast

from annotation.campaigns.tally_columns import count_scores, sum_scores
from annotation.models import Campaign, Clip, ItemSummary
from qsave.axes import AXES, Axis
from qsave.csv_rows import Cell, round_cell, write_csv

ORDERS: Mapping[str, tuple[str | OrderBy, ...]] = {
    "gap": (Abs(F("difference")).desc(), "group"),
    "first": ("-difference", "group"),
    "second": ("difference", "group"),
}
"""Largest difference first, whichever is better; `first` far better first; `second` far better first."""


class PromptPair(NamedTuple):
    """One prompt group on one axis: the mean MOS of the clips of each generator, and the first one minus the second.

    `item` is the oldest one of the first generator.
    """

    group: int
    split: str
    item: int
    first: float
    second: float
    difference: float


def read_prompt_pairs(
    campaign: Campaign, first: str, second: str, axis: Axis, *, order: str = "gap", split: str = "", text: str = ""
) -> list[PromptPair]:
    """Read the prompt groups that both generators have rated clips of, in one of ORDERS. One query.

    They can be limited to a split, and to those of which a rated clip of either generator has a text in its prompt.
    """
    rated = _select_rated(campaign, [first, second], axis)
    if split:
        rated = rated.filter(split=split)
    mos = Cast(sum_scores(axis), FloatField()) / Cast(count_scores(axis), FloatField())
    means = {"mean": Avg(mos, filter=Q(generator=first)), "other_mean": Avg(mos, filter=Q(generator=second))}
    rows = (
        rated.values(group=F("item__clip__prompt_group"))
        .annotate(its_split=Min("split"), oldest=Min("item", filter=Q(generator=first)), **means)
        .annotate(difference=F("mean") - F("other_mean"))
        .filter(difference__isnull=False)
        .order_by(*ORDERS[order])
    )
    if text:
        rows = rows.alias(named=Count("item", filter=Q(item__clip__prompt__icontains=text))).filter(named__gt=0)
    columns = ("group", "its_split", "oldest", "mean", "other_mean", "difference")
    return [PromptPair._make(row) for row in rows.values_list(*columns)]


def read_pair_items(
    campaign: Campaign, generators: Collection[str], axis: Axis, groups: Collection[int] | None = None
) -> Mapping[tuple[int, str], tuple[int, ...]]:
    """Read the rated items of generators by prompt group and generator, of all groups or of these. One query."""
    rows = _select_rated(campaign, generators, axis).order_by("item")
    if groups is not None:
        rows = rows.filter(item__clip__prompt_group__in=groups)
    items: dict[tuple[int, str], list[int]] = defaultdict(list)
    for group, generator, item in rows.values_list("item__clip__prompt_group", "generator", "item"):
        items[group, generator].append(item)
    return {key: tuple(each) for key, each in items.items()}


def _select_rated(campaign: Campaign, generators: Collection[str], axis: Axis) -> QuerySet[ItemSummary]:
    rated = Q((f"{axis.value}_tally__gt", 0))
    return ItemSummary.objects.filter(rated, campaign=campaign, generator__in=generators).order_by()


def read_prompts(items: Collection[int]) -> dict[int, str]:
    """Return the prompt of each item. One query."""
    return dict(Clip.objects.filter(items__in=items).values_list("items", "prompt"))


def write_pair_csv(campaign: Campaign, first: str, second: str) -> Iterator[str]:
    """Yield one line for each axis and prompt group, header first, largest difference first."""
    return write_csv(
        ["axis", "prompt_group", "split", "prompt", "first", "second", "first_mos", "second_mos", "difference"],
        _list_cells(campaign, first, second),
    )


def _list_cells(campaign: Campaign, first: str, second: str) -> Iterator[list[Cell]]:
    for axis in AXES:
        pairs = read_prompt_pairs(campaign, first, second, axis)
        prompts = read_prompts([pair.item for pair in pairs])
        for pair in pairs:
            numbers = [round_cell(value, 4) for value in (pair.first, pair.second, pair.difference)]
            yield [axis.value, pair.group, pair.split, prompts.get(pair.item, ""), first, second, *numbers]
