"""Cells are read as pandas, Excel and JSON write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsave.tables.values import is_blank, parse_number, parse_whole_number, write_name


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (42, 42), ("42", 42), (" 42 ", 42), (42.0, 42), ("42.0", 42), ("42,0", 42), ("4.2e1", 42), ("1e5", 100_000),
        (-7, -7), ("-7.0", -7), (18446744073709551615, 2**64 - 1), ("18446744073709551615", 2**64 - 1),
        (None, None), ("", None), ("  ", None), (math.nan, None), ("NaN", None), ("nan", None), ("None", None),
        ("null", None), ("<NA>", None),
    ],
)  # fmt: skip
def test_whole_numbers_are_read_exactly(cell: object, number: int | None) -> None:
    assert parse_whole_number(cell) == number


@pytest.mark.parametrize(
    "cell",
    ["4.5", 4.5, "x", "1e999999999", "1e-999999999", "9" * 50, math.inf, "inf", True, [4], {"a": 1}, "1_000", b"4"],
)
def test_what_is_no_whole_number_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match=r"^not a "):
        parse_whole_number(cell)


@given(st.integers(-(2**64), 2**64))
def test_every_whole_number_comes_back_from_every_way_to_write_it(number: int) -> None:
    assert {parse_whole_number(cell) for cell in (number, str(number), f"{number}.0", f" {number} ")} == {number}


@pytest.mark.parametrize(
    ("cell", "number"), [("3,5", 3.5), ("3.5", 3.5), (3.5, 3.5), (3, 3.0), ("", None), ("nan", None)]
)
def test_numbers_have_a_point_or_a_comma(cell: object, number: float | None) -> None:
    assert parse_number(cell) == number


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        (7, "7"),
        (7.0, "7"),
        ("7.0", "7"),
        ("7", "7"),
        ("07", "07"),
        ("v7.0", "v7.0"),
        ("7.5", "7.5"),
        (7.5, 7.5),
        (1e22, "1" + "0" * 22),
    ],
)
def test_names_written_as_numbers_are_their_digits(cell: object, name: object) -> None:
    assert write_name(cell) == name


def test_blank_cells() -> None:
    assert all(map(is_blank, [None, "", " \t", math.nan]))
    assert not any(map(is_blank, [0, "0", False, [], "NaN"]))
