"""Correlations whose resamples are computed at once are those of repeated points."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qsave.statistics.correlation import compute_correlations, compute_srcc, estimate_correlations
from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.weighted_correlation import DistinctPoints, compute_weighted_plcc, compute_weighted_srcc


@given(
    st.integers(3, 12).flatmap(
        lambda n: st.tuples(
            *(st.lists(st.integers(1, 5), min_size=n, max_size=n) for _ in range(2)),
            st.lists(st.integers(0, 3), min_size=n, max_size=n),
        )
    )
)
def test_a_weighted_rank_correlation_is_that_of_repeated_points(lists: tuple[list[int], list[int], list[int]]) -> None:
    x, y, weights = (np.array(values, dtype=np.float64) for values in lists)
    times = weights.astype(int)
    assume(times.sum() > 0)
    repeated = compute_srcc(np.repeat(x, times), np.repeat(y, times))
    (weighted,) = compute_weighted_srcc(x, y, weights[None])
    if isinstance(repeated, Undefined):
        assert np.isnan(weighted) or times.sum() < 3
    else:
        assert weighted == pytest.approx(repeated, abs=1e-9)


@given(st.lists(st.tuples(*(st.integers(1, 3) for _ in range(3))), min_size=3, max_size=30))
def test_merged_points_weigh_what_their_pairs_do(rows: list[tuple[int, int, int]]) -> None:
    x, y, groups = (np.array(column) for column in zip(*rows, strict=True))
    groups = np.unique(groups, return_inverse=True)[1]
    counts = np.random.default_rng(1).integers(0, 4, size=(5, int(groups.max()) + 1))
    points = DistinctPoints.of(x.astype(float), y.astype(float), groups)
    weights = counts[:, groups].astype(float)
    assume((weights.sum(axis=1) > 0).all())
    for compute in (compute_weighted_srcc, lambda x, y, w: compute_weighted_plcc(x[None], y[None], w)):
        expected = compute(x.astype(float), y.astype(float), weights)
        np.testing.assert_allclose(compute(points.x, points.y, points.weigh(counts)), expected, atol=1e-9)


def test_correlations_of_many_clips_have_the_values_and_nearly_the_intervals_of_the_others() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=120)
    y = x + rng.normal(size=120)
    groups = [number // 2 for number in range(120)]
    srcc, plcc = estimate_correlations(x, y, groups)
    slow = compute_correlations(x, y, groups=groups)
    for fast, other in ((srcc, slow.srcc), (plcc, slow.plcc)):
        assert fast.value == pytest.approx(other.value)
        assert isinstance(fast.interval, Interval)
        assert isinstance(other.interval, Interval)
        assert (fast.interval.low, fast.interval.high) == pytest.approx(
            (other.interval.low, other.interval.high), abs=0.04
        )


def test_one_group_or_too_few_clips_have_no_interval() -> None:
    for estimate in (
        *estimate_correlations([1, 2, 3, 4], [1, 2, 4, 3], [0, 0, 0, 0]),
        *estimate_correlations([1], [2], [0]),
    ):
        assert isinstance(estimate.interval, Undefined)
