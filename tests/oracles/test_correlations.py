"""Correlations against scipy's own, and the logistic against a curve that it must find."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from qsave.statistics.correlation import krcc, plcc, plcc_logistic, rmse, srcc
from qsave.statistics.figures import Undefined

points = st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 5)), min_size=3, max_size=30)


@given(points)
def test_they_answer_as_scipy(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs, dtype=np.float64).T
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assert plcc(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-9)
    assert srcc(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-9)
    assert krcc(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-9)
    assert rmse(x, y) == pytest.approx(np.sqrt(((x - y) ** 2).mean()))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_logistic_straightens_a_logistic(sign: int) -> None:
    x = np.linspace(-6, 6, 40)
    y = 1 + 4 / (1 + np.exp(-sign * (x - 1) / 0.8))
    straightened, raw = plcc_logistic(x, y), plcc(x, y)
    assert not isinstance(straightened, Undefined)
    assert not isinstance(raw, Undefined)
    assert straightened == pytest.approx(1, abs=1e-6)
    assert abs(raw) < 0.97
