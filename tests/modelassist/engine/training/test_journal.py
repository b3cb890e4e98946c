"""The journal of a run: it has each step once, also after an interruption, and only one process writes it."""

import json
from pathlib import Path

from modelassist.engine.training.journal import Journal, format_figures

TOTALS = {"sft": 4, "grpo": 2}


def steps(folder: Path) -> list[tuple[str, int]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [(row["stage"], row.get("step", 0)) for row in rows]


def test_steps_after_a_checkpoint_are_written_again_and_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, TOTALS)
    journal.append({"stage": "data", "problem": "clip 3 left out"})
    for step in (1, 2, 3):
        journal.log_step("sft", step, {"loss": 1.0})
    with journal.metrics.open("a") as file:
        file.write('{"stage": "sft", "st')  # the line at which the run was killed
    Journal(tmp_path, TOTALS).rewind("sft", 2)
    assert steps(tmp_path) == [("sft", 1), ("sft", 2)]
    Journal(tmp_path, TOTALS).rewind(None, 0)
    assert steps(tmp_path) == []


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    journal = Journal(tmp_path, TOTALS, writes=False)
    journal.rewind("sft", 1)
    journal.log_step("sft", 1, {"loss": 1.0})
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_all_stages(tmp_path: Path) -> None:
    journal = Journal(tmp_path, TOTALS)
    journal.log_step("grpo", 1, {"loss": 1.0})
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert (progress["done"], progress["total"], progress["message"]) == (5, 6, "grpo: step 1 of 2")
    journal.write_progress("evaluation", 0, finished=True)
    assert json.loads((tmp_path / "progress.json").read_text())["share"] == 1.0


def test_a_line_holds_the_figures_that_are_known() -> None:
    assert format_figures({"loss": 1.23456}) == "loss 1.235"
    assert (
        format_figures({"loss": 1.0, "tokens_per_second": 12345.6, "mfu": 0.414})
        == "loss 1.000, 12,346 tokens/s, MFU 41%"
    )
