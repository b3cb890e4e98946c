"""The one-way intraclass correlations against the table of Shrout and Fleiss and against `pingouin`."""

import numpy as np
import pandas as pd
import pingouin
import pytest

from qsave.statistics.figures import Interval
from qsave.statistics.icc import compute_icc
from qsave.statistics.table import RatingTable
from tests.support.tables import make_table

SHROUT_FLEISS_1979 = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_the_table_of_1979() -> None:
    one_way = compute_icc(make_table(SHROUT_FLEISS_1979))
    assert one_way.k == 4
    for estimate, answer, bounds in (
        (one_way.single, 0.165742, (-0.13, 0.72)),
        (one_way.average, 0.442797, (-0.88, 0.91)),
    ):
        assert estimate.value == pytest.approx(answer, abs=1e-6)
        assert isinstance(estimate.interval, Interval)
        assert (estimate.interval.low, estimate.interval.high) == pytest.approx(bounds, abs=0.0051)


def test_one_way_with_unequal_numbers_worked_by_hand() -> None:
    """Scores 1 2 | 4 5 6: MSB = 14.7, MSW = (0.5 + 2) / 3, n0 = 5 - 13 / 5 = 2.4."""
    one_way = compute_icc(RatingTable.from_triples([(0, 0, 1), (0, 1, 2), (1, 0, 4), (1, 1, 5), (1, 2, 6)]))
    between, within = 14.7, 2.5 / 3
    assert one_way.k == pytest.approx(2.4)
    assert one_way.single.value == pytest.approx((between - within) / (between + 1.4 * within))
    assert one_way.average.value == pytest.approx((between - within) / between)


@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:Warning")  # pingouin's own, under pandas 3
@pytest.mark.parametrize(("n", "k", "seed"), [(4, 3, 0), (8, 5, 1), (12, 3, 2), (5, 7, 3)])
def test_they_answer_as_pingouin(n: int, k: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).integers(1, 6, (n, k))
    rows = [(i, r, matrix[i, r]) for i in range(n) for r in range(k)]
    frame = pd.DataFrame(rows, columns=["item", "rater", "score"])
    theirs = pingouin.intraclass_corr(frame, targets="item", raters="rater", ratings="score")["ICC"].tolist()
    ours = compute_icc(make_table(matrix))
    single, average = theirs[0], theirs[3]  # of the six: ICC(1,1) and ICC(1,k)
    assert (ours.single.value, ours.average.value) == pytest.approx((single, average), abs=1e-9)
