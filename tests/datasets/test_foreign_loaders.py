"""Other people's loaders open a release. Each runs in a process of its own, away from the checkout, as our room called
`datasets` would hide the library of that name."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.records import clip, rating, release

HUGGING_FACE = """
import datasets
loaded = {kind: datasets.load_dataset(folder, kind, cache_dir=cache) for kind in kinds}
answer = {kind: {split: rows.num_rows for split, rows in found.items()} for kind, found in loaded.items()}
answer["features"] = sorted({str(rows.features) for kind in ("sft",) for rows in loaded[kind].values()})
answer["first"] = loaded["sft"]["train"][0]
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
    assert len(answer["features"]) == 1
    assert answer["first"]["targets"]["visual"]["evidence"] == [{"defect": "blur", "time": None, "box": None}]
    assert all(isinstance(message["content"], str) for message in answer["first"]["messages"])


def test_hugging_face_opens_a_release_without_val_test_or_cool_down(tmp_path: Path) -> None:
    release(tmp_path / "a", [clip("t1", rating("ann", 2))])
    assert load(HUGGING_FACE, tmp_path / "a", kinds=["sft", "rl"])["sft"] == {"train": 1}


def test_arrow_opens_its_tables_and_rows(folder: Path) -> None:
    assert load(ARROW, folder) == {"clips": 4, "ratings": 6, "targets": 12, "sft": 2}
