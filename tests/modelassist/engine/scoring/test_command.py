"""Score many clips: the files written, and that no clip stops the others."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelassist.engine.cli.options import main
from modelassist.engine.generation import critic
from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.settings.sampling import Sampling
from qsave.release.manifest import hash_file
from qsave.report_card import card_from_json
from tests.modelassist.engine.scoring.scores import CARD, Run, read_lines
from tests.modelassist.engine.small import write_clip


@pytest.mark.usefixtures("fluent")
def test_one_bad_clip_is_reported_and_the_others_are_scored(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 1
    score_lines = {line["video"]: line for line in read_lines(tmp_path / "scores.jsonl")}
    assert sorted(score_lines) == ["broken.mp4", *(f"clip-{number}.mp4" for number in range(4))]
    assert score_lines["broken.mp4"]["card"] is None
    assert "not a video" in score_lines["broken.mp4"]["error"]
    assert len({frozenset(line) for line in score_lines.values()}) == 1  # the same keys in every line
    good = score_lines["clip-2.mp4"]
    assert card_from_json(good["card"]) == CARD.card
    assert good["prompt"] == "A square that wanders that wanders"
    assert sum(good["probabilities"]["visual"]) == pytest.approx(1)
    assert good["frames"]["fast"][0] == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "error: broken.mp4: The file is not a video" in output.err
    assert "4 of 5 clips have a report card" in output.err


NO_CLIPS = ("pipe.mp4", "folder.mp4", "loop.mp4", "a" * 300 + ".mp4", "狐" * 90 + ".mp4", "a\0b.mp4", "x/" * 3000,
            "clip-0.mp4/b.mp4", "/dev/zero", "\udcff.mp4", "\ud800.mp4", "https://example.org/a.mp4")  # fmt: skip


@pytest.mark.usefixtures("fluent")
def test_a_bad_name_affects_its_own_row_only(run: Run, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    os.mkfifo(source / "pipe.mp4")
    (source / "folder.mp4").mkdir()
    (source / "loop.mp4").symlink_to("loop.mp4")
    shutil.copy(folder / "clip-0.mp4", source)
    rows = [{"video": name, "prompt": "A square"} for name in (*NO_CLIPS, "clip-0.mp4")]
    (source / "all.jsonl").write_text("\n".join(json.dumps(row) for row in rows))

    assert run("--html", str(tmp_path / "pages"), source=source / "all.jsonl") == 1

    score_lines = {line["video"]: line for line in read_lines(tmp_path / "scores.jsonl")}
    assert set(score_lines) == {*NO_CLIPS, "clip-0.mp4"}
    assert {name for name, line in score_lines.items() if line["card"]} == {"clip-0.mp4"}
    assert not any(str(tmp_path) in (line["error"] or "") for line in score_lines.values())
    assert not any("ends in an error" in (line["error"] or "") for line in score_lines.values())


def test_a_clip_without_a_prompt_is_reported(
    folder: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "mute.mp4", 90)
    assert main(["score", str(tmp_path / "mute.mp4"), "--model", str(tiny_folder)]) == 1
    assert "error: mute.mp4: It has no prompt. Give --prompt" in capsys.readouterr().err


def test_out_of_memory_says_what_to_lower(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    def full(*_: object, **__: object) -> Iterator[object]:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(critic, "stream_answers", full)
    assert run() == 1
    assert "lower --tokens-per-batch" in capsys.readouterr().err


def test_how_clips_are_batched_changes_no_output(folder: Path, tiny_folder: Path) -> None:
    clips = [(folder / f"clip-{number}.mp4", "A square" + " that wanders" * number) for number in range(4)]
    clips.insert(2, (folder / "broken.mp4", "A cat"))
    texts = []
    for budget in (1, 1200, 100_000):
        critic = Critic.load(str(tiny_folder), "cpu")
        critic.sampling, critic.loaded.max_new_tokens = Sampling(token_budget=budget), 12
        texts.append([score_lines.text for score_lines in critic.score(clips)])
    assert texts[0] == texts[1] == texts[2]
    assert texts[0][2] == ""
    assert len(set(texts[0])) > 1


def test_a_clip_and_a_row_with_a_problem_are_reported_and_the_others_scored(
    run: Run, fluent: list[Sample], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a", "b"):
        write_clip(tmp_path / "clips" / f"{name}.mp4", 40, frames=3)
    (tmp_path / "clips" / "a.txt").write_bytes(b"caf\xe9")
    (tmp_path / "clips" / "link.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "clips" / "m.csv").write_text("video,prompt\n,B\nb.mp4,B\n")
    assert run("--prompt", "B", source=tmp_path / "clips") == 1
    errors = capsys.readouterr().err
    assert "error: a.mp4: Its prompt in a.txt is not UTF-8 text" in errors
    assert "error: link.mp4: The file cannot be read: No such file or directory." in errors
    score_lines = {line["video"]: line["sha256"] for line in read_lines(tmp_path / "scores.jsonl")}
    assert score_lines["link.mp4"] is None
    assert score_lines["a.mp4"] == hash_file(tmp_path / "clips" / "a.mp4")
    assert run(source=tmp_path / "clips" / "m.csv") == 1
    assert "error: m.csv:2: This row names no video." in capsys.readouterr().err
    assert len(fluent) == 1


def test_a_folder_without_a_model_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "scores.jsonl"
    assert main(["score", str(folder), "--model", str(tmp_path), "--out", str(out)]) == 1
    assert "is not a model folder" in capsys.readouterr().err
    assert not out.parent.exists()


def test_direct_scores_are_for_every_clip_and_another_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--direct") == 1  # one clip is broken; the weights are fresh, and all others have scores
    lines = [line for line in read_lines(tmp_path / "scores.jsonl") if line["video"] != "broken.mp4"]
    assert all(line["card"] and line["direct"] for line in lines)
    assert run() == 1
    assert "scored with --direct; name another --out" in capsys.readouterr().err
    assert run("--direct", "--samples", "2") == 1
    assert "leave out --samples" in capsys.readouterr().err
