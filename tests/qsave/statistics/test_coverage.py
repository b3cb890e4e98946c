"""The quick form of tests/long/test_coverage.py: fewer campaigns, so wider limits."""

from pathlib import Path

import numpy as np
import pytest

from qsave.statistics.figures import THESE_RATERS
from tests.support.coverage import CELLS, HIGHEST, LOWEST, PROMPT_CELLS, Cell, simulate, table

CAMPAIGNS = 60
DOCUMENT = Path(__file__).parents[3] / "docs" / "statistics.md"


@pytest.mark.parametrize(
    "cell", [Cell(60, 3), Cell(3, 3), Cell(6, 3), Cell(60, 3, groups=5)], ids=lambda cell: cell.name
)
def test_intervals_hold_the_truth(cell: Cell) -> None:
    chance = 4 * np.sqrt(0.05 * 0.95 / CAMPAIGNS)
    wrong = [
        row for row in simulate(cell, CAMPAIGNS) if not LOWEST - chance <= row.coverage <= min(1, HIGHEST + chance)
    ]
    assert not wrong, "\n" + table(wrong)


def test_a_panel_names_its_population_and_a_crowd_does_not() -> None:
    panel, crowd = ({row.figure: row.population for row in simulate(cell, 2)} for cell in (Cell(4, 4), Cell(60, 3)))
    for figure in ("alpha, ordinal", "ICC(1,k)", "ceiling", "anchoring, difference", "bias-corrected MOS"):
        assert (panel[figure], crowd[figure]) == (THESE_RATERS, "other raters too")


def test_the_document_has_every_cell() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(f"| {cell.name} |" in text for cell in (*CELLS, *PROMPT_CELLS))
