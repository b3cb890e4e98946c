"""One reader takes tables as pandas, Excel and generators write them."""

import csv
import io
import json
import tracemalloc
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qsave.tables.reader import read_table
from qsave.tables.table import Columns, Row, Table, TableError

CLIPS = Columns(known=("video", "prompt", "generator", "seed", "clip_id"), required=("video", "prompt", "generator"))
NAMES = Columns(known=("name", "note"), default=("name", "note"))
ROW = {"video": "a.mp4", "prompt": "a fox", "generator": "sora"}


def read(content: str | bytes, name: str = "clips.csv", columns: Columns = CLIPS) -> list[Row]:
    return list(open_table(content, name, columns).rows)


def open_table(content: str | bytes, name: str = "clips.csv", columns: Columns = CLIPS) -> Table:
    return read_table(io.BytesIO(content.encode() if isinstance(content, str) else content), name, columns)


def read_cells(content: str | bytes, name: str = "clips.csv", columns: Columns = CLIPS) -> list[dict[str, object]]:
    rows = read(content, name, columns)
    assert not [row.problem for row in rows if row.problem]
    return [dict(row.cells) for row in rows]


@pytest.mark.parametrize(
    "content",
    [
        "video,prompt,generator\na.mp4,a fox,sora\n",
        "video;prompt;generator\na.mp4;a fox;sora\n",
        "video\tprompt\tgenerator\na.mp4\ta fox\tsora\n",
        "sep=;\nvideo;prompt;generator\na.mp4;a fox;sora\n",
        "SEP=\t\r\nvideo\tprompt\tgenerator\r\na.mp4\ta fox\tsora\r\n",
        "\n\n  \nvideo,prompt,generator\n\na.mp4,a fox,sora\n,,\n",
        "Video, Prompt ,GENERATOR\na.mp4,a fox,sora\n",
        "video,prompt,generator,,\na.mp4,a fox,sora,,\n",
        ",video,prompt,generator\n0,a.mp4,a fox,sora\n",
        "video,prompt,generator\na.mp4,a fox,sora,,\n",
        'video,prompt,generator\n"a.mp4","a fox","sora"',
        "video,prompt,generator\ra.mp4,a fox,sora\r",
        "\ufeffvideo,prompt,generator\na.mp4,a fox,sora\n",
    ],
)
@pytest.mark.parametrize("name", ["clips.csv", "CLIPS.TSV", "clips.txt"])
def test_separated_cells_are_read_as_spreadsheets_write_them(content: str, name: str) -> None:
    assert read_cells(content, name) == [ROW]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_encoding_of_a_spreadsheet_is_read(encoding: str, separator: str) -> None:
    text = f"video{separator}prompt{separator}generator\nklein.mp4{separator}Füchse im Schnee{separator}Žofie\n"
    assert read_cells(text.encode(encoding)) == [
        {"video": "klein.mp4", "prompt": "Füchse im Schnee", "generator": "Žofie"}
    ]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=8)


@given(
    rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    headings=st.permutations(["Video", "prompt", "GENERATOR"]),
)
def test_what_a_writer_of_csv_writes_comes_back(
    rows: list[tuple[str, str, str]], separator: str, encoding: str, headings: list[str]
) -> None:
    assume(all(any(cell.strip() for cell in row) for row in rows))
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([headings, *rows])
    expected = [dict(zip([heading.lower() for heading in headings], row, strict=True)) for row in rows]
    assert read_cells(text.getvalue().encode(encoding)) == expected


@pytest.mark.parametrize(
    ("row", "lines"),
    [('"a.mp4,a fox,sora', "2 to 5"), ('a.mp4,"a fox,sora', "2 to 5"), ('a.mp4,a fox,"sora', "2 to 5")],
)
def test_an_open_quote_names_the_rows_that_went_with_it(row: str, lines: str) -> None:
    rows = read(f"video,prompt,generator\n{row}\nb.mp4,b,sora\nc.mp4,c,sora\nd.mp4,d,sora")
    assert [(each.number, each.line) for each in rows] == [(1, 2)]
    assert "lines 2 to 5 could not be read" in rows[0].problem


