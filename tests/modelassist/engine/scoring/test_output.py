"""What `score` prints: a line or a card for each clip, JSON, errors, and where its files are."""

import json
from pathlib import Path

import pytest

from modelassist.engine.cli.options import main
from modelassist.engine.generation import critic
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.scoring.command import _make_printable
from tests.modelassist.engine.scoring.scores import Run


@pytest.mark.usefixtures("fluent")
def test_without_a_file_there_is_a_line_to_read_a_clip(
    folder: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(folder), "--model", str(tiny_folder)]) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 5
    assert "clip-2.mp4: visual 3.50 good, dynamic 3.50 good, alignment 3.50 good\n" in output.out
    assert "broken.mp4: no report card: The file is not a video" in output.out
    assert "broken.mp4" not in output.err  # said once
    assert main(["score", str(folder / "clip-1.mp4"), "--model", str(tiny_folder)]) == 0
    assert capsys.readouterr().out.startswith("visual     3.50  good\n")


@pytest.mark.usefixtures("fluent")
def test_json_is_a_line_a_clip(folder: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source, count in ((folder, 5), (folder / "clip-1.mp4", 1)):
        main(["score", str(source), "--model", str(tiny_folder), "--json"])
        output = capsys.readouterr()
        score_lines = [json.loads(line) for line in output.out.splitlines()]
        assert len(score_lines) == count
        assert "clip-1.mp4" in {line["video"] for line in score_lines if line["card"]}
        assert ("error: broken.mp4" in output.err) is (count > 1)


def test_what_the_critic_wrote_has_a_heading(
    folder: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    babble = Scored(None, "blurry blurry", {}, "the output is not in the grammar")
    monkeypatch.setattr(critic, "read_scores", lambda *_: babble)
    assert main(["score", str(folder / "clip-1.mp4"), "--model", str(tiny_folder)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    errors = "error: clip-1.mp4: the output is not in the grammar\nwhat the critic wrote:\nblurry blurry\n"
    assert errors in output.err


@pytest.mark.usefixtures("fluent")
def test_it_says_where_scores_and_pages_went(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--html", str(tmp_path / "pages"))
    errors = capsys.readouterr().err.splitlines()
    assert errors[-2:] == [f"scores: {tmp_path / 'scores.jsonl'}", f"pages: {tmp_path / 'pages' / 'index.html'}"]


def test_a_line_of_the_terminal_is_one_line_whatever_the_name() -> None:
    name = "a\nb\x1b[2J\udcff é.mp4"
    assert _make_printable(name) == "a\ufffdb\ufffd[2J\ufffd é.mp4"
