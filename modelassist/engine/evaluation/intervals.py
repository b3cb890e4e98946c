"""Figures with 95% intervals, or with the reason why there is no interval.

Intervals are percentile bootstraps that draw the clips of a prompt together, as they are not independent. A figure with
too few prompts has no interval, and without an interval nothing counts as better than anything else.
"""

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from qsave.run.figures import Agreement, Counts, Gain, GeneratorFigures, GeneratorMeans, Rate
from qsave.statistics.correlation import compute_correlations, compute_plcc, compute_rmse, compute_srcc
from qsave.statistics.figures import (
    Estimate,
    Figure,
    Floats,
    Interval,
    Ints,
    Undefined,
    bootstrap_clusters,
    compute_wilson_interval,
    estimate_ratio,
)

RESAMPLES = 1000
LEAST_GROUPS = 10
"""Smallest number of prompt groups with an interval. A percentile interval for the mean of G normal values covers the
true mean with probability P(|t| < 1.96 sqrt((G - 1) / G)), where t has G - 1 degrees of freedom: a nominal 95% interval
covers it with 60% for G = 2, 81% for G = 4, and 90% or more from G = 10."""
_FLAT = 1e-9
"""An interval narrower than this has no real width; rounding alone gives smaller differences."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores of a predictor and the MOS of the same clips, with the prompt group of each clip."""

    scores: Sequence[float]
    mos: Sequence[float]
    groups: Sequence[str]

    @property
    def counts(self) -> Counts:
        return count_clips(self.groups)


def count_clips(groups: Sequence[str]) -> Counts:
    """Count clips and prompts, given the prompt group of each clip."""
    return Counts(len(groups), len(set(groups)))


def explain_no_interval(groups: Collection[Hashable], what: str = "prompts") -> Undefined | None:
    """Return why there is no interval over these groups (each listed once or for each clip); None if there is one."""
    count = len(set(groups))
    return Undefined(f"too few {what} ({count}) for an interval") if count < LEAST_GROUPS else None


def compute_agreement(pairs: Pairs, seed: int) -> Agreement:
    """Compute SRCC, PLCC (raw and after the logistic), KRCC, RMSE and the share within one level."""
    few = explain_no_interval(pairs.groups)
    resamples = 0 if few else RESAMPLES
    figures = compute_correlations(pairs.scores, pairs.mos, groups=pairs.groups, seed=seed, resamples=resamples)
    return Agreement(
        counts=pairs.counts,
        srcc=withhold_interval(figures.srcc, few),
        plcc=withhold_interval(figures.plcc, few),
        plcc_logistic=withhold_interval(figures.plcc_logistic, few),
        krcc=withhold_interval(figures.krcc, few),
        rmse=withhold_interval(figures.rmse, few),
        within_one=withhold_interval(figures.within_one, few),
    )


def compute_gain(pairs: Pairs, other: Sequence[float], seed: int) -> Gain:
    """Compute how much higher the SRCC and how much lower the RMSE of `pairs` is than that of the `other` scores."""
    scores, rival, mos = (np.asarray(values, dtype=float) for values in (pairs.scores, other, pairs.mos))
    return Gain(
        counts=pairs.counts,
        srcc=_estimate_difference(
            lambda i: (compute_srcc(scores[i], mos[i]), compute_srcc(rival[i], mos[i])), pairs, seed
        ),
        rmse=_estimate_difference(
            lambda i: (compute_rmse(rival[i], mos[i]), compute_rmse(scores[i], mos[i])), pairs, seed
        ),
    )


def _estimate_difference(figures: Callable[[Ints], tuple[Figure, Figure]], pairs: Pairs, seed: int) -> Estimate:
    """Estimate the first of two figures minus the second; both are computed on the same clips of each resample."""

    def difference(chosen: Ints) -> Figure:
        first, second = figures(chosen)
        if isinstance(first, Undefined) or isinstance(second, Undefined):
            return first if isinstance(first, Undefined) else second
        return first - second

    value = difference(np.arange(len(pairs.mos)))
    if isinstance(value, Undefined):
        return Estimate(value, value)
    few = explain_no_interval(pairs.groups)
    return withhold_interval(
        Estimate(value, few or bootstrap_clusters(pairs.groups, difference, seed=seed, resamples=RESAMPLES))
    )


