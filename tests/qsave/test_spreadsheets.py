"""Cells of CSV files that people open in a spreadsheet."""

import pytest

from qsave.spreadsheets import escape_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@sum", "\t=1", " =1", "  +1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠sum"]
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert escape_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "a dog = a friend", "1-2", "a@b", "'=1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert escape_cell(text) == text
