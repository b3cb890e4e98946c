"""Compare each rater with the others: the mean of the others excludes the rater and all screened raters."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np

from qsave.statistics.correlation import compute_plcc, compute_srcc
from qsave.statistics.figures import Bools, Figure, Floats, Undefined
from qsave.statistics.table import RatingTable


@dataclass(frozen=True, slots=True)
class RaterFigures:
    """One rater on one axis. `bias` and `inconsistency` are mean and SD (n - 1) of score minus the mean of the others
    who count on the same item; `shared` counts those items; `spread` is the SD of the rater's own scores."""

    rater: object
    n: int
    shared: int
    mean: float
    spread: Figure
    bias: Figure
    inconsistency: Figure
    plcc: Figure
    srcc: Figure


@dataclass(frozen=True, slots=True)
class Matches:
    """Scores compared with known scores, or with the rater's own earlier scores."""

    n: int
    equal: Figure
    within_one: Figure
    mean_distance: Figure


def compute_rater_figures(table: RatingTable, *, screened: Collection[object] = ()) -> tuple[RaterFigures, ...]:
    """Compute every rater's figures in the order of `table.rater_ids`, those of `screened` raters too.

    Ratings of the `screened` raters (their ids) do not count among the "others" of anybody.
    """
    others, shared = compute_peer_means(table, screened=screened)
    order = np.argsort(table.raters, kind="stable")
    starts = np.searchsorted(table.raters[order], np.arange(table.rater_count + 1))
    groups = [order[start:end] for start, end in pairwise(starts)]
    return tuple(
        _compute_figures(rater, table.scores[group], others[group[shared[group]]], table.scores[group[shared[group]]])
        for rater, group in zip(table.rater_ids, groups, strict=True)
    )


def compute_peer_means(table: RatingTable, *, screened: Collection[object] = ()) -> tuple[Floats, Bools]:
    """Compute for each rating the mean of the others who count on its item, and whether there are any (ratings,)."""
    counts = np.array([name not in screened for name in table.rater_ids], dtype=np.float64)[table.raters]
    peers = table.sum_by_item(counts)[table.items] - counts
    others = (table.sum_by_item(table.scores * counts)[table.items] - table.scores * counts) / np.maximum(peers, 1)
    return others, peers > 0


def count_matches(pairs: Iterable[tuple[float, float]]) -> Matches:
    """Count gold accuracy from (given, known), or repeat consistency from (first, second)."""
    distances = [abs(first - second) for first, second in pairs]
    if not distances:
        nothing = Undefined("there is nothing to compare with yet")
        return Matches(0, nothing, nothing, nothing)
    return Matches(
        n=len(distances),
        equal=fmean(distance == 0 for distance in distances),
        within_one=fmean(distance <= 1 for distance in distances),
        mean_distance=fmean(distances),
    )


def _compute_figures(rater: object, scores: Floats, others: Floats, shared_scores: Floats) -> RaterFigures:
    alone = Undefined("no clip is shared with another rater who counts")
    gaps = shared_scores - others
    return RaterFigures(
        rater=rater,
        n=len(scores),
        shared=len(others),
        mean=float(scores.mean()),
        spread=_compute_sd(scores, "one score has no spread"),
        bias=float(gaps.mean()) if len(gaps) else alone,
        inconsistency=_compute_sd(gaps, "needs two clips shared with others"),
        plcc=compute_plcc(shared_scores, others),
        srcc=compute_srcc(shared_scores, others),
    )


def _compute_sd(values: Floats, why_not: str) -> Figure:
    return float(values.std(ddof=1)) if len(values) >= 2 else Undefined(why_not)
