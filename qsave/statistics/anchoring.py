"""Does seeing a draft pull scores? Blind against assisted ratings of one axis, by arm as drawn.

Differences are within items that were rated in both arms, so that they are not differences between items; intervals are
percentile bootstraps over those items.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from qsave.statistics.figures import RESAMPLES, Estimate, Figure, Floats, Undefined, bootstrap


@dataclass(frozen=True, slots=True)
class Anchoring:
    """`difference`: assisted minus blind mean. `nearer`: how much nearer to the draft's score the assisted are (blind
    distance minus assisted distance; above 0 is a pull). `spread_ratio`: within-item SD, assisted over blind."""

    items: int
    difference: Estimate
    nearer: Estimate
    spread_ratio: Estimate


@dataclass(frozen=True, slots=True)
class EditDistances:
    """What became of drafted reasons: how many, the mean edit distance in characters, the share left untouched."""

    n: int
    mean: Figure
    untouched: Figure


def anchoring(
    ratings: Iterable[tuple[Hashable, bool, float]],
    drafts: Mapping[Any, float],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Anchoring:
    """From (item, assisted, score) and the drafted score of items that have one."""
    arms: dict[Hashable, tuple[list[float], list[float]]] = {}
    for item, assisted, score in ratings:
        arms.setdefault(item, ([], []))[assisted].append(score)
    both = [(item, *arms[item]) for item in sorted(arms, key=str) if all(arms[item])]
    means = [(fmean(blind), fmean(assisted)) for _, blind, assisted in both]
    pulls = [_distance(blind, drafts[i]) - _distance(assisted, drafts[i]) for i, blind, assisted in both if i in drafts]
    return Anchoring(
        items=len(both),
        difference=_mean(np.array([assisted - blind for blind, assisted in means]), seed, resamples),
        nearer=_mean(np.array(pulls), seed, resamples),
        spread_ratio=_spread_ratio([(blind, assisted) for _, blind, assisted in both], seed, resamples),
    )


def edit_distances(distances: Iterable[int]) -> EditDistances:
    """Summary of the stored edit distances between drafted and submitted reasons."""
    found = list(distances)
    if not found:
        nothing = Undefined("no draft has been rated yet")
        return EditDistances(0, nothing, nothing)
    return EditDistances(len(found), fmean(found), fmean(distance == 0 for distance in found))


def _distance(scores: list[float], draft: float) -> float:
    return fmean(abs(score - draft) for score in scores)


def _mean(values: Floats, seed: int, resamples: int) -> Estimate:
    if len(values) < 2:
        return Estimate.undefined("needs two items rated in both arms")
    interval = bootstrap(len(values), lambda i: float(values[i].mean()), seed=seed, resamples=resamples)
    return Estimate(float(values.mean()), interval)


def _spread_ratio(pairs: list[tuple[list[float], list[float]]], seed: int, resamples: int) -> Estimate:
    spread = np.array([[_squares(scores), len(scores) - 1] for pair in pairs for scores in pair]).reshape(-1, 4)

    def ratio(chosen: Floats) -> Figure:
        blind, blind_df, assisted, assisted_df = chosen.sum(axis=0)
        if min(blind_df, assisted_df) == 0:
            return Undefined("needs items with two ratings in each arm")
        if blind <= 0:
            return Undefined("blind ratings never differ")
        return float(np.sqrt(assisted / assisted_df / (blind / blind_df)))

    value = ratio(spread)
    if isinstance(value, Undefined):
        return Estimate(value, value)
    return Estimate(value, bootstrap(len(spread), lambda i: ratio(spread[i]), seed=seed, resamples=resamples))


def _squares(scores: list[float]) -> float:
    mean = fmean(scores)
    return sum((score - mean) ** 2 for score in scores)
