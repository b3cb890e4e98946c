"""What must hold for any table: order and names do not matter, and nothing undefined passes for a number."""

import dataclasses
import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qsave.statistics.alpha import Metric, compute_alpha
from qsave.statistics.anchoring import measure_anchoring
from qsave.statistics.ceiling import measure_reach
from qsave.statistics.evidence import DIFFERENCE, LEVELS, RATIO, RELIABILITY, Scale, weigh
from qsave.statistics.figures import Estimate, Interval, Undefined
from qsave.statistics.generators import compare_generators, split_by_generator, summarise_generators
from qsave.statistics.icc import compute_icc
from qsave.statistics.mixed import MixedModel, fit_mixed_model
from qsave.statistics.mos import compute_mean_mos, compute_mos, compute_pooled_sd
from qsave.statistics.p910 import P910, fit_p910
from qsave.statistics.raters import compute_rater_figures
from qsave.statistics.screening import screen_raters
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table

Triples = list[tuple[int, int, int]]
triples = st.dictionaries(st.tuples(st.integers(0, 6), st.integers(0, 4)), st.integers(1, 5), min_size=1).map(
    lambda cells: [(item, rater, score) for (item, rater), score in cells.items()]
)


def numbers(figure: object) -> list[float]:
    """Every float inside a figure, however deep."""
    if isinstance(figure, float):
        return [figure]
    if isinstance(figure, np.ndarray):
        return [float(value) for value in figure]
    if isinstance(figure, dict):
        return [number for value in figure.values() for number in numbers(value)]
    if isinstance(figure, tuple | list):
        return [number for value in figure for number in numbers(value)]
    if dataclasses.is_dataclass(figure):
        return [n for field in dataclasses.fields(figure) for n in numbers(getattr(figure, field.name))]
    return []


