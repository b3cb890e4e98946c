"""BT.500 and P.910 on a published table of 30 clips by 20 raters (Netflix/sureal), whose answers are known.

The table is found in the folder that QSAVE_REFERENCE names, else in ../shared/reference beside the checkout.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from qsave.statistics.p910 import P910, fit_p910
from qsave.statistics.screening import screen_raters
from qsave.statistics.table import RatingTable
from tests.support.tables import drop_rejected, make_table

FOLDER = Path(os.environ.get("QSAVE_REFERENCE", Path(__file__).parents[3] / "shared" / "reference"))
FILE = FOLDER / "acr_30x20.csv"

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"needs {FILE}: name its folder in QSAVE_REFERENCE")


@pytest.fixture(scope="module")
def table() -> RatingTable:
    return make_table(np.genfromtxt(FILE, delimiter=","))


def test_plain_mos(table: RatingTable) -> None:
    assert table.means[:4] == pytest.approx([4.6842, 4.45, 4.5, 4.4], abs=5e-5)


def test_alternating_projection(table: RatingTable) -> None:
    fit = fit_p910(table)
    assert isinstance(fit, P910)
    assert fit.mos[:4] == pytest.approx([4.8249, 4.7916, 4.6021, 4.6331], abs=5e-5)
    assert fit.mos.sum() == pytest.approx(111.8227, abs=5e-5)


def test_bt500_with_n_rejects_the_first_rater(table: RatingTable) -> None:
    assert [rater.rater for rater in screen_raters(table, ddof=0) if rater.rejected is True] == [0]
    assert drop_rejected(table, ddof=0).means.mean() == pytest.approx(3.746296, abs=1e-6)


def test_bt500_with_n_minus_one_rejects_nobody(table: RatingTable) -> None:
    assert not any(rater.rejected is True for rater in screen_raters(table, ddof=1))
