"""How many prompts tell two generators apart: the power of a paired t test over prompts."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
from scipy.special import nctdtr, stdtrit

from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.generators import GeneratorClips, compute_group_means

DIFFERENCE = 0.2
"""The difference of two generators, in levels, that is to be found."""
POWER = 0.8
SIGNIFICANCE = 0.05
LEAST_FREEDOM = 10
"""Fewest degrees of freedom from which the spread of differences is known well enough to plan by."""
MOST_PROMPTS = 100_000


@dataclass(frozen=True, slots=True)
class Power:
    """The SD of the difference between two generators on one prompt, pooled over all pairs, its degrees of freedom,
    and the number of prompts that find a difference of DIFFERENCE with a probability of POWER."""

    sd: Figure
    freedom: int
    prompts: int | Undefined


def plan_prompts(generators: Mapping[str, GeneratorClips]) -> Power:
    """Plan the prompts from the rated clips of each generator."""
    means = compute_group_means(generators)
    squares, freedom = 0.0, 0
    for one, other in combinations(sorted(means), 2):
        (own, own_means), (others, other_means) = means[one], means[other]
        _, at, other_at = np.intersect1d(own, others, assume_unique=True, return_indices=True)
        if len(at) > 1:
            gaps = own_means[at] - other_means[other_at]
            squares += float(((gaps - gaps.mean()) ** 2).sum())
            freedom += len(at) - 1
    if freedom == 0:
        nothing = Undefined("no two generators share two prompts")
        return Power(nothing, 0, nothing)
    sd = sqrt(squares / freedom)
    if freedom < LEAST_FREEDOM:
        return Power(sd, freedom, Undefined("too few to say: generators share too few prompts"))
    return Power(sd, freedom, count_prompts_needed(sd))


def count_prompts_needed(
    sd: float, *, difference: float = DIFFERENCE, power: float = POWER, significance: float = SIGNIFICANCE
) -> int | Undefined:
    """Count the fewest prompts for which a two-sided paired t test finds `difference`, if its SD over prompts is
    `sd`. Undefined beyond MOST_PROMPTS."""
    low, high = 1, 2
    while compute_power(sd, high, difference=difference, significance=significance) < power:
        if high > MOST_PROMPTS:
            return Undefined(f"more than {MOST_PROMPTS:,} prompts")
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if compute_power(sd, middle, difference=difference, significance=significance) < power:
            low = middle
        else:
            high = middle
    return high


def compute_power(
    sd: float, prompts: int, *, difference: float = DIFFERENCE, significance: float = SIGNIFICANCE
) -> float:
    """Compute the probability that a two-sided paired t test over `prompts` (2 or more) finds the difference."""
    if sd <= 0:
        return 1.0
    freedom, shift = prompts - 1, difference * sqrt(prompts) / sd
    limit = float(stdtrit(freedom, 1 - significance / 2))
    middle, far = nctdtr(freedom, shift, limit), nctdtr(freedom, shift, -limit)
    return float(1 - np.nan_to_num(middle) + np.nan_to_num(far))  # far tails underflow to NaN
