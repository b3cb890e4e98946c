"""Shares and their intervals: Wilson's against scipy, ratios against resampling by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qsave.statistics.figures import Interval, Undefined, bootstrap_clusters, compute_wilson_interval, estimate_ratio


@given(st.integers(0, 200).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilson_answers_as_scipy(pair: tuple[int, int]) -> None:
    count, of = pair
    found = compute_wilson_interval(count, of)
    if of == 0:
        assert isinstance(found, Undefined)
        return
    theirs = stats.binomtest(count, of).proportion_ci(method="wilson")
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_a_ratio_is_resampled_group_by_group() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 90).tolist()
    above, below = rng.integers(0, 2, 90).astype(float), np.ones(90)
    fast = estimate_ratio(above, below, groups, seed=0, resamples=4000, nothing="nothing")
    slow = bootstrap_clusters(groups, lambda i: float(above[i].sum() / below[i].sum()), seed=1, resamples=4000)
    assert fast.value == above.mean()
    assert isinstance(fast.interval, Interval)
    assert isinstance(slow, Interval)
    assert (fast.interval.low, fast.interval.high) == pytest.approx((slow.low, slow.high), abs=0.015)


def test_a_ratio_says_why_it_or_its_interval_is_none() -> None:
    ones = np.ones(4)

    def why(above: np.ndarray, below: np.ndarray, groups: str, resamples: int = 50) -> tuple[str, str]:
        found = estimate_ratio(above, below, groups, seed=0, resamples=resamples, nothing="no such thing")
        return str(found.value), str(found.interval)

    assert why(ones, 0 * ones, "abcd") == ("no such thing", "no such thing")
    assert why(ones, ones, "aaaa") == ("1.0", "one prompt group alone has no interval")
    assert why(ones, ones, "abcd") == ("1.0", "it is the same in every resample")
    assert why(ones, ones, "abcd", 0) == ("1.0", "no interval was asked for")
