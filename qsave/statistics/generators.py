"""Mean MOS of each generator and the differences between generators, with intervals over prompts.

Each generator has a sample of prompts, and clips of one prompt group are not independent. So intervals are Student's t
over prompt groups: a bootstrap over few groups is too narrow (it covers .74 at 3 groups, .84 at 5). Generators with the
same prompts are compared prompt by prompt, which removes the difficulty of a prompt. The p values of all pairs are
adjusted together (Holm 1979); without that, eight equal generators would differ in half of all campaigns.

Means and differences hold for other prompts rated by these raters.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np
from scipy.special import stdtr

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import Estimate, Figure, Undefined
from qsave.statistics.group_means import compute_group_mean, compute_standard_error

SIGNIFICANT = 0.05

Scores = Mapping[Hashable, list[float]]


@dataclass(frozen=True, slots=True)
class GeneratorFigures:
    """One generator on one axis: its mean MOS over `clips` clips of `groups` prompt groups."""

    generator: str
    clips: int
    groups: int
    mos: Estimate


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean MOS of `first` minus that of `second` over the `groups` prompt groups that both have, in levels.

    `p` is two-sided (paired t); `adjusted` is that p value after Holm over all pairs of the table.
    """

    first: str
    second: str
    groups: int
    difference: Estimate
    p: Figure
    adjusted: Figure

    @property
    def is_significant(self) -> bool:
        return not isinstance(self.adjusted, Undefined) and self.adjusted < SIGNIFICANT


def summarise_generators(rows: Iterable[tuple[str, Hashable, float]]) -> tuple[GeneratorFigures, ...]:
    """Summarise each generator from (generator, prompt group, MOS) of each clip; best mean first, then by name."""
    figures = [_summarise_generator(name, groups) for name, groups in _group_by_generator(rows).items()]
    return tuple(sorted(figures, key=lambda row: (-_read_sort_value(row), row.generator)))


def compare_generators(rows: Iterable[tuple[str, Hashable, float]]) -> tuple[PairedDifference, ...]:
    """Compare every pair of generators, from (generator, prompt group, MOS) of each clip. The better of a pair is
    `first`; the largest difference comes first, pairs without a common prompt group last."""
    generators = _group_by_generator(rows)
    pairs = [_compare(one, other, generators) for one, other in combinations(sorted(generators), 2)]
    adjusted = adjust_by_holm([pair.p for pair in pairs])
    rows_ = [
        PairedDifference(pair.first, pair.second, pair.groups, pair.difference, pair.p, p)
        for pair, p in zip(pairs, adjusted, strict=True)
    ]
    return tuple(sorted(rows_, key=lambda row: (-_read_sort_size(row.difference.value), row.first, row.second)))


def adjust_by_holm(p_values: Iterable[Figure]) -> list[Figure]:
    """Adjust the defined p values by Holm's step-down method; undefined ones stay as they are."""
    figures = list(p_values)
    defined = [(p, position) for position, p in enumerate(figures) if not isinstance(p, Undefined)]
    least = 0.0
    for rank, (p, position) in enumerate(sorted(defined)):
        least = max(least, min(1.0, (len(defined) - rank) * p))
        figures[position] = least
    return figures


def _group_by_generator(rows: Iterable[tuple[str, Hashable, float]]) -> dict[str, dict[Hashable, list[float]]]:
    clips: dict[str, dict[Hashable, list[float]]] = {}
    for generator, group, mos in rows:
        clips.setdefault(generator, {}).setdefault(group, []).append(mos)
    return clips


def _summarise_generator(name: str, groups: Scores) -> GeneratorFigures:
    owners = [group for group, scores in groups.items() for _ in scores]
    values = [mos for scores in groups.values() for mos in scores]
    estimate = compute_group_mean(values, owners, least=MIN_LEVEL, most=MAX_LEVEL)
    return GeneratorFigures(name, len(values), len(groups), estimate)


def _compare(one: str, other: str, generators: Mapping[str, Scores]) -> PairedDifference:
    """Compare one pair, the better first, with an unadjusted p value."""
    shared = sorted(generators[one].keys() & generators[other].keys(), key=str)
    gaps = np.array([fmean(generators[one][group]) - fmean(generators[other][group]) for group in shared])
    if len(gaps) and gaps.mean() < 0:
        one, other, gaps = other, one, -gaps
    limit = float(MAX_LEVEL - MIN_LEVEL)
    difference = compute_group_mean(gaps.tolist(), shared, least=-limit, most=limit)
    if not shared:
        difference = Estimate.undefined("the two have no prompt in common")
    p: Figure = difference.interval if isinstance(difference.interval, Undefined) else _compute_p_value(gaps)
    return PairedDifference(one, other, len(shared), difference, p, p)


def _compute_p_value(gaps: np.ndarray) -> float:
    t = float(gaps.mean()) / compute_standard_error(gaps, np.ones(len(gaps)))
    return float(2 * stdtr(len(gaps) - 1, -abs(t)))


def _read_sort_value(row: GeneratorFigures) -> float:
    return row.mos.value if not isinstance(row.mos.value, Undefined) else float("-inf")


def _read_sort_size(value: Figure) -> float:
    return -1.0 if isinstance(value, Undefined) else value
