"""Figures of an evaluation as plain JSON: a value with its interval, or the reason why there is none.

Intervals are 95% percentile bootstraps that take the clips of a prompt together: they are not independent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qsave.statistics import correlation
from qsave.statistics.figures import (
    Estimate,
    Figure,
    Floats,
    Interval,
    Ints,
    Undefined,
    cluster_bootstrap,
    ratio,
    wilson,
)

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores of a critic and the MOS of the same clips, with the prompt group of each clip."""

    scores: Sequence[float]
    mos: Sequence[float]
    groups: Sequence[str]


def agreement(pairs: Pairs, seed: int) -> dict[str, Any]:
    """SRCC, PLCC (raw and after the logistic), KRCC, RMSE and the share within one level, with their intervals."""
    found = correlation.correlations(pairs.scores, pairs.mos, groups=pairs.groups, seed=seed, resamples=RESAMPLES)
    return {
        "clips": found.n,
        "srcc": estimate(found.srcc),
        "plcc": estimate(found.plcc),
        "plcc_logistic": estimate(found.plcc_logistic),
        "krcc": estimate(found.krcc),
        "rmse": estimate(found.rmse),
        "within_1": estimate(found.within_one),
    }


def gain(pairs: Pairs, other: Sequence[float], seed: int) -> dict[str, Any]:
    """By how much `pairs` is above (SRCC) and closer than (RMSE) other scores of the same clips: paired differences."""
    ours, theirs, mos = (np.asarray(values, dtype=float) for values in (pairs.scores, other, pairs.mos))
    return {
        "clips": len(mos),
        "srcc": _difference(correlation.srcc, ours, theirs, mos, pairs.groups, seed),
        "rmse": _difference(correlation.rmse, theirs, ours, mos, pairs.groups, seed),
    }


def _difference(
    figure: Callable[[Floats, Floats], Figure],
    plus: Floats,
    minus: Floats,
    mos: Floats,
    groups: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    def difference(chosen: Ints) -> Figure:
        one, other = figure(plus[chosen], mos[chosen]), figure(minus[chosen], mos[chosen])
        if isinstance(one, Undefined) or isinstance(other, Undefined):
            return one if isinstance(one, Undefined) else other
        return one - other

    value = difference(np.arange(len(mos)))
    if isinstance(value, Undefined):
        return plain(value)
    return estimate(Estimate(value, cluster_bootstrap(groups, difference, seed=seed, resamples=RESAMPLES)))


def generator_level(pairs: Pairs, generators: Sequence[str], seed: int) -> dict[str, Any]:
    """The mean score and mean MOS of each generator, and how far the means agree ("model level")."""
    names = sorted(set(generators))
    codes = np.array([names.index(name) for name in generators], dtype=np.int64)
    scores, mos = np.asarray(pairs.scores, dtype=float), np.asarray(pairs.mos, dtype=float)

    def means(values: Floats, chosen: Ints) -> Floats:
        counts = np.bincount(codes[chosen], minlength=len(names))
        sums = np.bincount(codes[chosen], weights=values[chosen], minlength=len(names))
        return sums[counts > 0] / counts[counts > 0]

    def agree(figure: Callable[[Floats, Floats], Figure]) -> dict[str, Any]:
        def of(chosen: Ints) -> Figure:
            return figure(means(scores, chosen), means(mos, chosen))

        value = of(np.arange(len(codes)))
        if isinstance(value, Undefined):
            return plain(Undefined(str(value).replace("clips", "generators")))
        return estimate(Estimate(value, cluster_bootstrap(pairs.groups, of, seed=seed, resamples=RESAMPLES)))

    every = np.arange(len(codes))
    counts = np.bincount(codes, minlength=len(names)).tolist()
    rows = zip(names, counts, means(scores, every).tolist(), means(mos, every).tolist(), strict=True)
    return {
        "means": {name: {"clips": count, "score": score, "mos": said} for name, count, score, said in rows},
        "srcc": agree(correlation.srcc),
        "plcc": agree(correlation.plcc),
    }


def share(
    above: Sequence[float], below: Sequence[float], groups: Sequence[str], seed: int, nothing: str
) -> dict[str, Any]:
    """Sum over sum, clip by clip: a share, a mean or an F1; `nothing` says why there is none."""
    return estimate(
        ratio(np.array(above, float), np.array(below, float), groups, seed=seed, resamples=RESAMPLES, nothing=nothing)
    )


def rate(count: int, of: int) -> dict[str, Any]:
    """A share with Wilson's interval, which none and all have too."""
    value: Figure = count / of if of else Undefined("there are no clips")
    return {"count": count, "of": of} | estimate(Estimate(value, wilson(count, of)))


def estimate(found: Estimate) -> dict[str, Any]:
    """`{"value", "low", "high"}`, `{"value", "interval": why none}` or `{"undefined": why}`."""
    interval = found.interval
    if isinstance(found.value, Undefined):
        return plain(found.value)
    if isinstance(interval, Interval):
        return plain(found.value) | {"low": interval.low, "high": interval.high}
    return plain(found.value) | {"interval": str(interval)}


def plain(figure: Figure) -> dict[str, Any]:
    """A figure that has no interval."""
    return {"undefined": str(figure)} if isinstance(figure, Undefined) else {"value": figure}


def is_above_zero(found: Mapping[str, Any]) -> bool:
    """Whether a figure's whole interval lies above 0."""
    return found.get("low", 0) > 0
