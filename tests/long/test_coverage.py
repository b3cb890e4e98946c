"""Every interval that is case holds the truth about as often as it says, by 1,000 simulated campaigns of each kind."""

import pytest

from tests.support.coverage import CAMPAIGNS, CELLS, HIGHEST, LOWEST, PROMPT_CELLS, format_table, simulate_all

pytestmark = pytest.mark.long


def test_intervals_hold_the_truth_in_every_cell() -> None:
    rows = simulate_all(CAMPAIGNS)
    assert {row.cell for row in rows} == {cell.name for cell in (*CELLS, *PROMPT_CELLS)}
    wrong = [row for row in rows if row.undefined < 1 and not LOWEST <= row.coverage <= HIGHEST]
    assert not wrong, "\n" + format_table(wrong)
