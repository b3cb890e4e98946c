"""The MOS of every rated item, plain and bias-corrected, a chunk of items at a time.

Memory does not grow with the number of items. The biases of raters rest on the whole campaign, so its ratings are read
twice: first for the sums from which the model is fitted, then for the rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotation.agreement.answers import CountedAnswers, read_counted_answers
from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.models import Campaign, Item, Rating
from annotation.raters.screening import read_screened_raters
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Figure, Ints
from qsave.statistics.mixed import MixedFit, WithinSums
from qsave.statistics.mos import Mos, compute_mos_columns
from qsave.statistics.table import RatingTable

CHUNK = 2000
"""Items that are in memory at once."""


@dataclass(frozen=True, slots=True)
class MosRow:
    """One item with its MOS on each rated axis, plain and bias-corrected."""

    item: int
    clip: int
    version: int
    """Of the clip's file."""
    clip_id: str
    prompt: str
    prompt_group: int
    generator: str
    split: str
    mos: Mapping[Axis, Mos]
    corrected: Mapping[Axis, Mos]
    blind: Mapping[Axis, int]
    """Number of blind ratings."""


@dataclass(frozen=True, slots=True, eq=False)
class _AxisModel:
    """What the MOS of an item needs of the whole campaign: the spread within clips, and the fit with its raters."""

    spread: Figure
    fit: MixedFit
    raters: Ints


def read_mos_rows(campaign: Campaign) -> Iterator[MosRow]:
    """Yield every rated item with its MOS, without screened raters, in the order of their keys."""
    screened = sorted(read_screened_raters(campaign))
    models = _fit_models(campaign, screened)
    for keys in _list_chunks(campaign):
        answers = _read_counted(campaign, keys, screened)
        yield from _make_rows(campaign, keys, answers, models)


def _list_chunks(campaign: Campaign) -> Iterator[tuple[int, int]]:
    """Yield the lowest and the highest key of each chunk of items."""
    last = 0
    items = Item.objects.filter(campaign=campaign).order_by("pk").values_list("pk", flat=True)
    while keys := list(items.filter(pk__gt=last)[:CHUNK]):
        last = keys[-1]
        yield keys[0], last


def _read_counted(campaign: Campaign, keys: tuple[int, int], screened: Sequence[int]) -> CountedAnswers:
    answers = read_counted_answers(campaign, keys)
    return answers.keep(~np.isin(answers.rater, screened))


def _fit_models(campaign: Campaign, screened: Sequence[int]) -> dict[Axis, _AxisModel]:
    """Fit the model of each axis that has a rating."""
    ratings = Rating.objects.filter(slot__campaign=campaign).exclude(rater__in=screened).order_by("rater")
    raters = np.array(ratings.values_list("rater", flat=True).distinct(), dtype=np.int64)
    sums: dict[Axis, WithinSums] = {}
    for keys in _list_chunks(campaign):
        answers = _read_counted(campaign, keys, screened)
        for axis in AXES:
            own = answers.on_axis(axis)
            if len(own):
                part = WithinSums.of(_make_table(own, raters))
                sums[axis] = sums[axis] + part if axis in sums else part
    models = {}
    for axis, total in sums.items():
        used, positions = total.keep_raters()
        models[axis] = _AxisModel(read_axis_tallies(campaign, axis).spread.sd, MixedFit.of(used), raters[positions])
    return models


def _make_table(answers: CountedAnswers, raters: Ints) -> RatingTable:
    """Make a table of the answers of one axis whose raters are all of `raters` (rising)."""
    table = answers.make_table()
    codes = np.searchsorted(raters, np.array(table.rater_ids, dtype=np.int64))
    return RatingTable(table.items, codes[table.raters], table.scores, table.item_ids, tuple(raters.tolist()))


def _make_rows(
    campaign: Campaign, keys: tuple[int, int], answers: CountedAnswers, models: Mapping[Axis, _AxisModel]
) -> Iterator[MosRow]:
    mos: dict[Axis, dict[int, Mos]] = {}
    corrected: dict[Axis, dict[int, Mos]] = {}
    blind: dict[Axis, dict[int, int]] = {}
    for axis, model in models.items():
        own = answers.on_axis(axis)
        if len(own):
            table = _make_table(own, model.raters)
            mos[axis] = _key_by_item(table, compute_mos_columns(table, pooled=model.spread).make_rows(table.item_ids))
            corrected[axis] = _key_by_item(table, model.fit.correct(table).make_rows(table.item_ids))
            is_blind = own.ratings.is_blind[own.rating]
            items, counts = np.unique(own.item[is_blind], return_counts=True)
            blind[axis] = dict(zip(items.tolist(), counts.tolist(), strict=True))
    rated = set().union(*mos.values())
    items_of_chunk = Item.objects.filter(campaign=campaign, pk__range=keys).order_by("pk")
    fields = ("clip", "clip__version", "clip__clip_id", "clip__prompt", "clip__prompt_group", "clip__generator")
    rows_of_chunk = items_of_chunk.values_list("pk", *fields, "clip__prompt_group__split")
    for pk, clip, version, clip_id, prompt, group, generator, split in rows_of_chunk:
        if pk in rated:
            yield MosRow(
                *(pk, clip, version, clip_id, prompt, group, generator, split),
                mos={axis: rows[pk] for axis, rows in mos.items() if pk in rows},
                corrected={axis: rows[pk] for axis, rows in corrected.items() if pk in rows},
                blind={axis: blind.get(axis, {}).get(pk, 0) for axis in AXES},
            )


def _key_by_item(table: RatingTable, rows: Sequence[Mos]) -> dict[int, Mos]:
    return dict(zip(table.item_ids, rows, strict=True))
