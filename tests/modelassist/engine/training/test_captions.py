"""Clips with captions, which SFT learns together with the rated clips."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from modelassist.engine.inputs.examples import DataError, load_captions, load_examples
from modelassist.engine.training import train as training
from qsave.prompt import make_user_prompt
from qsave.release.reader import ReleaseReader
from tests.modelassist.engine.training.runs import CONFIG, cut_after, read_losses


def write_captions(release_folder: Path, tmp_path: Path, *splits: str) -> Path:
    """Write a file of captions for the clips of some splits."""
    examples = [example for split in splits for example in load_examples(ReleaseReader(release_folder), "sft", split)]
    path = tmp_path / "captions.jsonl"
    lines = [{"video": os.path.relpath(example.path, tmp_path), "text": "a square wanders"} for example in examples]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_captions_are_learnt_beside_rated_clips_and_resume(
    tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = write_captions(release_folder, tmp_path, "train")
    sft = replace(CONFIG.sft, captions=str(captions), captions_batch=3, steps=4, warmup_steps=1)
    config = replace(CONFIG, sft=sft)
    training.train(release_folder, str(tiny_folder), tmp_path / "whole", config, stages=("sft",))
    whole = read_losses(tmp_path / "whole")
    rows = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert rows[3]["captions"] < rows[0]["captions"]
    for row in rows:
        assert row["loss"] == pytest.approx(
            row["captions"] + row["cross_entropy"] + config.sft.huber_weight * row["huber"] + row["direct"],
            rel=1e-5,
        )
    with cut_after(monkeypatch, 3):
        training.train(release_folder, str(tiny_folder), tmp_path / "cut", config, stages=("sft",))
    training.train(release_folder, str(tiny_folder), tmp_path / "cut", config, stages=("sft",), resume=True)
    assert read_losses(tmp_path / "cut") == whole


def test_captions_change_the_step_and_not_the_loss_of_rated_clips(
    tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    captions = write_captions(release_folder, tmp_path, "train")
    rows = []
    for name, sft in (("without", CONFIG.sft), ("with", replace(CONFIG.sft, captions=str(captions)))):
        config = replace(CONFIG, sft=replace(sft, steps=1))
        training.train(release_folder, str(tiny_folder), tmp_path / name, config, stages=("sft",))
        rows.append(json.loads((tmp_path / name / "metrics.jsonl").read_text()))
    without, with_captions = rows
    assert "captions" not in without
    assert with_captions["cross_entropy"] == pytest.approx(without["cross_entropy"], rel=1e-5)
    assert with_captions["gradient_norm"] != pytest.approx(without["gradient_norm"], rel=1e-3)


def test_captions_of_held_out_clips_are_left_out(tiny_folder: Path, release_folder: Path, tmp_path: Path) -> None:
    captions = write_captions(release_folder, tmp_path, "val", "test")
    config = replace(CONFIG, sft=replace(CONFIG.sft, captions=str(captions), steps=1))
    training.train(release_folder, str(tiny_folder), tmp_path / "run", config, stages=("sft",))
    problem, step = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert "None of the clips with captions can be used" in problem["problem"]
    assert "captions" not in step


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (None, "no such file of captions"),
        ("{}", "captions.jsonl:1: not a line"),
        ("nonsense", "captions.jsonl:1: not a line"),
        ('{"video": "missing.mp4", "text": "x"}', "captions.jsonl:1: not a line .* whose video exists"),
    ],
)
def test_a_bad_file_of_captions_is_named(line: str | None, error: str, tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    if line is not None:
        path.write_text(line + "\n")
    with pytest.raises(DataError, match=error):
        load_captions(path)


def test_a_caption_may_have_a_prompt(release_folder: Path, tmp_path: Path) -> None:
    path = write_captions(release_folder, tmp_path, "train")
    first, second = (json.loads(line) for line in path.read_text().splitlines()[:2])
    path.write_text(json.dumps(first) + "\n" + json.dumps(second | {"prompt": "A <b> cat"}) + "\n")
    alone, with_prompt = (example.messages[1]["content"] for example in load_captions(path))
    assert with_prompt == f"{alone} {make_user_prompt('A <b> cat')}"
