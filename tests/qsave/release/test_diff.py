"""The differences of two release folders: every row that differs is found, whatever the order of ids."""

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.services.records import ClipRecord
from qsave.release.__main__ import main
from qsave.release.diff import Action, Kind, compare_rows
from qsave.release.diff_summary import Summary, list_moves, measure_move, summarise
from qsave.release.diff_text import CSV_HEADER, OTHER_PSEUDONYMS, render_summary, write_changes
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import encode_manifest, hash_file
from qsave.splits import SPLITS
from tests.datasets.records import clip, rating, release

CLIPS = (
    clip("a", rating("ann", 2), rating("bob", 3)),
    clip("b", rating("ann", 5), rating("ann", 4, kind="repeat")),
    clip("c", rating("ann", 4), split="test", generator="toy-2"),
)


def make_pair(folder: Path, before: list[ClipRecord], after: list[ClipRecord]) -> tuple[Path, Path]:
    release(folder / "before", before)
    release(folder / "after", after)
    return folder / "before", folder / "after"


def count(summary: Summary) -> dict[str, tuple[int, ...]]:
    return {kind.value: tuple(summary.counts[kind][action] for action in Action) for kind in Kind}


@pytest.mark.parametrize(
    ("after", "counts", "columns"),
    [
        (CLIPS, {"clip": (0, 0, 0), "rating": (0, 0, 0), "target": (0, 0, 0)}, {}),
        (CLIPS[:2], {"clip": (0, 1, 0), "rating": (0, 1, 0), "target": (0, 3, 0)}, {}),
        (
            (clip("A", rating("ann", 1)), *CLIPS),
            {"clip": (1, 0, 0), "rating": (1, 0, 0), "target": (3, 0, 0)},
            {},
        ),
        (
            (replace(CLIPS[0], prompt="another prompt"), *CLIPS[1:]),
            {"clip": (0, 0, 1), "rating": (0, 0, 0), "target": (0, 0, 0)},
            {"video_prompt": 1},
        ),
        (
            (CLIPS[0], clip("b", rating("ann", 5), rating("ann", 1, kind="repeat")), CLIPS[2]),
            {"clip": (0, 0, 0), "rating": (0, 0, 1), "target": (0, 0, 0)},
            {"visual_score": 1, "dynamic_score": 1, "alignment_score": 1},
        ),
        (
            (CLIPS[0], clip("b", rating("ann", 5, kind="earlier"), rating("ann", 4)), CLIPS[2]),
            {"clip": (0, 0, 0), "rating": (0, 0, 2), "target": (0, 0, 3)},
            {"kind": 2, "counted": 2, "mos": 3},
        ),
    ],
    ids=["equal", "a clip less", "a clip more", "a prompt", "the second rating of a rater", "a replaced clip"],
)
def test_each_kind_of_row_is_compared_by_its_key(
    tmp_path: Path, after: tuple[ClipRecord, ...], counts: dict[str, tuple[int, ...]], columns: dict[str, int]
) -> None:
    summary = summarise(*make_pair(tmp_path, list(CLIPS), list(after)))
    assert count(summary) == counts
    changed = {name: number for counter in summary.changed_columns.values() for name, number in counter.items()}
    assert columns.items() <= changed.items()
    assert summary.is_empty is (counts == {"clip": (0, 0, 0), "rating": (0, 0, 0), "target": (0, 0, 0)})
    assert json.loads(json.dumps(summary.to_json()))["counts"]["clip"]["added"] == counts["clip"][0]


def test_targets_that_moved_are_listed_with_the_largest_move_first(tmp_path: Path) -> None:
    before = [clip(f"c{number}", rating("ann", 3)) for number in range(4)]
    after = [clip(f"c{number}", rating("ann", score)) for number, score in enumerate((3, 4, 1, 4))]
    folders = make_pair(tmp_path, before, after)
    moves = summarise(*folders).moves["visual"]
    assert [(move.clip_id, move.distance) for move in moves.largest] == [("c2", -2), ("c1", 1), ("c3", 1)]
    assert (moves.count, moves.mean, dict(moves.histogram)) == (3, 0, {-2.0: 1, 1.0: 2})
    listed = list_moves(compare_rows(*folders, Kind.TARGET), 4)
    assert [(change.key.clip_id, measure_move(change)) for change in listed] == [*[("c2", -2)] * 3, ("c1", 1)]


def test_a_clip_that_moved_to_another_split_is_a_warning(tmp_path: Path) -> None:
    folders = make_pair(tmp_path, list(CLIPS), [replace(CLIPS[0], split="val"), *CLIPS[1:]])
    summary = summarise(*folders)
    assert (summary.split_moves, summary.moved_clips) == (1, [("a", "train", "val")])
    assert "WARNING: 1 clip moved to another split" in "\n".join(render_summary(summary))
    assert "WARNING" not in "\n".join(render_summary(summarise(folders[0], folders[0])))


