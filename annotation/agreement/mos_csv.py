"""MOS as CSV: one line per clip, with the three axes."""

from collections.abc import Iterator

from annotation.agreement.mos_rows import MosRow, read_mos_rows
from annotation.models import Campaign
from qsave.axes import AXES
from qsave.csv_rows import Cell, round_cell, write_csv
from qsave.statistics.figures import Figure, Undefined

FIGURES = ("mos", "n", "blind_n", "sd", "se", "low", "high", "corrected", "corrected_low", "corrected_high")
HEADER = ["clip_id", "generator", "split", "prompt", *[f"{axis}_{figure}" for axis in AXES for figure in FIGURES]]


def write_mos_csv(campaign: Campaign) -> Iterator[str]:
    """Yield the lines, header first, without screened raters. An undefined figure is an empty cell."""
    return write_csv(HEADER, (_make_cells(row) for row in read_mos_rows(campaign)))


def _make_cells(row: MosRow) -> list[Cell]:
    cells: list[Cell] = [row.clip_id, row.generator, row.split, row.prompt]
    for axis in AXES:
        if axis in row.mos:
            mos, corrected = row.mos[axis], row.corrected[axis]
            cells += [_make_number_cell(mos.mos), mos.n, row.blind[axis]]
            cells += map(
                _make_number_cell, (mos.sd, mos.se, mos.low, mos.high, corrected.mos, corrected.low, corrected.high)
            )
        else:
            cells += [""] * len(FIGURES)
    return cells


def _make_number_cell(value: Figure) -> Cell:
    return "" if isinstance(value, Undefined) else round_cell(value, 4)
