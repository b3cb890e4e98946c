"""Lists of people to invite, in the forms that spreadsheets and people write."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.raters.name_lists import MAX_ROWS, Invitee, ListRefused, read_names


def test_bad_rows_are_named_and_the_others_are_read() -> None:
    names = read_names(b"name,note\nAnn\n\nann\n" + b"x" * 99 + b"\nBo,night\n,nobody\n")
    assert names.people == [Invitee("Ann"), Invitee("Bo", "night")]
    assert [row for row, _ in names.problems] == [4, 5, 7]


@pytest.mark.parametrize(
    "text",
    [
        "Ann,red",
        "name,note\nAnn,red",
        "note,name\nred,Ann",
        "team,Name,age,Note\nx,Ann,3,red",
        "name;note\nAnn;red",
        "name\tnote\r\nAnn\tred\r\n",
        "name,note\rAnn,red\r",
        "\ufeffname,note\n\nAnn , red\n\n",
        'name,note\n"Ann","red"\n',
    ],
)
def test_one_person_is_read_however_the_list_is_saved(text: str) -> None:
    assert read_names(text.encode()).people == [Invitee("Ann", "red")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encodings_of_spreadsheets_are_known(encoding: str) -> None:
    assert read_names("name\nZoë\n".encode(encoding)).people == [Invitee("Zoë")]


def test_a_list_that_is_too_long_goes_in_up_to_the_bound() -> None:
    names = read_names("\n".join(f"person {number}" for number in range(MAX_ROWS + 2)).encode())
    assert len(names.people) == MAX_ROWS
    assert [row for row, _ in names.problems] == [MAX_ROWS + 1, MAX_ROWS + 2]


@given(st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=300))
@pytest.mark.parametrize("name", ["names.csv", "names.json", "names.jsonl", "names.parquet"])
def test_no_text_breaks_the_reader(name: str, sent: bytes) -> None:
    try:
        names = read_names(sent, name)
    except ListRefused:
        return
    assert all(0 < len(person.name) <= 60 and "\x00" not in person.name for person in names.people)


WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20).filter(
    lambda word: word.casefold() not in ("name", "note")
)


@given(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=20, unique_by=lambda pair: pair[0].casefold()))
def test_the_output_of_a_csv_writer_is_read_back(pairs: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("name", "note"), *pairs])
    assert read_names(text.getvalue().encode()).people == [Invitee(*pair) for pair in pairs]
