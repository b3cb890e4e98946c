"""What `score` prints: a line or a card for each clip, JSON, errors, and where its files are."""

import json
from pathlib import Path

import pytest

from modelassist.engine.cli.options import main
from modelassist.engine.generation import critic
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.scoring.command import _make_printable
from qsave.report_card import Evidence, TimeRange
from tests.modelassist.engine.predictions import make_scored
from tests.modelassist.engine.scoring.scores import Run, read_lines


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


def test_a_time_outside_the_clip_is_left_out_and_named(
    run: Run,
    folder: Path,
    tiny_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(critic, "read_scores", lambda *_: make_scored(3.5, [Evidence("blur", TimeRange(400, 1200))]))
    clip = folder / "clip-1.mp4"
    main(["score", str(clip), "--model", str(tiny_folder)])
    printed = capsys.readouterr().out
    assert "           - blur\n" in printed
    assert "Left out: 'blur' at 400-1200 s is outside the clip of " in printed
    run("--html", str(tmp_path / "pages"), source=clip)
    [line] = read_lines(tmp_path / "scores.jsonl")
    assert [piece["time"] for piece in line["card"]["visual"]["evidence"]] == [None]
    assert [words.partition(" is outside")[0] for words in line["left_out"]] == ["'blur' at 400-1200 s"] * 3
    [page] = [path for path in (tmp_path / "pages").glob("*.html") if path.name != "index.html"]
    assert "400-1200 s is outside the clip" in page.read_text()


@pytest.mark.usefixtures("fluent")
def test_it_says_where_scores_and_pages_went(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--html", str(tmp_path / "pages"))
    errors = capsys.readouterr().err.splitlines()
    assert errors[-2:] == [f"scores: {tmp_path / 'scores.jsonl'}", f"pages: {tmp_path / 'pages' / 'index.html'}"]


def test_a_line_of_the_terminal_is_one_line_whatever_the_name() -> None:
    name = "a\nb\x1b[2J\udcff é.mp4"
    assert _make_printable(name) == "a\ufffdb\ufffd[2J\ufffd é.mp4"
