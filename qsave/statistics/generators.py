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

import numpy as np
from scipy.special import stdtr

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import Estimate, Figure, Floats, Ints, Undefined
from qsave.statistics.group_means import compute_group_mean, compute_standard_error

SIGNIFICANT = 0.05
Row = tuple[str, Hashable, float]
"""The generator, the prompt group and the MOS of a clip."""


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorClips:
    """The rated clips of a generator: the number of their prompt group, and their MOS (clips,)."""

    groups: Ints
    mos: Floats

    def compute_means(self) -> tuple[Ints, Floats]:
        """Return the prompt groups in rising order, and the mean MOS of each (groups,)."""
        groups, codes, counts = np.unique(self.groups, return_inverse=True, return_counts=True)
        return groups, np.bincount(codes, weights=self.mos) / counts


def split_by_generator(rows: Iterable[Row]) -> dict[str, GeneratorClips]:
    """Return the clips of each generator; a prompt group has the same number for all."""
    numbers: dict[Hashable, int] = {}
    clips: dict[str, list[tuple[int, float]]] = {}
    for name, group, mos in rows:
        clips.setdefault(name, []).append((numbers.setdefault(group, len(numbers)), mos))
    columns = {name: np.array(pairs) for name, pairs in clips.items()}
    return {name: GeneratorClips(pairs[:, 0].astype(np.int64), pairs[:, 1]) for name, pairs in columns.items()}


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


def summarise_generators(generators: Mapping[str, GeneratorClips]) -> tuple[GeneratorFigures, ...]:
    """Summarise each generator; best mean first, then by name."""
    figures = [
        GeneratorFigures(
            name,
            len(clips.mos),
            len(np.unique(clips.groups)),
            compute_group_mean(clips.mos, clips.groups.tolist(), least=MIN_LEVEL, most=MAX_LEVEL),
        )
        for name, clips in generators.items()
    ]
    return tuple(sorted(figures, key=lambda row: (-_read_sort_value(row), row.generator)))


def compare_generators(generators: Mapping[str, GeneratorClips]) -> tuple[PairedDifference, ...]:
    """Compare every pair of generators. The better of a pair is `first`; the largest difference comes first, pairs
    without a common prompt group last."""
    means = compute_group_means(generators)
    pairs = [_compare(one, other, means) for one, other in combinations(sorted(means), 2)]
    adjusted = adjust_by_holm([pair.p for pair in pairs])
    rows_ = [
        PairedDifference(pair.first, pair.second, pair.groups, pair.difference, pair.p, p)
        for pair, p in zip(pairs, adjusted, strict=True)
    ]
    return tuple(sorted(rows_, key=lambda row: (-_read_sort_size(row.difference.value), row.first, row.second)))


def compute_group_means(generators: Mapping[str, GeneratorClips]) -> dict[str, tuple[Ints, Floats]]:
    """Return of each generator the numbers of its prompt groups, rising, and the mean MOS of each (groups,)."""
    return {name: clips.compute_means() for name, clips in generators.items()}


def adjust_by_holm(p_values: Iterable[Figure]) -> list[Figure]:
    """Adjust the defined p values by Holm's step-down method; undefined ones stay as they are."""
    figures = list(p_values)
    defined = [(p, position) for position, p in enumerate(figures) if not isinstance(p, Undefined)]
    least = 0.0
    for rank, (p, position) in enumerate(sorted(defined)):
        least = max(least, min(1.0, (len(defined) - rank) * p))
        figures[position] = least
    return figures


def _compare(one: str, other: str, generators: Mapping[str, tuple[Ints, Floats]]) -> PairedDifference:
    """Compare one pair, the better first, with an unadjusted p value."""
    (own, own_means), (others, other_means) = generators[one], generators[other]
    shared, at, other_at = np.intersect1d(own, others, assume_unique=True, return_indices=True)
    gaps = own_means[at] - other_means[other_at]
    if len(gaps) and gaps.mean() < 0:
        one, other, gaps = other, one, -gaps
    limit = float(MAX_LEVEL - MIN_LEVEL)
    difference = compute_group_mean(gaps, range(len(gaps)), least=-limit, most=limit)
    if not len(shared):
        difference = Estimate.undefined("the two have no prompt in common")
    p: Figure = difference.interval if isinstance(difference.interval, Undefined) else _compute_p_value(gaps)
    return PairedDifference(one, other, len(shared), difference, p, p)


def _compute_p_value(gaps: Floats) -> float:
    t = float(gaps.mean()) / compute_standard_error(gaps, np.ones(len(gaps)))
    return float(2 * stdtr(len(gaps) - 1, -abs(t)))


def _read_sort_value(row: GeneratorFigures) -> float:
    return row.mos.value if not isinstance(row.mos.value, Undefined) else float("-inf")


def _read_sort_size(value: Figure) -> float:
    return -1.0 if isinstance(value, Undefined) else value
