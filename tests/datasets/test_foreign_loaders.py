"""Other people's loaders open a release. Each runs in a separate process outside of the checkout, because our package
`datasets` would hide the library of that name."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from datasets.services.records import RatingRecord
from qsave.report_card import Box, Evidence, TimeRange
from qsave.splits import SPLITS
from tests.datasets.records import clip, rating, release

HUGGING_FACE = """
import datasets
loaded = {kind: datasets.load_dataset(folder, kind, cache_dir=cache) for kind in kinds}
answer = {kind: {split: rows.num_rows for split, rows in found.items()} for kind, found in loaded.items()}
tables = [f"{folder}/{name}.parquet" for name in ("clips", "ratings", "targets")]
loaded_tables = [datasets.load_dataset("parquet", data_files=path, cache_dir=cache) for path in tables]
answer["tables"] = [table["train"].num_rows for table in loaded_tables]
answer["features"] = sorted({str(rows.features) for kind in ("sft",) for rows in loaded[kind].values()})
answer["first"] = loaded["sft"]["train"][0]
"""
PLAIN_JSON = """
import datasets, pandas, pyarrow.json
answer = {}
for kind, names in files.items():
    paths = {split: f"{folder}/{name}" for split, name in names.items()}
    for order in (paths, dict(reversed(paths.items()))):
        found = datasets.load_dataset("json", data_files=order, cache_dir=f"{cache}-{kind}-{list(order)[0]}")
        types = {str(rows.features) for rows in found.values()}
        assert len(types) == 1 and "null" not in types.pop(), found
    schemas = [pyarrow.json.read_json(path).schema for path in paths.values()]
    assert all(schema == schemas[0] for schema in schemas), schemas
    frames = [pandas.read_json(path, lines=True) for path in paths.values()]
    assert all(frame.notna().all(axis=None) for frame in frames)
    answer[kind] = {split: rows.num_rows for split, rows in found.items()}
"""
ARROW = """
import pyarrow.dataset as ds, pyarrow.json, pyarrow.parquet as pq
answer = {name: pq.read_table(f"{folder}/{name}.parquet").num_rows for name in ("clips", "ratings", "targets")}
answer["sft"] = pyarrow.json.read_json(f"{folder}/sft/train.jsonl").num_rows
"""


def load(code: str, folder: Path, **names: Any) -> Any:
    """What `code` leaves in `answer`, run by a fresh interpreter that does not see the checkout."""
    values = {"folder": str(folder), "cache": str(folder.parent / "cache")} | names
    program = f"import json\nglobals().update({values!r})\n{code}\nprint(json.dumps(answer))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=folder.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release in which val has no evidence at all, whose types must not differ for that."""
    release(
        tmp_path / "a",
        [
            clip("t1", rating("ann", 2, defects=["blur"]), rating("bob", 2, defects=["blur"])),
            clip("t2", rating("ann", 5), rating("bob", 1)),
            clip("v1", rating("ann", 4), split="val"),
            clip("e1", rating("ann", 3), split="test"),
        ],
    )
    return tmp_path / "a"


def test_hugging_face_opens_it_with_the_splits_of_the_card(folder: Path) -> None:
    answer = load(HUGGING_FACE, folder, kinds=["sft", "rl", "cooldown"])
    assert answer["sft"] == answer["rl"] == {"train": 2, "val": 1, "test": 1}
    assert answer["cooldown"] == {"train": 1}
    assert answer["tables"] == [4, 6, 12]
    assert len(answer["features"]) == 1
    target = answer["first"]["targets"]["visual"]
    assert json.loads(target["defects"]) == ["blur"]
    assert json.loads(target["evidence"]) == [{"defect": "blur", "time": None, "box": None}]
    assert all(isinstance(text, str) for text in answer["first"]["task"].values())


def test_hugging_face_opens_a_release_without_val_test_or_cool_down(tmp_path: Path) -> None:
    release(tmp_path / "a", [clip("t1", rating("ann", 2))])
    assert load(HUGGING_FACE, tmp_path / "a", kinds=["sft", "rl"])["sft"] == {"train": 1}


@pytest.mark.parametrize("marked", ["val", "train"])
def test_types_do_not_depend_on_what_a_split_holds(tmp_path: Path, marked: str) -> None:
    """Times, boxes, defects and reasons in one split alone: loaders that infer types read the others all the same."""
    piece = Evidence("blur", TimeRange(0.5, 1.0), Box(0.1, 0.2, 0.3, 0.4))
    records = []
    for split in SPLITS:
        plain = [rating(name, 3, reason="") for name in ("ann", "bob")]
        if split == marked:
            plain = [with_evidence(one, piece) for one in plain]
        records += [clip(f"{split}{number}", *plain, split=split) for number in range(2)]
    release(tmp_path / "a", records)
    held_out = {"train": "train", "validation": "val", "test": "test"}
    files = {kind: {name: f"{kind}/{split}.jsonl" for name, split in held_out.items()} for kind in ("sft", "rl")}
    # the cool-down has no other splits of its own; it is laid beside those of SFT
    files["cooldown"] = files["sft"] | {"train": "cooldown/train.jsonl"}
    answer = load(PLAIN_JSON, tmp_path / "a", files=files)
    assert {kind: answer[kind] for kind in files} == dict.fromkeys(files, dict.fromkeys(held_out, 2))


def with_evidence(one: RatingRecord, piece: Evidence) -> RatingRecord:
    return one._replace(
        answers={axis: message._replace(evidence=(piece,), reason="It blurs") for axis, message in one.answers.items()},
    )


def test_arrow_opens_its_tables_and_rows(folder: Path) -> None:
    assert load(ARROW, folder) == {"clips": 4, "ratings": 6, "targets": 12, "sft": 2}
