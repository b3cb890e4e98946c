"""Measure how often 95% intervals contain the truth, in simulated campaigns whose true figures are known exactly.

A rater gives an item the whole level nearest to quality + bias + noise, kept within 1 to 5. The true figures, those of
infinitely many items, are summed over a grid of qualities. An interval for these raters is compared with the truth for
their biases, an interval for other raters too with that of the whole population. `python -m tests.support.coverage`
prints the table of docs/statistics.md.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from qsave.statistics.alpha import Metric, compute_alpha
from qsave.statistics.anchoring import measure_anchoring
from qsave.statistics.ceiling import measure_reach
from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.generators import compare_generators, split_by_generator, summarise_generators
from qsave.statistics.icc import compute_icc
from qsave.statistics.mixed import MixedModel, fit_mixed_model
from qsave.statistics.mos import compute_mean_mos, compute_mos, compute_pooled_sd
from qsave.statistics.table import RatingTable

Array = NDArray[np.float64]

CAMPAIGNS = 1000
LOWEST, HIGHEST = 0.93, 0.985
NOISE = 0.7
BIAS = 0.5
LEVELS = np.arange(1.0, 6.0)
METRICS: tuple[Metric, ...] = ("nominal", "ordinal", "interval")
SHIFTS = {"wan": 0.0, "sora": 0.25, "kling": 0.5}
DRAFT_ABOVE = 0.8
"""By how much drafts score higher than the quality."""
PULL, PULL_SD = 0.6, 0.2
POPULATION = 400

_GRID = (np.arange(100) + 0.5) / 100


@dataclass(frozen=True, slots=True)
class Cell:
    """A kind of campaign: `overlap` of `raters` rate each item; `groups` prompts where generators are compared."""

    raters: int
    overlap: int
    items: int = 60
    groups: int = 0

    @property
    def name(self) -> str:
        who = (
            f"crowd of {self.raters}, {self.overlap} an item" if self.raters > 6 else f"{self.overlap} of {self.raters}"
        )
        return f"{who}, {self.groups} prompts" if self.groups else who


CELLS = (
    *(Cell(60, overlap) for overlap in (3, 4, 5)),
    *(Cell(raters, raters) for raters in (3, 4, 6)),
    *(Cell(raters, 3) for raters in (4, 6)),
)
PROMPT_CELLS = tuple(Cell(raters, 3, groups=groups) for raters in (60, 4) for groups in (5, 10, 30))


@dataclass(frozen=True, slots=True)
class FigureIntervals:
    """A figure of one campaign: its intervals, and the true value of each (units,)."""

    figure: str
    intervals: Sequence[Interval | Undefined]
    truths: Array


@dataclass(frozen=True, slots=True)
class Row:
    """A figure in a cell: the share of intervals that contain the truth, their median width, and their population."""

    cell: str
    figure: str
    population: str
    coverage: float
    width: float
    undefined: float


def compute_probabilities(quality: Array, bias: Array) -> Array:
    """Compute the probability of each level (qualities, raters, 5)."""
    edges = np.concatenate([[-np.inf], np.arange(1.5, 5.0), [np.inf]])
    latent = quality[:, None] + bias[None, :]
    return np.diff(ndtr((edges - latent[:, :, None]) / NOISE), axis=2)


def compute_expected_scores(quality: Array, bias: Array) -> Array:
    """Compute the expected scores (qualities, raters)."""
    scores: Array = compute_probabilities(quality, bias) @ LEVELS
    return scores


@cache
def spread_biases(spread: float) -> Array:
    """Return the biases of a whole population, at even quantiles of its distribution."""
    biases: Array = spread * ndtri((np.arange(POPULATION) + 0.5) / POPULATION)
    return biases


@dataclass(frozen=True, slots=True)
class Truth:
    """The true figures of raters with given biases: infinitely many items of uniform quality, `overlap` raters each."""

    alpha: dict[str, float]
    single: float
    average: float
    ceiling: float
    baseline_plcc: float
    baseline_srcc: float


def compute_truth(bias: Array, overlap: int) -> Truth:
    quality = 1.2 + 3.6 * _GRID
    chances = compute_probabilities(quality, bias)
    total = chances.sum(axis=1)
    raters = len(bias)
    own = np.einsum("qri,qrj->ij", chances, chances)
    pairs = (total.T @ total - own) / (raters * (raters - 1) * len(quality))
    marginals = pairs.sum(axis=1)
    mean = marginals @ LEVELS
    variance, shared = marginals @ LEVELS**2 - mean**2, LEVELS @ pairs @ LEVELS - mean**2
    within = variance - shared
    of_mos = (variance + (overlap - 1) * shared) / overlap
    joint = compute_joint_shares(chances, overlap)
    return Truth(
        alpha={metric: 1 - (pairs * d).sum() / (marginals @ d @ marginals) for metric, d in _list_distances(marginals)},
        single=shared / variance,
        average=1 - within / (overlap * of_mos),
        ceiling=float(np.sqrt((chances @ LEVELS).mean(axis=1).var() / of_mos)),
        baseline_plcc=_compute_correlation(joint, LEVELS, np.arange(float(joint.shape[1]))),
        baseline_srcc=_compute_correlation(joint, _compute_ranks(joint.sum(axis=1)), _compute_ranks(joint.sum(axis=0))),
    )


def compute_joint_shares(chances: Array, overlap: int) -> Array:
    """Compute how often one rating of an item is level i + 1 while the others sum to overlap - 1 + s: (5, sums).

    Any `overlap` of all raters may rate an item. A rater's chances are the coefficients of a polynomial, and the sum
    over all choices of the other raters is a symmetric polynomial of theirs. Both are evaluated at roots of unity.
    """
    raters, others = chances.shape[1], overlap - 1
    size = 4 * others + 1
    at_roots = np.fft.fft(chances, n=size, axis=2)
    chosen = [np.ones((len(chances), size), dtype=complex)]
    chosen += [np.zeros_like(chosen[0]) for _ in range(others)]
    for rater in range(raters):
        for count in range(others, 0, -1):
            chosen[count] = chosen[count] + chosen[count - 1] * at_roots[:, rater]
    without = np.ones_like(at_roots)
    for count in range(1, overlap):
        without = chosen[count][:, None] - at_roots * without
    sums = np.fft.ifft(without, axis=2).real / comb(raters - 1, others)
    joint: Array = np.einsum("qri,qrs->is", chances, sums) / (len(chances) * raters)
    return joint


def _compute_ranks(shares: Array) -> Array:
    ranks: Array = np.cumsum(shares) - shares / 2
    return ranks


def _compute_correlation(joint: Array, x: Array, y: Array) -> float:
    x, y = x - joint.sum(axis=1) @ x, y - joint.sum(axis=0) @ y
    return float(x @ joint @ y / np.sqrt((joint.sum(axis=1) @ x**2) * (joint.sum(axis=0) @ y**2)))


def _list_distances(marginals: Array) -> Iterator[tuple[str, Array]]:
    middle = np.cumsum(marginals) - marginals / 2
    yield "nominal", 1 - np.eye(5)
    yield "ordinal", (middle[:, None] - middle[None, :]) ** 2
    yield "interval", (LEVELS[:, None] - LEVELS[None, :]) ** 2


def draw_raters(rng: np.random.Generator, cell: Cell, items: int) -> NDArray[np.int64]:
    """Draw the raters of each item (items, overlap)."""
    return np.sort(np.argsort(rng.random((items, cell.raters)), axis=1)[:, : cell.overlap], axis=1)


def draw_ratings(rng: np.random.Generator, quality: Array, bias: Array, who: NDArray[np.int64]) -> RatingTable:
    latent = quality[:, None] + bias[who] + rng.normal(0, NOISE, who.shape)
    scores = np.clip(np.round(latent), 1, 5)
    names = (tuple(range(len(quality))), tuple(range(len(bias))))
    codes, raters = np.unique(who.ravel(), return_inverse=True)
    items = np.repeat(np.arange(len(quality)), who.shape[1])
    return RatingTable(items, raters, scores.ravel(), names[0], tuple(int(code) for code in codes))


def simulate_ratings(rng: np.random.Generator, cell: Cell) -> Iterator[FigureIntervals]:
    """Simulate one campaign, and yield its figures about raters."""
    bias = rng.normal(0, BIAS, cell.raters)
    quality = rng.uniform(1.2, 4.8, cell.items)
    table = draw_ratings(rng, quality, bias, draw_raters(rng, cell, cell.items))
    these, everyone = compute_truth(bias, cell.overlap), _compute_truth_of_all(cell.overlap)
    of_these = compute_expected_scores(quality, bias).mean(axis=1)
    of_all = compute_expected_scores(quality, spread_biases(BIAS)).mean(axis=1)

    def pick(interval: Interval | Undefined, here: float, there: float) -> Array:
        named = isinstance(interval, Interval) and interval.population
        return np.array([here if named else there])

    rows = compute_mos(table, pooled=compute_pooled_sd(table))
    yield FigureIntervals("MOS", [Interval(row.low, row.high) for row in rows], of_all)
    model = fit_mixed_model(table)
    assert isinstance(model, MixedModel)
    bounds = zip(model.low.tolist(), model.high.tolist(), strict=True)
    yield FigureIntervals(
        "bias-corrected MOS",
        [Interval(low, high, model.population) for low, high in bounds],
        of_these if model.population else of_all,
    )
    for metric in METRICS:
        interval = compute_alpha(table, metric).interval
        yield FigureIntervals(
            f"alpha, {metric}", [interval], pick(interval, these.alpha[metric], everyone.alpha[metric])
        )
    icc = compute_icc(table)
    yield FigureIntervals("ICC(1,1)", [icc.single.interval], pick(icc.single.interval, these.single, everyone.single))
    yield FigureIntervals(
        "ICC(1,k)", [icc.average.interval], pick(icc.average.interval, these.average, everyone.average)
    )
    reached = measure_reach(table)
    for name, estimate, here, there in (
        ("single-rater baseline, PLCC", reached.baseline_plcc, these.baseline_plcc, everyone.baseline_plcc),
        ("single-rater baseline, SRCC", reached.baseline_srcc, these.baseline_srcc, everyone.baseline_srcc),
    ):
        yield FigureIntervals(name, [estimate.interval], pick(estimate.interval, here, there))
    yield FigureIntervals("ceiling", [reached.ceiling_plcc.interval], np.array([these.ceiling]))
    yield from _simulate_anchoring(rng, cell, quality, bias)


@cache
def _compute_truth_of_all(overlap: int) -> Truth:
    return compute_truth(spread_biases(BIAS), overlap)


def _simulate_anchoring(rng: np.random.Generator, cell: Cell, quality: Array, bias: Array) -> Iterator[FigureIntervals]:
    """Simulate items that at most four raters rate, half of them blind and half assisted."""
    pull = rng.normal(PULL, PULL_SD, cell.raters) * DRAFT_ABOVE
    who = draw_raters(rng, Cell(cell.raters, min(4, cell.raters)), len(quality))
    assisted = np.argsort(rng.random(who.shape), axis=1) < who.shape[1] // 2
    latent = quality[:, None] + bias[who] + pull[who] * assisted + rng.normal(0, NOISE, who.shape)
    scores = np.clip(np.round(latent), 1, 5)
    items = np.repeat(np.arange(len(quality)), who.shape[1])
    rows = list(zip(items.tolist(), assisted.ravel().tolist(), scores.ravel().tolist(), strict=True))
    drafts = dict(enumerate(make_drafts(quality).tolist()))
    anchoring = measure_anchoring(rows, drafts, raters=who.ravel().tolist())
    these, everyone = compute_pull(bias, pull), _compute_pull_of_all()
    for name in ("difference", "nearer", "spread_ratio"):
        interval = getattr(anchoring, name).interval
        named = isinstance(interval, Interval) and interval.population
        yield FigureIntervals(
            f"anchoring, {name.replace('_', ' ')}",
            [interval],
            np.array([getattr(these if named else everyone, name)]),
        )


@dataclass(frozen=True, slots=True)
class Pull:
    """The true effect of drafts that pull given raters, over infinitely many items of uniform quality."""

    difference: float
    nearer: float
    spread_ratio: float


def make_drafts(quality: Array) -> Array:
    """Return the drafted score of each item."""
    return np.clip(np.round(quality + DRAFT_ABOVE), 1, 5)


def compute_pull(bias: Array, pull: Array) -> Pull:
    quality = 1.2 + 3.6 * _GRID
    distances = np.abs(LEVELS - make_drafts(quality)[:, None])
    means, gaps, spreads = [], [], []
    for shift in (bias, bias + pull):
        chances = compute_probabilities(quality, shift)
        scores = chances @ LEVELS
        pairs = (scores.sum(axis=1) ** 2 - (scores**2).sum(axis=1)) / (len(bias) * (len(bias) - 1))
        means.append(scores.mean())
        gaps.append((chances * distances[:, None]).sum() / scores.size)
        spreads.append(((chances @ LEVELS**2).mean(axis=1) - pairs).mean())
    return Pull(
        difference=float(means[1] - means[0]),
        nearer=float(gaps[0] - gaps[1]),
        spread_ratio=float(np.sqrt(spreads[1] / spreads[0])),
    )


@cache
def _compute_pull_of_all() -> Pull:
    mixed = np.random.default_rng(0).permutation(POPULATION)
    return compute_pull(spread_biases(BIAS), DRAFT_ABOVE * (PULL + spread_biases(PULL_SD)[mixed]))


def simulate_generators(rng: np.random.Generator, cell: Cell) -> Iterator[FigureIntervals]:
    """Simulate one campaign in which generators are compared: each made a clip of each prompt."""
    bias = rng.normal(0, BIAS, cell.raters)
    names = list(SHIFTS)
    prompts = rng.normal(2.75, 0.6, cell.groups)
    quality = (prompts[:, None] + list(SHIFTS.values()) + rng.normal(0, 0.4, (cell.groups, len(names)))).ravel()
    table = draw_ratings(rng, quality, bias, draw_raters(rng, cell, len(quality)))
    groups = np.repeat(np.arange(cell.groups), len(names)).tolist()
    clips = split_by_generator(zip(names * cell.groups, groups, table.means.tolist(), strict=True))
    spread = 2.75 + ndtri(_GRID) * np.hypot(0.6, 0.4)
    truth = {name: float(compute_expected_scores(spread + shift, bias).mean()) for name, shift in SHIFTS.items()}
    figures = {row.generator: row.mos.interval for row in summarise_generators(clips)}
    yield FigureIntervals("MOS of a generator", list(figures.values()), np.array([truth[name] for name in figures]))
    overall = compute_mean_mos(table.means, groups).interval
    yield FigureIntervals("MOS of an axis", [overall], np.array([np.mean(list(truth.values()))]))
    pairs = compare_generators(clips)
    yield FigureIntervals(
        "paired difference",
        [pair.difference.interval for pair in pairs],
        np.array([truth[pair.first] - truth[pair.second] for pair in pairs]),
    )


def simulate(cell: Cell, campaigns: int = CAMPAIGNS) -> list[Row]:
    """Return the rows of one cell; the cell is the seed."""
    rng = np.random.default_rng([cell.raters, cell.overlap, cell.items, cell.groups])
    run = simulate_generators if cell.groups else simulate_ratings
    hits_by_figure: dict[str, list[bool]] = defaultdict(list)
    widths: dict[str, list[float]] = defaultdict(list)
    populations: dict[str, str] = {}
    missing: dict[str, int] = defaultdict(int)
    for _ in range(campaigns):
        for case in run(rng, cell):
            hits_by_figure.setdefault(case.figure, [])
            for interval, truth in zip(case.intervals, case.truths.tolist(), strict=True):
                if isinstance(interval, Undefined):
                    missing[case.figure] += 1
                    continue
                hits_by_figure[case.figure].append(interval.low <= truth <= interval.high)
                widths[case.figure].append(interval.high - interval.low)
                populations[case.figure] = interval.population or "other raters too"
    return [
        Row(
            cell.name,
            figure,
            populations.get(figure, ""),
            float(np.mean(hits)) if hits else float("nan"),
            float(np.median(widths[figure])) if hits else float("nan"),
            missing[figure] / (len(hits) + missing[figure]),
        )
        for figure, hits in hits_by_figure.items()
    ]


def simulate_all(campaigns: int = CAMPAIGNS) -> list[Row]:
    """Simulate every cell, two at a time."""
    cells = [*CELLS, *PROMPT_CELLS]
    with ProcessPoolExecutor(2) as pool:
        return [row for rows in pool.map(simulate, cells, [campaigns] * len(cells)) for row in rows]


def format_table(rows: Sequence[Row]) -> str:
    """Format the rows as a Markdown table."""
    lines = [
        "| campaign | figure | holds for | coverage | median width | too few to say |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.cell} | {row.figure} | {row.population or '–'} | "
        + ("– | –" if np.isnan(row.coverage) else f"{row.coverage:.3f} | {row.width:.2f}")
        + f" | {row.undefined:.1%} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(format_table(simulate_all(int(sys.argv[1]) if len(sys.argv) > 1 else CAMPAIGNS)))
