"""Figures of an evaluation as plain JSON: a value with its interval, or the reason why there is none.

Intervals are 95% percentile bootstraps that take the clips of a prompt together: they are not independent. A figure
that rests on too few prompts has none, and says so: then nothing is shown to be above anything.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
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
LEAST_GROUPS = 10
"""Fewest prompt groups that are resampled. A percentile interval of the mean of G normal values holds the truth with
P(|t| < 1.96 sqrt((G - 1) / G)), t of G - 1 degrees: what is called 95% is 60% of 2, 81% of 4, and 90% from 10 on."""
_FLAT = 1e-9
"""An interval no wider than this claims certainty; sums in another order differ by less."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores of a critic and the MOS of the same clips, with the prompt group of each clip."""

    scores: Sequence[float]
    mos: Sequence[float]
    groups: Sequence[str]


def too_few(groups: Collection[Hashable], what: str = "prompts") -> Undefined | None:
    """Why there is no interval over these groups, each named once or for each of its clips; None where there is one."""
    count = len(set(groups))
    return Undefined(f"too few {what} ({count}) for an interval") if count < LEAST_GROUPS else None


def agreement(pairs: Pairs, seed: int) -> dict[str, Any]:
    """SRCC, PLCC (raw and after the logistic), KRCC, RMSE and the share within one level, with their intervals."""
    few = too_few(pairs.groups)
    resamples = 0 if few else RESAMPLES
    found = correlation.correlations(pairs.scores, pairs.mos, groups=pairs.groups, seed=seed, resamples=resamples)
    return {
        "clips": found.n,
        "prompts": len(set(pairs.groups)),
        "srcc": estimate(found.srcc, few),
        "plcc": estimate(found.plcc, few),
        "plcc_logistic": estimate(found.plcc_logistic, few),
        "krcc": estimate(found.krcc, few),
        "rmse": estimate(found.rmse, few),
        "within_1": estimate(found.within_one, few),
    }


def gain(pairs: Pairs, other: Sequence[float], seed: int) -> dict[str, Any]:
    """By how much `pairs` is above (SRCC) and closer than (RMSE) other scores of the same clips: paired differences."""
    ours, theirs, mos = (np.asarray(values, dtype=float) for values in (pairs.scores, other, pairs.mos))
    return {
        "clips": len(mos),
        "prompts": len(set(pairs.groups)),
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
    interval = too_few(groups) or cluster_bootstrap(groups, difference, seed=seed, resamples=RESAMPLES)
    return estimate(Estimate(value, interval))


def generator_level(pairs: Pairs, generators: Sequence[str], seed: int) -> dict[str, Any]:
    """The mean score and mean MOS of each generator, and how far the means agree ("model level").

    The generators are those that there are; what is drawn anew is the prompts on which each happened to be judged. So
    there is an interval where every one of them has enough of its own, and a resample without one of them is none."""
    names = sorted(set(generators))
    codes = np.array([names.index(name) for name in generators], dtype=np.int64)
    scores, mos = np.asarray(pairs.scores, dtype=float), np.asarray(pairs.mos, dtype=float)
    prompts = [
        {group for group, generator in zip(pairs.groups, generators, strict=True) if generator == name}
        for name in names
    ]
    few = too_few(min(prompts, key=len, default=()), "prompts of a generator")

    def means(values: Floats, chosen: Ints) -> Floats:
        counts = np.bincount(codes[chosen], minlength=len(names))
        means: Floats = np.bincount(codes[chosen], weights=values[chosen], minlength=len(names)) / counts
        return means

    def agree(figure: Callable[[Floats, Floats], Figure]) -> dict[str, Any]:
        def of(chosen: Ints) -> Figure:
            if len(set(codes[chosen].tolist())) < len(names):
                return Undefined("a generator has no clip")
            return figure(means(scores, chosen), means(mos, chosen))

        value = of(np.arange(len(codes)))
        if isinstance(value, Undefined):
            return plain(Undefined(str(value).replace("clips", "generators")))
        interval = few or cluster_bootstrap(pairs.groups, of, seed=seed, resamples=RESAMPLES)
        return estimate(Estimate(value, interval))

    every = np.arange(len(codes))
    counts = np.bincount(codes, minlength=len(names)).tolist()
    rows = zip(names, counts, prompts, means(scores, every).tolist(), means(mos, every).tolist(), strict=True)
    return {
        "means": {
            name: {"clips": count, "prompts": len(own), "score": score, "mos": said}
            for name, count, own, score, said in rows
        },
        "srcc": agree(correlation.srcc),
        "plcc": agree(correlation.plcc),
    }


def share(
    above: Sequence[float], below: Sequence[float], groups: Sequence[str], seed: int, nothing: str
) -> dict[str, Any]:
    """Sum over sum, clip by clip: a share, a mean or an F1; `nothing` says why there is none. It rests on the prompts
    that add to `below`, however many others there are."""
    few = too_few({group for group, part in zip(groups, below, strict=True) if part})
    resamples = 0 if few else RESAMPLES
    over, under = np.array(above, float), np.array(below, float)
    return estimate(ratio(over, under, groups, seed=seed, resamples=resamples, nothing=nothing), few)


def rate(count: int, of: int) -> dict[str, Any]:
    """A share with Wilson's interval, which none and all have too."""
    value: Figure = count / of if of else Undefined("there are no clips")
    return {"count": count, "of": of} | estimate(Estimate(value, wilson(count, of)))


def estimate(found: Estimate, no_interval: Undefined | None = None) -> dict[str, Any]:
    """`{"value", "low", "high"}`, `{"value", "interval": why none}` or `{"undefined": why}`. `no_interval` says why
    none was computed; one of no width is none either."""
    interval = no_interval or found.interval
    if isinstance(found.value, Undefined):
        return plain(found.value)
    if isinstance(interval, Interval) and interval.high - interval.low < _FLAT:
        interval = Undefined("it is the same in every resample")
    if isinstance(interval, Interval):
        return plain(found.value) | {"low": interval.low, "high": interval.high}
    return plain(found.value) | {"interval": str(interval)}


def plain(figure: Figure) -> dict[str, Any]:
    """A figure that has no interval."""
    return {"undefined": str(figure)} if isinstance(figure, Undefined) else {"value": figure}


def in_words(clips: int, prompts: int) -> str:
    """What a figure rests on: `3 clips of 2 prompts`."""
    if not clips:
        return "no clip"
    return f"{clips} clip{'' if clips == 1 else 's'} of {prompts} prompt{'' if prompts == 1 else 's'}"


def is_above_zero(found: Mapping[str, Any]) -> bool:
    """Whether a figure's whole interval lies above 0."""
    return found.get("low", 0) > 0
