"""The quick form of tests/long/test_coverage.py: fewer campaigns, so wider limits."""

from pathlib import Path

import numpy as np
import pytest

from qsave.statistics.ceiling import compute_baseline
from qsave.statistics.figures import THESE_RATERS
from tests.support.coverage import (
    BIAS,
    CELLS,
    DRAFT_ABOVE,
    HIGHEST,
    LOWEST,
    NOISE,
    PROMPT_CELLS,
    PULL,
    PULL_SD,
    Cell,
    compute_pull,
    compute_truth,
    draw_raters,
    draw_ratings,
    format_table,
    make_drafts,
    simulate,
)

CAMPAIGNS = 60
FIGURES = (
    "single-rater baseline, PLCC",
    "single-rater baseline, SRCC",
    "anchoring, difference",
    "anchoring, nearer",
    "anchoring, spread ratio",
    "bias-corrected MOS",
)
DOCUMENT = Path(__file__).parents[3] / "docs" / "statistics.md"


@pytest.mark.parametrize(
    "cell", [Cell(60, 3), Cell(3, 3), Cell(6, 3), Cell(60, 3, groups=5)], ids=lambda cell: cell.name
)
def test_intervals_hold_the_truth(cell: Cell) -> None:
    chance = 4 * np.sqrt(0.05 * 0.95 / CAMPAIGNS)
    rows = [row for row in simulate(cell, CAMPAIGNS) if row.undefined < 1]
    wrong = [row for row in rows if not LOWEST - chance <= row.coverage <= min(1, HIGHEST + chance)]
    assert not wrong, "\n" + format_table(wrong)


def test_a_panel_names_its_population_and_a_crowd_does_not() -> None:
    panel, crowd = ({row.figure: row.population for row in simulate(cell, 2)} for cell in (Cell(4, 4), Cell(60, 3)))
    for figure in ("alpha, ordinal", "ICC(1,k)", "ceiling", *FIGURES):
        assert (panel[figure], crowd[figure]) == (THESE_RATERS, "other raters too")


def test_the_true_baseline_and_pull_are_those_of_a_large_simulation() -> None:
    rng = np.random.default_rng(3)
    cell, bias, pull = Cell(4, 3), rng.normal(0, BIAS, 4), rng.normal(PULL, PULL_SD, 4) * DRAFT_ABOVE
    quality = rng.uniform(1.2, 4.8, 60_000)
    table = draw_ratings(rng, quality, bias, draw_raters(rng, cell, len(quality)))
    truth = compute_truth(bias, 3)
    for ranked, true in ((False, truth.baseline_plcc), (True, truth.baseline_srcc)):
        assert compute_baseline(table, ranked=ranked, interval=False).value == pytest.approx(true, abs=0.01)
    blind, assisted = (
        np.clip(np.round(quality[:, None] + shift + rng.normal(0, NOISE, (len(quality), 4))), 1, 5)
        for shift in (bias, bias + pull)
    )
    drafts = make_drafts(quality)[:, None]
    anchoring = compute_pull(bias, pull)
    assert anchoring.difference == pytest.approx((assisted - blind).mean(), abs=0.01)
    assert anchoring.nearer == pytest.approx((np.abs(blind - drafts) - np.abs(assisted - drafts)).mean(), abs=0.01)
    spreads = [scores.var(axis=1, ddof=1).mean() ** 0.5 for scores in (assisted, blind)]
    assert anchoring.spread_ratio == pytest.approx(spreads[0] / spreads[1], abs=0.01)


def test_the_document_has_every_cell() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(f"| {cell.name} |" in text for cell in (*CELLS, *PROMPT_CELLS))
    assert all(text.count(f"| {figure} |") >= len(CELLS) for figure in FIGURES)
