"""Does a draft pull the scores of raters who see it? Blind against assisted ratings of one axis, by assigned arm.

Differences are within items that were rated in both arms, so they are not differences between items. Intervals are over
the raters of those items and the items (see `jackknife`), as the pull of a draft differs between people.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from qsave.statistics.figures import RESAMPLES, Bools, Estimate, Figure, Floats, Interval, Undefined
from qsave.statistics.jackknife import Batch, Parts, jackknife
from qsave.statistics.table import RatingTable


@dataclass(frozen=True, slots=True)
class Anchoring:
    """`difference` is assisted minus blind mean; `nearer` is blind minus assisted distance from the draft's score
    (above 0 is a pull); `spread_ratio` is the within-item SD, assisted over blind."""

    items: int
    difference: Estimate
    nearer: Estimate
    spread_ratio: Estimate


@dataclass(frozen=True, slots=True)
class EditDistances:
    """Edits of drafted reasons: how many drafts, the mean edit distance in characters, the share left unchanged."""

    n: int
    mean: Figure
    untouched: Figure


def measure_anchoring(
    ratings: Iterable[tuple[Hashable, bool, float]],
    drafts: Mapping[Any, float],
    *,
    raters: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
) -> Anchoring:
    """Measure anchoring from (item, assisted, score) and the drafted score of items that have one. `raters` names the
    rater of each rating; without it every rating counts as by a different rater. `resamples` 0 leaves intervals out."""
    rows = list(ratings)
    owners = list(range(len(rows))) if raters is None else list(raters)
    table = RatingTable.from_triples((row[0], owner, row[2]) for row, owner in zip(rows, owners, strict=True))
    flags = RatingTable.from_triples((row[0], owner, float(row[1])) for row, owner in zip(rows, owners, strict=True))
    targets = np.array([drafts.get(item, np.nan) for item in table.item_ids], dtype=np.float64)
    return measure_anchoring_of(table, flags.scores > 0, targets, resamples=resamples)


def measure_anchoring_of(
    table: RatingTable, assisted: Bools, targets: Floats, *, resamples: int = RESAMPLES
) -> Anchoring:
    """Measure anchoring of a table whose `assisted` ratings (ratings,) are marked. `targets` (items,) are the drafted
    scores, NaN for an item without one."""
    both = _mark_both_arms(table, assisted)
    drafted = both & np.isfinite(targets)[table.items]
    near = table.keep(drafted)
    distances = near.replace_scores(-np.abs(near.scores - targets[table.items[drafted]]))
    arms, table, assisted = assisted[drafted], table.keep(both), assisted[both]
    return Anchoring(
        items=table.item_count,
        difference=_estimate_mean_gap(table, assisted, resamples > 0),
        nearer=_estimate_mean_gap(distances, arms, resamples > 0),
        spread_ratio=_estimate_spread_ratio(table, assisted, resamples > 0),
    )


def _mark_both_arms(table: RatingTable, assisted: Bools) -> Bools:
    """Mark the ratings (ratings,) of items that were rated in both arms."""
    assisted_count = table.sum_by_item(assisted.astype(np.float64))
    both: Bools = (assisted_count > 0) & (assisted_count < table.n)
    return both[table.items]


def summarise_edit_distances(distances: Iterable[int]) -> EditDistances:
    """Summarise the stored edit distances between drafted and submitted reasons."""
    values = list(distances)
    if not values:
        nothing = Undefined("no draft has been rated yet")
        return EditDistances(0, nothing, nothing)
    return EditDistances(len(values), fmean(values), fmean(distance == 0 for distance in values))


def _estimate_mean_gap(table: RatingTable, assisted: Bools, interval: bool) -> Estimate:
    """Estimate the mean over items of assisted minus blind mean."""
    if table.item_count < 2:
        return Estimate.undefined("needs two items rated in both arms")
    parts = _compute_parts(table, assisted, _compute_gaps)

    def figure(sums: Floats) -> Floats:
        means: Floats = np.divide(sums[:, 1], sums[:, 0], out=np.full(len(sums), np.nan), where=sums[:, 0] > 0.5)
        return means

    return _estimate(table, parts, figure, interval)


def _estimate_spread_ratio(table: RatingTable, assisted: Bools, interval: bool) -> Estimate:
    """Estimate the SD within items of the assisted ratings over that of the blind ones."""
    if not table.item_count:
        return Estimate.undefined("needs items with two ratings in each arm")
    parts = _compute_parts(table, assisted, _compute_squares)
    blind, blind_freedom, _, freedom = parts.total
    if min(blind_freedom, freedom) < 0.5:
        return Estimate.undefined("needs items with two ratings in each arm")
    if blind < 1e-12:
        return Estimate.undefined("blind ratings never differ")

    def figure(sums: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            variances = sums[:, [0, 2]] / np.where(sums[:, [1, 3]] > 0.5, sums[:, [1, 3]], np.nan)
            logs: Floats = np.log(np.maximum(variances[:, 1], 0) / variances[:, 0]) / 2
        return np.where(np.isfinite(logs), logs, np.nan)

    logs = _estimate(table, parts, figure, interval)
    if isinstance(logs.value, Undefined) or np.isnan(logs.value):
        return Estimate(0.0, Undefined("assisted ratings never differ"))
    limits = logs.interval
    if isinstance(limits, Interval):
        limits = Interval(float(np.exp(limits.low)), float(np.exp(limits.high)), limits.population)
    return Estimate(float(np.exp(logs.value)), limits)


def _estimate(table: RatingTable, parts: Parts, figure: Batch, interval: bool) -> Estimate:
    value = float(figure(parts.total[None])[0])
    if not interval:
        return Estimate(value, Undefined("no interval was asked for"))
    spread = jackknife(table, parts, figure)
    return Estimate(value, spread if isinstance(spread, Undefined) else spread.compute_interval(value))


Arms = tuple[Floats, Floats, Floats]
"""Number, sum and sum of squares of scores in one arm of each item (items,)."""


def _compute_parts(table: RatingTable, assisted: Bools, moments: Callable[[Arms, Arms], Floats]) -> Parts:
    """Compute the `moments` of the two arms of each item, and their change without each rating."""
    own = table.items
    ones, scores = np.ones(len(table)), table.scores - table.scores.mean()
    whole, without = [], []
    for arm in (~assisted, assisted):
        values = [np.where(arm, column, 0.0) for column in (ones, scores, scores**2)]
        sums = [table.sum_by_item(column) for column in values]
        whole.append((sums[0], sums[1], sums[2]))
        left = [total[own] - column for total, column in zip(sums, values, strict=True)]
        without.append((left[0], left[1], left[2]))
    items = moments(whole[0], whole[1])
    changes = moments(without[0], without[1]) - items[own]
    return Parts(items, np.arange(len(items)), changes, np.arange(len(changes)))


def _compute_gaps(blind: Arms, assisted: Arms) -> Floats:
    """Return 1 and assisted minus blind mean for items with ratings in both arms, else 0 and 0."""
    both = (blind[0] > 0.5) & (assisted[0] > 0.5)
    gaps = assisted[1] / np.maximum(assisted[0], 1) - blind[1] / np.maximum(blind[0], 1)
    return np.stack([both.astype(np.float64), np.where(both, gaps, 0.0)], axis=1)


def _compute_squares(blind: Arms, assisted: Arms) -> Floats:
    """Return the sum of squares within items and its degrees of freedom, of blind and of assisted ratings."""
    columns = []
    for n, sums, squares in (blind, assisted):
        columns += [np.maximum(squares - sums**2 / np.maximum(n, 1), 0.0), np.maximum(n - 1, 0.0)]
    return np.stack(columns, axis=1)
