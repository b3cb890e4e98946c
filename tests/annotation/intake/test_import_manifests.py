"""The forms of a manifest; rows and manifests that cannot be read."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from annotation.models import Clip, Item
from qsave.tables.table import TableError
from tests.annotation import factories
from tests.annotation.intake.imports import list_media_files, make_row, run_import, write_csv

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_form_of_manifest_says_the_same(video_folder: Path, form: str) -> None:
    rows = [make_row(1, gold_visual=4.5, mood="calm"), make_row(2, gold_visual=2.0, mood="wild")]
    path = video_folder / f"manifest.{form}"
    if form in {"csv", "tsv"}:
        write_csv(path, rows, "," if form == "csv" else "\t")
    elif form == "json":
        path.write_text("\ufeff" + json.dumps(rows))
    elif form == "jsonl":
        path.write_text("\n".join(json.dumps(one) for one in rows) + "\n\n")
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    campaign = factories.make_campaign()

    report = run_import(path, campaign)

    assert report.problems == []
    items = Item.objects.order_by("clip__clip_id").values_list("clip__clip_id", "gold", "clip__metadata")
    assert list(items) == [("c1", {"visual": 4.5}, {"mood": "calm"}), ("c2", {"visual": 2.0}, {"mood": "wild"})]


def test_bad_rows_are_named_by_number_and_reason_and_the_others_are_imported(
    video_folder: Path, tmp_path: Path
) -> None:
    (video_folder / "v" / "empty.mp4").write_bytes(b"")
    (video_folder / "v" / "text.mp4").write_text("<html>no video</html>" * 20)
    (video_folder / "v" / "cut.mp4").write_bytes((video_folder / "v" / "1.mp4").read_bytes()[:700])
    (video_folder / "v" / "dir.mp4").mkdir()
    secret = factories.write_video(tmp_path / "secret.mp4", 200)
    (video_folder / "v" / "link.mp4").symlink_to(secret)
    (video_folder / "behind").symlink_to(tmp_path)
    bad = {
        "v/empty.mp4": "empty",
        "v/text.mp4": "not a video",
        "v/cut.mp4": "cut off",
        "v/dir.mp4": "not a file",
        "v/link.mp4": "symbolic link",
        "behind/secret.mp4": "symbolic link",
        "../secret.mp4": "leads out",
        "v/../../secret.mp4": "leads out",
        str(secret): "leads out",
        "C:\\secret.mp4": "leads out",
        "v/none.mp4": "does not exist",
        "https://example.org/1.mp4": "address",
        "": "video is empty",
    }
    rows = [make_row(1), *[make_row(9, clip_id=f"bad{n}", video=video) for n, video in enumerate(bad)]]
    rows += [
        make_row(2, prompt=" "),
        make_row(2, seed="one"),
        make_row(2, gold_visual="6"),
        make_row(2, generator="g" * 200),
        make_row(3),
    ]

    report = run_import(write_csv(video_folder / "m.csv", rows))

    reasons = {problem.row: problem.reason for problem in report.problems}
    assert report.added == 2
    assert sorted(reasons) == list(range(2, len(bad) + 6))
    for number, words in enumerate(bad.values(), start=2):
        assert words in reasons[number]
    last = [reasons[number] for number in range(len(bad) + 2, len(bad) + 6)]
    assert [reason.split()[0] for reason in last] == ["prompt", "seed", "gold_visual", "generator"]
    assert not any(str(video_folder) in reason for reason in reasons.values())
    assert len(list_media_files()) == 4  # two clips and two posters, and nothing of the rest


@pytest.mark.parametrize("gold", [True, [4], {"a": 4}, "4;5", "inf", 10**400, 0, "9" * 400])
def test_a_gold_that_is_no_score_costs_its_row(video_folder: Path, gold: object) -> None:
    (video_folder / "m.json").write_text(json.dumps([make_row(1, gold_dynamic=gold), make_row(2, gold_dynamic=4)]))
    report = run_import(video_folder / "m.json")
    assert report.added == 1
    assert [problem.reason.split()[0] for problem in report.problems] == ["gold_dynamic"]


def test_a_row_with_too_many_cells_or_an_open_quote_is_one_bad_row(video_folder: Path) -> None:
    manifest = video_folder / "m.csv"
    prompt = factories.make_prompt(2)
    manifest.write_text(
        f'video,prompt,generator\nv/1.mp4,a dog, running,toy\nv/2.mp4,{prompt},toy\nv/3.mp4,"open,toy\n'
    )

    report = run_import(manifest)

    assert report.added == 1
    assert [problem.row for problem in report.problems] == [1, 3]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.csv", b"file,prompt,generator\na,b,c\n", "lacks the column video"),
        ("m.csv", b"video,prompt,generator,prompt\na,b,c,d\n", "twice"),
        ("m.csv", b"", "no rows"),
        ("m.csv", b"video,prompt,generator\n", "no rows"),
        ("m.json", b"{}", "one list"),
        ("m.json", b"[" * 100_000, "cannot be read as JSON"),
        ("m.parquet", b"PAR1 not really", "cannot be read as Parquet"),
        ("m.xlsx", b"", "must end in"),
    ],
)
def test_an_invalid_manifest_is_refused_with_what_it_needs(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(TableError, match=words):
        run_import(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ("Video;Prompt;Generator;Seed;;\nv/1.mp4;{prompt};toy;42,0;;\n;;;;;\n", ("42", "")),
        ("video\tprompt\tgenerator\tseed\tclip_id\nv/1.mp4\t{prompt}\ttoy\t1e5\t7.0\n", ("100000", "7")),
        ("video,prompt,generator,seed,clip_id\nv/1.mp4,{prompt},2.0,18446744073709551615,7\n", (str(2**64 - 1), "7")),
        ("sep=;\nvideo;prompt;generator;seed;clip_id\nv/1.mp4;{prompt};toy;NaN;007\n", ("", "007")),
        ("video,prompt,generator,seed,clip_id\nv/1.mp4,{prompt},toy,-9223372036854775808,a\n", (str(-(2**63)), "a")),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_manifest_is_read_as_pandas_and_excel_write_it(
    video_folder: Path, content: str, cells: tuple[str, str], encoding: str
) -> None:
    manifest = video_folder / "m.csv"
    manifest.write_bytes(content.format(prompt="Füchse im Schnee").encode(encoding))

    report = run_import(manifest, factories.make_campaign())

    assert report.problems == []
    clip = Clip.objects.get()
    assert (clip.seed, clip.prompt) == (cells[0], "Füchse im Schnee")
    assert not cells[1] or clip.clip_id == cells[1]
    assert clip.generator == ("2.0" if ",2.0," in content else "toy")


def test_a_parquet_manifest_with_dates_and_bytes_is_imported(video_folder: Path) -> None:
    pandas_time = datetime(2026, 1, 2, 10, 20)  # noqa: DTZ001 - pandas writes times without a zone
    row = make_row(1, clip_id=7.0, made=pandas_time, cost=Decimal("1.50"), thumbnail=b"\x89PNG")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), video_folder / "m.parquet")

    report = run_import(video_folder / "m.parquet", factories.make_campaign())

    assert (report.problems, Clip.objects.get().clip_id) == ([], "7")
    assert Clip.objects.get().metadata == {"made": "2026-01-02 10:20:00.000000", "cost": "1.50"}
    assert report.warnings[0] == "The column thumbnail holds bytes, which are left out."


@pytest.mark.parametrize("seed", ["4.5", "18446744073709551616", "-9223372036854775809", "1e400"])
def test_a_seed_that_no_generator_takes_costs_its_row(video_folder: Path, seed: str) -> None:
    report = run_import(write_csv(video_folder / "m.csv", [make_row(1, seed=seed), make_row(2, seed="")]))
    assert report.added == 1
    assert [problem.reason.split()[0] for problem in report.problems] == ["seed"]


def test_a_manifest_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        run_import(tmp_path / "none.csv")
