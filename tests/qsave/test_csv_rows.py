"""The one writer of CSV for people: letters that a spreadsheet reads rightly, and nothing that it runs."""

import ast
import csv
from io import StringIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from qsave.csv_rows import BYTE_ORDER_MARK, round_cell, write_csv
from qsave.spreadsheets import escape_cell

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "accounts", "operations", "annotation", "datasets", "modelassist", "qsave")
# A manifest, which only programs read, and the predictions of a run, which are escaped by the same rule.
OTHER_WRITERS = {"modelassist/services/simulation.py", "modelassist/engine/evaluation/predictions.py"}


def read_back(text: str) -> list[list[str]]:
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.reader(StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_the_file_starts_with_one_byte_order_mark_and_keeps_letters() -> None:
    text = "".join(write_csv(["name", "hours"], [["Žofie", 1.5], ["नीला", 2]]))
    assert text.encode("utf-8").startswith(b"\xef\xbb\xbfname,hours")
    assert text.count(BYTE_ORDER_MARK) == 1
    assert read_back(text) == [["name", "hours"], ["Žofie", "1.5"], ["नीला", "2"]]


def test_a_file_without_rows_has_its_header() -> None:
    assert read_back("".join(write_csv(["name"], []))) == [["name"]]


def test_text_that_a_spreadsheet_would_run_is_escaped() -> None:
    assert read_back("".join(write_csv(["a"], [["=1+1"]])))[1] == ["'=1+1"]


def test_numbers_stay_numbers() -> None:
    assert read_back("".join(write_csv(["a", "b", "c"], [[-1.25, -3, round_cell(-0.5, 4)]])))[1] == [
        "-1.25",
        "-3",
        "-0.5000",
    ]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=2, max_size=2)))
def test_every_text_is_read_back(rows: list[list[str]]) -> None:
    assert read_back("".join(write_csv(["a", "b"], rows)))[1:] == [[escape_cell(cell) for cell in row] for row in rows]


def test_no_other_module_writes_csv_for_people() -> None:
    writers = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"writer", "DictWriter"}
        if isinstance(node.value, ast.Name) and node.value.id == "csv"
    }
    assert writers == OTHER_WRITERS | {"qsave/csv_rows.py"}
