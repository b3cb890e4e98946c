"""Mean MOS of each generator, with intervals over prompts: a generator is judged on the prompts it happened to get, and
clips of one prompt group are not independent. So prompt groups are resampled whole (cluster bootstrap)."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

from qsave.statistics.figures import ONE_GROUP, RESAMPLES, Estimate, Undefined, percentile_interval


@dataclass(frozen=True, slots=True)
class GeneratorFigures:
    """One generator on one axis: its mean MOS over `clips` clips of `groups` prompt groups."""

    generator: str
    clips: int
    groups: int
    mos: Estimate


def generator_table(
    rows: Iterable[tuple[str, Hashable, float]], *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[GeneratorFigures, ...]:
    """From (generator, prompt group, MOS) of each clip; best mean first, then by name."""
    clips: dict[str, dict[Hashable, list[float]]] = {}
    for generator, group, mos in rows:
        clips.setdefault(generator, {}).setdefault(group, []).append(mos)
    figures = [_figures(name, groups, seed, resamples) for name, groups in clips.items()]
    return tuple(sorted(figures, key=lambda row: (-_value(row), row.generator)))


def _value(row: GeneratorFigures) -> float:
    return row.mos.value if not isinstance(row.mos.value, Undefined) else float("-inf")


def _figures(name: str, groups: dict[Hashable, list[float]], seed: int, resamples: int) -> GeneratorFigures:
    sums = np.array([sum(groups[group]) for group in sorted(groups, key=str)])
    counts = np.array([len(groups[group]) for group in sorted(groups, key=str)])
    mean = float(sums.sum() / counts.sum())
    if len(sums) < 2:
        estimate = Estimate(mean, Undefined(ONE_GROUP))
    else:
        chosen = np.random.default_rng(seed).integers(0, len(sums), size=(resamples, len(sums)))
        means = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
        estimate = Estimate(mean, percentile_interval(means, drawn=resamples))
    return GeneratorFigures(name, int(counts.sum()), len(sums), estimate)