def compare_generators(pairs: Pairs, generators: Sequence[str], seed: int) -> GeneratorFigures:
    """Compute the mean score and mean MOS of each generator, and how far the means agree ("model level").

    The generators are fixed; only the prompts of their rated clips are resampled. So there is an interval only if each
    generator has enough prompts. A resample without a clip of some generator is dropped.
    """
    names = sorted(set(generators))
    codes = np.array([names.index(name) for name in generators], dtype=np.int64)
    scores, mos = np.asarray(pairs.scores, dtype=float), np.asarray(pairs.mos, dtype=float)
    prompts = [
        {group for group, generator in zip(pairs.groups, generators, strict=True) if generator == name}
        for name in names
    ]
    few = explain_no_interval(min(prompts, key=len, default=()), "prompts of a generator")

    def means(values: Floats, chosen: Ints) -> Floats:
        counts = np.bincount(codes[chosen], minlength=len(names))
        means: Floats = np.bincount(codes[chosen], weights=values[chosen], minlength=len(names)) / counts
        return means

    def agree(figure: Callable[[Floats, Floats], Figure]) -> Estimate:
        def of(chosen: Ints) -> Figure:
            if len(set(codes[chosen].tolist())) < len(names):
                return Undefined("a generator has no clip")
            return figure(means(scores, chosen), means(mos, chosen))

        value = of(np.arange(len(codes)))
        if isinstance(value, Undefined):
            return Estimate.undefined(str(value).replace("clips", "generators"))
        interval = few or bootstrap_clusters(pairs.groups, of, seed=seed, resamples=RESAMPLES)
        return withhold_interval(Estimate(value, interval))

    every = np.arange(len(codes))
    counts = np.bincount(codes, minlength=len(names)).tolist()
    rows = zip(names, counts, prompts, means(scores, every).tolist(), means(mos, every).tolist(), strict=True)
    return GeneratorFigures(
        means={
            name: GeneratorMeans(Counts(count, len(own)), mean_score, mean_mos)
            for name, count, own, mean_score, mean_mos in rows
        },
        srcc=agree(compute_srcc),
        plcc=agree(compute_plcc),
    )


def compute_share(
    above: Sequence[float], below: Sequence[float], groups: Sequence[str], seed: int, nothing: str
) -> Estimate:
    """Divide the sum of `above` by the sum of `below`: a share, a mean or an F1. Both have one value per clip.

    `nothing` is the reason for an undefined result if `below` sums to 0. Only prompts with a value in `below` count for
    the interval.
    """
    few = explain_no_interval({group for group, part in zip(groups, below, strict=True) if part})
    resamples = 0 if few else RESAMPLES
    over, under = np.array(above, float), np.array(below, float)
    return withhold_interval(estimate_ratio(over, under, groups, seed=seed, resamples=resamples, nothing=nothing), few)


def compute_rate(count: int, of: int) -> Rate:
    """Compute a share with Wilson's interval, which is defined even if the count is 0 or equals `of`."""
    value: Figure = count / of if of else Undefined("there are no clips")
    return Rate(count, of, withhold_interval(Estimate(value, compute_wilson_interval(count, of))))


def withhold_interval(estimate: Estimate, reason: Undefined | None = None) -> Estimate:
    """Return the estimate; without its interval if a `reason` is given or if the interval has no width."""
    interval = reason or estimate.interval
    if isinstance(estimate.value, Undefined):
        return Estimate(estimate.value, estimate.value)
    if isinstance(interval, Interval) and interval.high - interval.low < _FLAT:
        interval = Undefined("it is the same in every resample")
    return Estimate(estimate.value, interval)


def is_above_zero(estimate: Estimate) -> bool:
    """Whether the whole interval of an estimate is above 0."""
    return isinstance(estimate.interval, Interval) and estimate.interval.low > 0