def test_other_pseudonyms_policies_generators_and_columns_are_named(tmp_path: Path) -> None:
    after = [clip("a", rating("x1", 2)), clip("b", rating("x2", 5), generator="toy-3")]
    folders = make_pair(tmp_path, list(CLIPS), after)
    drop_column(folders[0], "guideline_version")
    manifest = json.loads((folders[0] / "manifest.json").read_bytes())
    manifest["policies"]["seed"] = "7"
    (folders[0] / "manifest.json").write_bytes(encode_manifest(manifest))
    summary = summarise(*folders)
    assert summary.generators == {"toy-1": (2, 1), "toy-2": (1, None), "toy-3": (None, 1)}
    assert summary.policies["seed"][0] == "7"
    assert summary.columns == {"ratings.parquet": ([], ["guideline_version"])}
    assert OTHER_PSEUDONYMS in list(render_summary(summary))


def drop_column(folder: Path, name: str) -> None:
    """Write ratings.parquet as a version wrote it that did not have this column."""
    write_table(folder, "ratings.parquet", pq.read_table(folder / "ratings.parquet").drop_columns([name]))


def write_table(folder: Path, name: str, table: pa.Table) -> None:
    pq.write_table(table, folder / name)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = {"sha256": hash_file(folder / name), "bytes": (folder / name).stat().st_size}
    (folder / "manifest.json").write_bytes(encode_manifest(manifest))


def reverse_rows(folder: Path) -> None:
    table = pq.read_table(folder / "clips.parquet")
    write_table(folder, "clips.parquet", table.take(list(reversed(range(table.num_rows)))))


def garble(folder: Path) -> None:
    path = folder / "clips.parquet"
    path.write_bytes(b"x" * path.stat().st_size)


def make_earlier_format(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(encode_manifest(manifest | {"format": "qsave-release/1"}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "is not a release"),
        (make_earlier_format, "earlier format"),
        (lambda folder: (folder / "targets.parquet").unlink(), "targets.parquet is missing"),
        (lambda folder: (folder / "ratings.parquet").write_bytes(b""), "changed after the release was frozen"),
        (garble, "clips.parquet: The file is damaged"),
        (reverse_rows, "clip b is not in its place"),
        (lambda folder: drop_column(folder, "clip_id"), "ratings.parquet: The file is damaged"),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_a_folder_that_cannot_be_read_is_an_error_that_names_it(
    tmp_path: Path, damage: Callable[[Path], None], message: str, side: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = make_pair(tmp_path, list(CLIPS), list(CLIPS))
    damage(folders[side])
    with pytest.raises(ReleaseError, match=message) as error:
        summarise(*folders)
    assert str(folders[side]) in str(error.value)


def test_the_command_prints_the_summary_and_writes_every_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(folder) for folder in make_pair(tmp_path, list(CLIPS), [clip("a", rating("ann", 4)), *CLIPS[2:]])]
    monkeypatch.setattr(sys, "argv", ["release", "diff", *folders, "--csv", str(tmp_path / "all.csv")])
    main()
    printed = capsys.readouterr().out
    assert "clips: 0 added, 1 removed, 0 changed" in printed
    assert "a: 2.50 -> 4.00 (+1.50)" in printed
    rows = list(csv.DictReader(StringIO((tmp_path / "all.csv").read_text("utf-8-sig"))))
    assert {"kind": "clip", "change": "removed", "clip_id": "b"}.items() <= rows[0].items()
    assert {(row["axis"], row["before"], row["after"]) for row in rows if row["column"] == "mos"} == {
        (axis, "2.5", "4.0") for axis in ("visual", "dynamic", "alignment")
    }
    monkeypatch.setattr(sys, "argv", ["release", "diff", folders[0], str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit, match="is not a release"):
        main()


raters = st.lists(
    st.builds(rating, st.sampled_from("abc"), st.integers(1, 5)),
    min_size=1,
    max_size=2,
    unique_by=lambda one: one.rater,
).map(lambda ratings: sorted(ratings, key=lambda one: one.rater))
records = st.builds(
    lambda clip_id, ratings, split: clip(clip_id, *ratings, split=split),
    st.text("aB\u00e9\U0001f600-", min_size=1, max_size=2),
    raters,
    st.sampled_from(SPLITS),
)
releases = st.lists(records, max_size=3, unique_by=lambda record: record.clip_id).map(
    lambda rows: [clip("first", rating("a", 3)), *rows]
)


@settings(max_examples=10)
@given(releases, releases)
def test_it_finds_what_a_comparison_in_memory_finds(before: list[ClipRecord], after: list[ClipRecord]) -> None:
    with TemporaryDirectory() as root:
        folders = make_pair(Path(root), before, after)
        for kind, columns in ((Kind.CLIP, ("id",)), (Kind.TARGET, ("clip_id", "axis"))):
            old, new = (
                {
                    tuple(row[name] for name in columns): row
                    for row in pq.read_table(folder / f"{kind.value}s.parquet").to_pylist()
                }
                for folder in folders
            )
            expected = {(key, "removed") for key in old.keys() - new.keys()}
            expected |= {(key, "added") for key in new.keys() - old.keys()}
            expected |= {(key, "changed") for key in old.keys() & new.keys() if old[key] != new[key]}
            changes = compare_rows(*folders, kind)
            assert {
                ((one.key.clip_id, one.axis) if one.axis else (one.key.clip_id,), one.action.value) for one in changes
            } == expected
        lines = list(
            csv.reader("".join(write_changes(compare_rows(*folders, Kind.RATING))).lstrip("\ufeff").splitlines())
        )
        assert all(len(line) == len(CSV_HEADER) for line in lines)