def all_figures(table: RatingTable) -> list[object]:
    cells = zip(table.items.tolist(), table.raters.tolist(), table.scores.tolist(), strict=True)
    in_arms = [(table.item_ids[item], rater % 2 == 0, score) for item, rater, score in cells]
    return [
        compute_mos(table, pooled=compute_pooled_sd(table)),
        *[compute_alpha(table, metric, resamples=20) for metric in get_args(Metric)],
        compute_icc(table),
        fit_p910(table),
        compute_rater_figures(table),
        screen_raters(table),
        measure_reach(table),
        fit_mixed_model(table),
        compute_mean_mos(table.means, [item // 2 for item in range(table.item_count)]),
        measure_anchoring(in_arms, dict.fromkeys(table.item_ids, 3.0), raters=table.raters.tolist()),
        compare_generators(split_by_generator((f"g{item % 3}", item // 3, score) for item, _, score in in_arms)),
    ]


@settings(deadline=None, max_examples=25)
@given(triples)
def test_no_figure_is_ever_nan_or_infinite(rows: Triples) -> None:
    assert all(math.isfinite(number) for number in numbers(all_figures(RatingTable.from_triples(rows))))


def estimates(table: RatingTable) -> list[tuple[Estimate, Scale]]:
    """Every figure with an interval, and its scale."""
    found, one_way = measure_reach(table), compute_icc(table)
    reliabilities = [compute_alpha(table, metric).estimate for metric in get_args(Metric)]
    reliabilities += [one_way.single, one_way.average]
    reliabilities += [found.baseline_srcc, found.baseline_plcc, found.ceiling_srcc, found.ceiling_plcc]
    rows = [
        (item, rater % 2 == 0, score)
        for item, rater, score in zip(table.items, table.raters, table.scores, strict=True)
    ]
    arms = measure_anchoring(rows, dict.fromkeys(range(table.item_count), 3.0), raters=table.raters.tolist())
    groups = [item // 2 for item in range(table.item_count)]
    clips = [(f"g{item % 3}", item // 3, mos) for item, mos in enumerate(table.means.tolist())]
    differences = [
        arms.difference,
        arms.nearer,
        *(pair.difference for pair in compare_generators(split_by_generator(clips))),
    ]
    levels = [
        compute_mean_mos(table.means, groups),
        *(row.mos for row in summarise_generators(split_by_generator(clips))),
    ]
    return [
        *((figure, RELIABILITY) for figure in reliabilities),
        *((figure, DIFFERENCE) for figure in differences),
        *((figure, LEVELS) for figure in levels),
        (arms.spread_ratio, RATIO),
    ]


def cells(scores: list[list[int]]) -> Triples:
    return [(item, rater, score) for item, row in enumerate(scores) for rater, score in enumerate(row)]


OPPOSITE = cells([[1, 5], [2, 4], [5, 1], [4, 2]])
BIAS_ALONE = cells([[1, 3, 5, 3, 2]] * 3)
ROTATED = cells([[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]])
ALMOST_EQUAL = cells([[4, 4, 4], [4, 4, 5], [4, 4, 4]])
TWELVE_OF_ONE = [(0, rater, 1 + rater % 5) for rater in range(12)] + [(1, 0, 3)]
PAIRS_APART = [(item, 2 * (item % 2) + side, 1 + item % 5) for item in range(8) for side in range(2)]


@settings(deadline=None, max_examples=25)
@given(triples)
@example(OPPOSITE)
@example(BIAS_ALONE)
@example(ROTATED)
@example(ALMOST_EQUAL)
@example(TWELVE_OF_ONE)
@example(PAIRS_APART)
def test_what_is_shown_lies_on_its_scale_and_in_an_interval_with_width(rows: Triples) -> None:
    for estimate, scale in estimates(RatingTable.from_triples(rows)):
        shown = weigh(estimate, scale=scale).estimate
        if isinstance(shown.value, Undefined):
            continue
        assert scale.least <= shown.value <= scale.most
        if isinstance(shown.interval, Interval):
            assert scale.least <= shown.interval.low < shown.interval.high <= scale.most
            assert shown.interval.low - 1e-9 <= shown.value <= shown.interval.high + 1e-9


@given(triples)
def test_no_variance_is_negative(rows: Triples) -> None:
    model = fit_mixed_model(RatingTable.from_triples(rows))
    assert isinstance(model, MixedModel)
    assert min(model.variances.item, model.variances.rater, model.variances.residual) >= 0
    for share in (model.variances.agreement, model.variances.consistency):
        assert isinstance(share, Undefined) or 0 <= share <= 1


@settings(deadline=None, max_examples=12)
@given(triples, st.randoms(use_true_random=False))
def test_the_order_of_input_changes_nothing(rows: Triples, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands out a random.Random
    figures, again = (all_figures(RatingTable.from_triples(order)) for order in (rows, shuffled))
    assert numbers(figures) == numbers(again)


@given(triples, st.permutations(range(5)))
def test_who_is_called_what_does_not_change_alpha(rows: Triples, names: list[int]) -> None:
    renamed = RatingTable.from_triples((item, names[rater], score) for item, rater, score in rows)
    for metric in get_args(Metric):
        first = compute_alpha(RatingTable.from_triples(rows), metric, resamples=0)
        assert numbers(first) == pytest.approx(numbers(compute_alpha(renamed, metric, resamples=0)))


@given(triples)
def test_adding_a_constant_changes_no_interval_alpha(rows: Triples) -> None:
    moved = RatingTable.from_triples((item, rater, score + 10) for item, rater, score in rows)
    first = compute_alpha(RatingTable.from_triples(rows), "interval", resamples=0)
    assert numbers(first) == pytest.approx(numbers(compute_alpha(moved, "interval", resamples=0)))


@given(triples)
def test_mos_lies_in_its_interval_inside_the_scale_and_is_never_certain(rows: Triples) -> None:
    for row in compute_mos(RatingTable.from_triples(rows), pooled=0.0):
        assert 1 <= row.low <= row.mos <= row.high <= 5
        assert row.se > 0


@given(triples)
def test_a_rater_is_never_compared_with_a_mean_that_includes_them(rows: Triples) -> None:
    """Moving all scores of one rater moves that rater's bias by as much."""
    first = rows[0][1]
    moved = [(item, rater, score + (rater == first)) for item, rater, score in rows]
    before, after = (
        next(row for row in compute_rater_figures(RatingTable.from_triples(table)) if row.rater == first)
        for table in (rows, moved)
    )
    if isinstance(before.bias, Undefined):
        assert before.shared == 0
    else:
        assert after.bias == pytest.approx(before.bias + 1)


def test_peers_are_raters_who_count() -> None:
    """A screened rater moves nobody's figures, and is still held against those who count."""
    rng = np.random.default_rng(4)
    scores = np.clip(np.round(rng.uniform(1, 5, (30, 1)) + rng.normal(0, 0.7, (30, 4))), 1, 5)
    scores[:, 3] = rng.integers(1, 6, 30)
    table, without = make_table(scores), make_table(scores[:, :3])
    rows, alone = compute_rater_figures(table, screened={3}), compute_rater_figures(without)
    assert rows[:3] == alone
    assert rows[3].bias == pytest.approx((scores[:, 3] - scores[:, :3].mean(axis=1)).mean())
    assert compute_rater_figures(table)[0].bias != rows[0].bias
    assert compute_rater_figures(table, screened={0, 1, 3})[2].shared == 0


def test_alternating_projection_finds_planted_biases() -> None:
    rng = np.random.default_rng(0)
    quality, bias = rng.uniform(1, 5, 200), np.linspace(-0.6, 0.6, 12)
    noise = np.linspace(0.3, 0.9, 12)
    fit = fit_p910(make_table(quality[:, None] + bias + rng.normal(size=(200, 12)) * noise))
    assert isinstance(fit, P910)
    assert fit.bias == pytest.approx(bias, abs=0.15)
    assert fit.inconsistency == pytest.approx(noise, abs=0.15)
    assert np.abs(fit.mos - quality).mean() < 0.15


def test_p910_sets_thin_raters_aside_and_says_so() -> None:
    """A rater with one rating, and one whose two ratings fit exactly, leave the answer to the others."""
    rng = np.random.default_rng(1)
    quality, bias = rng.uniform(1, 5, 40), np.linspace(-0.6, 0.6, 12)
    scores = quality[:, None] + bias + rng.normal(size=(40, 12)) * 0.5
    whole = fit_p910(make_table(scores))
    assert isinstance(whole, P910)
    thin = np.full((40, 2), np.nan)
    thin[0, 0] = 4.0
    thin[:2, 1] = whole.mos[:2] + 0.3
    fit = fit_p910(make_table(np.hstack([scores, thin])))
    assert isinstance(fit, P910)
    assert fit.notes == (
        "Rater 12 gave one rating: no spread can be told, so it counts as it is.",
        "Rater 13 fits without any error, and counts without correction or weight.",
    )
    assert fit.mos[2:] == pytest.approx(whole.mos[2:], abs=0.02)
    assert (fit.bias[-2:].tolist(), fit.inconsistency[-2:].tolist()) == ([0, 0], [1, 1])


def test_moderated_intervals_cover_where_plain_ones_do_not() -> None:
    """Three ratings an item on whole levels: the stated 95% must be near the truth."""
    rng = np.random.default_rng(1)
    scores = np.clip(np.round(rng.uniform(1.2, 4.8, 1500)[:, None] + rng.normal(0, 0.75, (1500, 2000))), 1, 5)
    table = make_table(scores[:, :3])
    sd = compute_pooled_sd(table)
    assert not isinstance(sd, Undefined)
    rows = compute_mos(table, pooled=sd)
    covered = np.mean([row.low <= truth <= row.high for row, truth in zip(rows, scores.mean(axis=1), strict=True)])
    assert 0.94 <= covered <= 0.99


def test_intervals_hold_the_figure_on_an_ordinary_table() -> None:
    rng = np.random.default_rng(2)
    scores = np.clip(np.round(rng.uniform(1, 5, 80)[:, None] + rng.normal(0, 0.7, (80, 5))), 1, 5)
    figures = measure_reach(make_table(scores))
    for estimate in (figures.baseline_plcc, figures.baseline_srcc, figures.ceiling_plcc, figures.ceiling_srcc):
        assert isinstance(estimate, Estimate)
        assert isinstance(estimate.interval, Interval)
        assert not isinstance(estimate.value, Undefined)
        assert estimate.interval.low < estimate.value < estimate.interval.high
    assert not isinstance(figures.ceiling_plcc.value, Undefined)
    assert not isinstance(figures.baseline_plcc.value, Undefined)
    assert figures.ceiling_plcc.value > figures.baseline_plcc.value