def test_an_open_quote_that_a_later_row_closes_costs_the_rows_between() -> None:
    rows = read('video,prompt,generator\na.mp4,"a fox,sora\nb.mp4,b,sora\nc.mp4,"c",sora\nd.mp4,d,sora\n')
    assert "lines 2 to 4" in rows[0].problem
    assert [row.cells.get("video") for row in rows[1:]] == ["d.mp4"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("b.mp4,a fox, red,sora", "The row has 4 cells, but the heading has 3."),
        ("b.mp4,a fox", "The row has 2 cells, but the heading has 3."),
        ('b.mp4,"a "red" fox",sora', "The row is malformed"),
        (b"b.mp4,a f\xf6x,sora", "The row is not UTF-8 text."),
        ("b.mp4," + '"' + "x" * 140_000 + '"' + ",sora", "The row is malformed: field larger"),
    ],
)
def test_one_bad_row_costs_itself(line: str | bytes, problem: str) -> None:
    bad = line.encode() if isinstance(line, str) else line
    good = "c.mp4,ein Füchslein,sora".encode()
    rows = read(b"\n".join([b"video,prompt,generator", b"a.mp4,a fox,sora", bad, good]))
    assert [row.cells.get("video") for row in rows] == ["a.mp4", None, "c.mp4"]
    assert rows[1].problem.startswith(problem)
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.line for row in rows] == [2, 3, 4]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "has no rows"),
        (" \n\n", "has no rows"),
        ("video,prompt\na.mp4,x\n", "lacks the column generator"),
        ("nothing of the kind", "lacks the column video and prompt and generator"),
        ("video,prompt,generator,Video\n", "has the column video twice"),
        ("video,prompt,generator,x,x\n", "has the column x twice"),
        ('"video,prompt,generator\n', "the heading is not a row"),
        ("x" * 200_000, "the heading is not a row of a table: field larger"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content: str | bytes, problem: str) -> None:
    with pytest.raises(TableError, match=problem):
        read(content)


@pytest.mark.parametrize("name", ["clips.csv", "clips.txt", "clips.json", "clips.jsonl", "clips.parquet"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"PK\x03\x04\x14\0\x06\0", "a zip archive or an Excel workbook"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        (b"\xef\xbb\xbf<html>", "a web page"),
        (bytes(5000), "a file of zero bytes"),
    ],
)
def test_a_file_of_another_kind_is_named_whatever_its_ending(name: str, content: bytes, kind: str) -> None:
    with pytest.raises(TableError, match=f"{name} is {kind}, not a table"):
        read(content, name)


def test_a_parquet_file_under_another_name_is_to_be_renamed() -> None:
    with pytest.raises(TableError, match="is a Parquet file"):
        read(b"PAR1", "clips.csv")


@pytest.mark.parametrize("name", ["clips.xlsx", "clips", ".csv", "clips.csv.gz"])
def test_another_ending_is_refused_with_those_that_are_read(name: str) -> None:
    with pytest.raises(TableError, match=r"must end in \.csv, \.tsv"):
        open_table("video,prompt,generator\n", name)


