"""MOS as CSV that is safe to open in a spreadsheet: one line a clip, three axes beside each other."""

import csv
from collections.abc import Iterator
from io import StringIO

from annotation.models import Campaign
from annotation.reads.agreement import MosRow, mos_rows
from qsave.axes import AXES
from qsave.statistics.figures import Figure, Undefined

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
FIGURES = ("mos", "n", "sd", "se", "low", "high")
HEADER = ["clip_id", "generator", "split", "prompt", *[f"{axis}_{figure}" for axis in AXES for figure in FIGURES]]


def mos_csv(campaign: Campaign) -> Iterator[str]:
    """The lines, header first. An undefined figure is an empty cell; screened raters are left out."""
    yield _line(HEADER)
    for row in mos_rows(campaign):
        yield _line(_cells(row))


def safe_cell(text: str) -> str:
    """`text`, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_SIGNS) else text


def _cells(row: MosRow) -> list[str]:
    cells = [safe_cell(row.clip_id), safe_cell(row.generator), row.split, safe_cell(row.prompt)]
    for axis in AXES:
        mos = row.mos.get(axis)
        if mos is None:
            cells += [""] * len(FIGURES)
        else:
            cells += [_number(mos.mos), str(mos.n), *map(_number, (mos.sd, mos.se, mos.low, mos.high))]
    return cells


def _number(value: Figure) -> str:
    return "" if isinstance(value, Undefined) else f"{value:.4f}"


def _line(cells: list[str]) -> str:
    text = StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
