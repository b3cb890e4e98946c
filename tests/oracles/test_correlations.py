"""Correlations against scipy's own, and the logistic against a curve that it must find."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

from qsave.statistics.correlation import (
    Logistic,
    compute_correlations,
    compute_krcc,
    compute_plcc,
    compute_plcc_logistic,
    compute_rmse,
    compute_srcc,
    fit_logistic,
)
from qsave.statistics.figures import Interval, Undefined

points = st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 5)), min_size=3, max_size=30)


@given(points)
def test_they_answer_as_scipy(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=np.float64).T
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assert compute_plcc(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert compute_srcc(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    assert compute_krcc(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-9)
    assert compute_rmse(x, y) == pytest.approx(np.sqrt(((x - y) ** 2).mean()))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_logistic_straightens_a_logistic(sign: int) -> None:
    x = np.linspace(-6, 6, 40)
    y = 1 + 4 / (1 + np.exp(-sign * (x - 1) / 0.8))
    straightened, raw = compute_plcc_logistic(x, y), compute_plcc(x, y)
    assert not isinstance(straightened, Undefined)
    assert not isinstance(raw, Undefined)
    assert straightened == pytest.approx(1, abs=1e-6)
    assert abs(raw) < 0.97


@pytest.mark.parametrize("seed", range(5))
def test_the_logistic_is_the_one_that_scipy_fits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 1, 80)
    y = 1 + 4 / (1 + np.exp(-(x - 2.5) / 0.7)) + rng.normal(0, 0.4, 80)

    def curve(x: np.ndarray, b1: float, b2: float, b3: float, b4: float) -> np.ndarray:
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4)))

    theirs, _ = optimize.curve_fit(curve, x, y, p0=[y.max(), y.min(), x.mean(), x.std()], maxfev=10000)
    ours = fit_logistic(x, y)
    assert isinstance(ours, Logistic)
    assert ours(x) == pytest.approx(curve(x, *theirs), abs=0.01)
    assert compute_plcc_logistic(x, y) == pytest.approx(stats.pearsonr(curve(x, *theirs), y).statistic, abs=1e-5)


@given(st.tuples(*[st.floats(-3, 3)] * 3, st.floats(0.3, 3) | st.floats(-3, -0.3)))
def test_the_gradients_of_the_logistic_are_its_differences(parameters: tuple[float, ...]) -> None:
    x = np.linspace(-4, 4, 9)
    numeric = optimize.approx_fprime(np.array(parameters), lambda b: Logistic(*b)(x), 1e-7)
    assert Logistic(*parameters).compute_gradients(x) == pytest.approx(numeric, abs=1e-4)


def test_intervals_are_those_of_scipys_bootstrap() -> None:
    rng = np.random.default_rng(0)
    y = rng.uniform(1, 5, 120)
    x = y + rng.normal(0, 1, 120)
    found = compute_correlations(x, y, seed=1).plcc.interval
    theirs = stats.bootstrap(
        (x, y), lambda a, b: stats.pearsonr(a, b).statistic, paired=True, vectorized=False, n_resamples=1000,
        method="percentile", rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_clips_that_hang_together_widen_the_interval() -> None:
    """Each clip four times over is no more evidence than each once: the interval stays, where it would halve."""
    rng = np.random.default_rng(0)
    y = rng.uniform(1, 5, 40)
    x = y + rng.normal(0, 1.5, 40)
    prompts = np.repeat(np.arange(40), 4).tolist()
    samples = [(x, y, None), (np.repeat(x, 4), np.repeat(y, 4), prompts), (np.repeat(x, 4), np.repeat(y, 4), None)]
    figures = [compute_correlations(x, y, groups=groups, seed=3, resamples=100) for x, y, groups in samples]
    for name in ("srcc", "plcc", "krcc", "rmse", "within_one"):
        once, together, alone = (_width(getattr(each, name).interval) for each in figures)
        assert together == pytest.approx(once, rel=0.35)
        assert alone < 0.75 * min(once, together)


@pytest.mark.parametrize("seed", range(12))
def test_the_logistic_lies_within_its_interval(seed: int) -> None:
    """Few points, some of which no curve fits: every resample bends further than the whole."""
    rng = np.random.default_rng(seed)
    y = np.round(rng.uniform(1, 5, 6 + seed) * 3) / 3
    found = compute_correlations(rng.normal(0, 1, len(y)), y, resamples=200).plcc_logistic
    assert not isinstance(found.value, Undefined)
    if isinstance(found.interval, Interval):
        assert found.interval.low <= found.value <= found.interval.high


def test_the_logistic_is_fitted_anew_in_each_resample() -> None:
    """Against scipy's fits of 200 resamples, one by one."""
    rng = np.random.default_rng(1)
    x = rng.normal(3, 1, 60)
    y = 1 + 4 / (1 + np.exp(-(x - 2.5) / 0.7)) + rng.normal(0, 0.6, 60)
    found = compute_correlations(x, y).plcc_logistic
    slow: list[float] = []
    for _ in range(200):
        chosen = rng.integers(0, 60, 60)
        value = compute_plcc_logistic(x[chosen], y[chosen])
        assert not isinstance(value, Undefined)
        slow.append(value)
    assert isinstance(found.interval, Interval)
    low, high = np.percentile(slow, [2.5, 97.5])
    assert found.interval.high - found.interval.low == pytest.approx(high - low, abs=0.015)


def _width(interval: Interval | Undefined) -> float:
    assert isinstance(interval, Interval)
    return interval.high - interval.low