@pytest.mark.parametrize(
    "value",
    [
        [ROW],
        {"clips": [ROW], "version": 2},
        {"columns": ["video", "prompt", "generator"], "index": [0], "data": [["a.mp4", "a fox", "sora"]]},
        {"video": {"0": "a.mp4"}, "prompt": {"0": "a fox"}, "generator": {"0": "sora"}},
        [{"Video": "a.mp4", "PROMPT": "a fox", "Generator": "sora"}],
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_read_in_the_forms_that_pandas_writes(value: object, encoding: str) -> None:
    assert read_cells(json.dumps(value).encode(encoding), "clips.json") == [ROW]


@pytest.mark.parametrize("name", ["clips.jsonl", "clips.ndjson", "clips.json"])
def test_lines_of_json_are_read_and_one_bad_line_costs_itself(name: str) -> None:
    lines = [json.dumps(ROW), "", '["a"]', "{", json.dumps({**ROW, "video": "b\u2028.mp4"}, ensure_ascii=False)]
    rows = read("\r\n".join(lines), name)
    assert [(row.number, row.line) for row in rows] == [(1, 1), (2, 3), (3, 4), (4, 5)]
    assert [row.cells.get("video") for row in rows] == ["a.mp4", None, None, "b\u2028.mp4"]
    assert rows[1].problem == "The row must be an object, got a list."
    assert rows[2].problem.startswith("The row is not JSON: ")


@pytest.mark.parametrize(
    ("content", "problem"),
    [("", "has no rows|cannot be read"), ("[]", "no rows"), ("3", "got a number"), ("{}", "object"), ("[{]", "JSON")],
)
@pytest.mark.parametrize("name", ["clips.json"])
def test_other_json_is_refused(content: str, problem: str, name: str) -> None:
    with pytest.raises(TableError, match=problem):
        read(content, name)


def write_parquet(columns: dict[str, object]) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def test_parquet_values_that_json_lacks_become_text_and_bytes_are_left_out() -> None:
    moment = datetime(2026, 1, 2, 10, 20, 30, tzinfo=UTC)
    content = write_parquet(
        {
            "Video": ["a.mp4", "b.mp4"],
            "prompt": pyarrow.array(["a fox", "a hen"]).dictionary_encode(),
            "generator": ["sora", "wan"],
            "seed": pyarrow.array([2**64 - 1, None], pyarrow.uint64()),
            "made": pyarrow.array([moment, None], pyarrow.timestamp("ns", tz="UTC")),
            "local": pyarrow.array([moment.replace(tzinfo=None), None]),
            "day": [date(2026, 1, 2), None],
            "at": [time(10, 20), None],
            "cost": [Decimal("1.50"), None],
            "took": [timedelta(seconds=3), None],
            "thumbnail": [b"\x89PNG", b""],
            "nested": [{"when": date(2026, 1, 2), "raw": b"x"}, None],
            "times": pyarrow.array([[1], None], pyarrow.list_(pyarrow.timestamp("ns"))),
            "__index_level_0__": [0, 1],
        }
    )
    table = open_table(content, "clips.parquet")
    first, second = table.rows
    assert table.notes == ("The column thumbnail holds bytes, which are left out.",)
    assert first.cells == {
        **ROW,
        "seed": 2**64 - 1,
        "made": "2026-01-02 10:20:30.000000000Z",
        "local": "2026-01-02 10:20:30.000000",
        "day": "2026-01-02",
        "at": "10:20:00.000000",
        "cost": "1.50",
        "took": "3000000 us",
        "nested": {"when": "2026-01-02", "raw": None},
        "times": first.cells["times"],
    }
    json.dumps(dict(first.cells))
    assert (second.number, second.cells["video"], second.cells["seed"], second.cells["made"]) == (
        2,
        "b.mp4",
        None,
        None,
    )


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"not parquet at all"])
def test_a_damaged_parquet_file_is_refused(damage: bytes) -> None:
    with pytest.raises(TableError, match=r"clips\.parquet cannot be read as Parquet"):
        read(damage, "clips.parquet")


def test_a_parquet_file_that_ends_early_is_refused() -> None:
    content = write_parquet({name: [f"{name} {n}" for n in range(5000)] for name in ("video", "prompt", "generator")})
    with pytest.raises(TableError, match="Parquet"):
        read(content[: len(content) // 2], "clips.parquet")
    middle = bytearray(content)
    middle[len(middle) // 3 : len(middle) // 3 + 4000] = b"\xff" * 4000
    with pytest.raises(TableError, match="Parquet"):
        read(bytes(middle), "clips.parquet")


@pytest.mark.parametrize(
    ("content", "people"),
    [
        ("Ann\nBob\n", [("Ann", ""), ("Bob", "")]),
        ("Ann,team 1\nBob\n", [("Ann", "team 1"), ("Bob", "")]),
        ("name;note\nAnn;team 1\nBob\n", [("Ann", "team 1"), ("Bob", "")]),
        ("Note\tName\nteam 1\tAnn\n", [("Ann", "team 1")]),
        ("Ann\tteam 1\nBob\tteam 2", [("Ann", "team 1"), ("Bob", "team 2")]),
    ],
)
def test_a_table_with_default_columns_needs_no_heading(content: str, people: list[tuple[str, str]]) -> None:
    rows = read_cells(content, "names.csv", NAMES)
    assert [(row.get("name", ""), row.get("note", "")) for row in rows] == people


@pytest.mark.parametrize("name", ["clips.csv", "clips.jsonl", "clips.parquet"])
def test_a_long_table_takes_no_more_memory_than_a_few_rows(name: str) -> None:
    count, prompt = 20_000, "a fox runs through deep snow " * 5
    if name == "clips.parquet":
        content = write_parquet({column: [f"{prompt} {n}" for n in range(count)] for column in ROW})
    else:
        line = json.dumps({**ROW, "prompt": prompt}) if name == "clips.jsonl" else f"a.mp4,{prompt},sora"
        content = "\n".join(["video,prompt,generator"] * (name == "clips.csv") + [line] * count).encode()
    file = io.BytesIO(content)
    del content
    tracemalloc.start()
    assert sum(not row.problem for row in read_table(file, name, CLIPS).rows) == count
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_500_000  # the rows take more than 10 MB
