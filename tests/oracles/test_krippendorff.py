"""Alpha against published tables and against the `krippendorff` package."""

from typing import get_args

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qsave.statistics.alpha import Metric, compute_alpha
from qsave.statistics.figures import Undefined
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table


def table(*raters: str) -> RatingTable:
    """One text a rater, one mark an item; `*` is missing, letters count from a."""
    marks = [[np.nan if m == "*" else float(m) if m.isdigit() else float(ord(m)) for m in r.split()] for r in raters]
    return make_table(np.array(marks).T)


KRIPPENDORFF_2011 = table(
    "1 2 3 3 2 1 4 1 2 * * *", "1 2 3 3 2 2 4 1 2 5 * 3", "* 3 3 3 2 3 4 2 2 5 1 *", "1 2 3 3 2 4 4 1 2 5 1 *"
)


@pytest.mark.parametrize(
    ("metric", "answer"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_four_raters_with_missing_cells(metric: Metric, answer: float) -> None:
    assert compute_alpha(KRIPPENDORFF_2011, metric, resamples=0).value == pytest.approx(answer, abs=1e-6)


def test_two_raters_of_a_yes_and_no() -> None:
    yes_no = table("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")
    assert compute_alpha(yes_no, "nominal", resamples=0).value == pytest.approx(0.095238, abs=1e-6)


def test_two_raters_of_names() -> None:
    names = table("a a b b d c c c e d d a", "b a b b b c c c e d d d")
    assert compute_alpha(names, "nominal", resamples=0).value == pytest.approx(0.691964, abs=1e-6)


@given(
    arrays(
        np.float64, st.tuples(st.integers(2, 12), st.integers(2, 5)), elements=st.sampled_from([1, 2, 3, 4, 5, np.nan])
    ),
    st.sampled_from(get_args(Metric)),
)
def test_it_answers_as_the_krippendorff_package(matrix: np.ndarray, metric: Metric) -> None:
    ours = compute_alpha(make_table(matrix), metric, resamples=0).value
    pairable = matrix[(~np.isnan(matrix)).sum(axis=1) >= 2]
    if isinstance(ours, Undefined):
        assert len(pairable) < 2 or len(np.unique(pairable[~np.isnan(pairable)])) <= 1
    else:
        theirs = krippendorff.alpha(reliability_data=matrix.T, level_of_measurement=metric)
        assert ours == pytest.approx(theirs, abs=1e-9)
