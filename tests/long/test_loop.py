"""The loop as a person starts it: one command, one new folder, a table of figures, and nothing left anywhere else."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from qsave.release.manifest import verify_release

SHORT = {
    "sft": {"steps": 6, "batch": 4, "captions_batch": 3},
    "grpo": {"rounds": 1, "clips": 2, "num_generations": 2, "num_iterations": 1},
    "cooldown": {"steps": 2, "batch": 4, "probe": 2, "samples": 2},
}
"""Every stage, and no more of it than shows that it runs."""


def run_loop(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "loop", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | {"QSAVE_ENV": "development"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
def test_the_whole_loop_runs_headless_in_a_folder_of_its_own(tmp_path: Path) -> None:
    short = tmp_path / "short.json"
    short.write_text(json.dumps(SHORT))
    folder = tmp_path / "loop"
    done = run_loop("--workdir", str(folder), "--clips", "36", "--captions", "8", "--engine-settings", str(short))
    assert done.returncode == 0, done.stderr[-3000:]
    for heading in ("AGREEMENT", "THE CRITIC", "DRAFTS", "TIME", "WHERE EVERYTHING IS"):
        assert heading in done.stdout
    assert "RMSE constant" in done.stdout
    assert "blank frames" in done.stdout
    (release,) = (path for path in (folder / "releases").iterdir() if not path.name.startswith("."))
    assert verify_release(release) == []
    for name in ("metrics.jsonl", "evaluation.json", "model/model.safetensors", "predictions-test.csv"):
        assert (folder / "runs" / "run-00001" / name).is_file()
    told = [json.loads(line) for line in (folder / "runs/run-00001/metrics.jsonl").read_text().splitlines()]
    assert {line["stage"] for line in told} >= {"sft", "grpo", "cooldown"}
    assert all(line["captions"] > 0 for line in told if line["stage"] == "sft")
    check_rows(folder / "studio.sqlite3")


def check_rows(database: Path) -> None:
    with sqlite3.connect(database) as rows:

        def one(query: str) -> int:
            return int(rows.execute(query).fetchone()[0])

        assert one("select count(*) from annotation_rating") == 3 * (36 + 24)
        assert one("select count(*) from annotation_rating where not is_simulated") == 0
        assert one("select count(*) from annotation_clip where not is_simulated") == 0
        assert one("select is_simulated from datasets_release") == 1
        assert one("select count(*) from modelassist_activation") == 1
        tries = one("select count(*) from annotation_draft") + one("select count(*) from modelassist_faileddraft")
        assert tries > 0
        never = "val", "test"
        drafted = rows.execute(
            "select distinct g.split from annotation_draft d join annotation_item i on i.id = d.item_id"
            " join annotation_clip c on c.id = i.clip_id join annotation_promptgroup g on g.id = c.prompt_group_id"
        )
        assert not {split for (split,) in drafted} & set(never)


@pytest.mark.long
def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    done = run_loop("--workdir", str(tmp_path))
    assert done.returncode != 0
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.long
def test_settings_that_are_none_are_refused_before_any_work(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"sft": {"stepz": 3}}')
    done = run_loop("--workdir", str(tmp_path / "loop"), "--engine-settings", str(wrong))
    assert done.returncode != 0
    assert "sft.stepz" in done.stderr
    assert not (tmp_path / "loop").exists()
