"""Score many clips: the files written, the state after an interrupted run, and that no clip stops the others."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelassist.engine.cli.options import main
from modelassist.engine.generation import critic
from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.inputs.examples import DataError
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.scoring.command import _make_printable
from modelassist.engine.scoring.lines import ScoreFile, ScoreLine, Scorer
from modelassist.engine.scoring.sources import Clip
from modelassist.engine.settings.sampling import Sampling
from qsave.frames.slowfast import Frames
from qsave.release.manifest import hash_file
from qsave.report_card import Evidence, TimeRange, card_from_json
from tests.modelassist.engine.predictions import make_scored
from tests.modelassist.engine.small import write_clip

CARD = make_scored(3.5, [Evidence("blur", TimeRange(0, 0.25))])
CRITIC = Scorer("critic", "0a")
SHA = "5a" * 32
FRAMES = Frames(np.zeros((2, 32, 32, 3), np.uint8), (0.0, 0.5), np.zeros((0, 32, 32, 3), np.uint8), ())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips with prompts, and one file that is no video."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(4):
        write_clip(folder / f"clip-{number}.mp4", 40 * number, frames=3 + number)
        (folder / f"clip-{number}.txt").write_text("A square" + " that wanders" * number)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "broken.txt").write_text("A cat")
    return folder


@pytest.fixture
def fluent(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Read everything that the tiny critic generates as one fixed card. The list has the generated samples."""
    generated: list[Sample] = []

    def read(critic: LoadedModel, samples: Sequence[Sample]) -> Scored:
        generated.extend(samples)
        return CARD

    monkeypatch.setattr(critic, "read_scores", read)
    return generated


Run = Callable[..., int]


@pytest.fixture
def run(folder: Path, tiny_folder: Path, tmp_path: Path) -> Run:
    def run(*options: str, source: Path = folder) -> int:
        critic = ["--model", str(tiny_folder), "--tokens-per-batch", "1200"]
        return main(["score", str(source), *critic, "--out", str(tmp_path / "scores.jsonl"), *options])

    return run


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


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


def test_an_interrupted_run_resumes_with_the_remaining_clips(
    run: Run, fluent: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = ScoreFile.add
    added: list[str] = []

    def cut(file: ScoreFile, line: ScoreLine) -> None:
        if len(added) == 3:
            with file.path.open("a") as torn:
                torn.write('{"video": "half a li')
            raise KeyboardInterrupt
        added.append(line.video)
        add(file, line)

    with monkeypatch.context() as patched:
        patched.setattr(ScoreFile, "add", cut)
        assert run() == 130  # Ctrl-C
    fluent.clear()
    assert run() == 1
    assert len(fluent) == 4 - sum(name != "broken.mp4" for name in added)
    assert sorted(line["video"] for line in read_lines(tmp_path / "scores.jsonl")) == sorted(
        ["broken.mp4", *(f"clip-{number}.mp4" for number in range(4))]
    )


def test_scored_clips_are_skipped_without_loading_a_model(
    run: Run, fluent: list[Sample], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = folder / "good.csv"
    manifest.write_text("video,prompt\n" + "".join(f"clip-{number}.mp4,A square\n" for number in range(4)))
    assert run(source=manifest) == 0
    before = (tmp_path / "scores.jsonl").read_bytes()
    monkeypatch.setattr(Critic, "load", lambda *_: pytest.fail("loaded"))
    assert run(source=manifest) == 0
    assert (tmp_path / "scores.jsonl").read_bytes() == before
    assert len(fluent) == 4


def test_pages_asked_for_later_are_made_without_scoring_again(run: Run, fluent: list[Sample], tmp_path: Path) -> None:
    run()
    fluent.clear()
    assert run("--html", str(tmp_path / "pages")) == 1
    assert fluent == []
    index = (tmp_path / "pages" / "index.html").read_text()
    pages = [path for path in (tmp_path / "pages").glob("*.html") if path.name != "index.html"]
    assert len(pages) == 5
    assert all(path.name in index for path in pages)
    page = next(path for path in pages if path.name.startswith("clip-1")).read_text()
    assert "data:image/jpeg" in page


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


def test_a_clip_without_a_prompt_is_reported(
    folder: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "mute.mp4", 90)
    assert main(["score", str(tmp_path / "mute.mp4"), "--model", str(tiny_folder)]) == 1
    assert "error: mute.mp4: it has no prompt: give --prompt" in capsys.readouterr().err


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


LINES = st.lists(
    st.builds(
        lambda number, prompt, good: ScoreLine.of(
            Clip(f"{number}.mp4", Path(), prompt), SHA, CRITIC, CARD if good else Scored(None, "", {}, "why"), FRAMES
        ),
        st.integers(0, 9),
        st.text(max_size=5).map(lambda text: text.encode("utf-8", "ignore").decode()),
        st.booleans(),
    ),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(LINES, st.data())
def test_wherever_a_file_is_cut_whole_lines_stay(tmp_path: Path, written: list[ScoreLine], data: Any) -> None:
    path = tmp_path / "scores.jsonl"
    path.unlink(missing_ok=True)
    file = ScoreFile(path, CRITIC, [])
    for line in written:
        file.add(line)
    content = path.read_bytes() if written else b""
    cut = content[: data.draw(st.integers(0, len(content)))]
    path.write_bytes(cut)
    whole_lines = [line for line in written[: cut.count(b"\n")] if line.card]
    clips = {Clip(line.video, Path(), line.prompt) for line in written}
    done = ScoreFile(path, CRITIC, clips).done
    assert set(done) == {Clip(line.video, Path(), line.prompt) for line in whole_lines}
    assert ScoreFile(path, CRITIC, clips).done == done
    assert read_lines(path) == [json.loads(line.to_json()) for line in done.values()]


def test_scores_of_another_critic_or_of_something_else_are_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    ScoreFile(path, CRITIC, []).add(ScoreLine.of(Clip("a.mp4", Path(), "A"), SHA, CRITIC, CARD, FRAMES))
    with pytest.raises(DataError, match=r"scores.jsonl:1: scored by critic, not by other; name another --out"):
        ScoreFile(path, replace(CRITIC, model="other", identity="0b"), [])
    with pytest.raises(DataError, match=r"scores.jsonl:1: scored by what critic was before; it holds another"):
        ScoreFile(path, replace(CRITIC, identity="0b"), [])
    with pytest.raises(DataError, match=r"scores.jsonl:1: scored with --samples 1, not 4; name another --out"):
        ScoreFile(path, replace(CRITIC, samples=4), [])
    moved = ScoreFile(path, replace(CRITIC, model="elsewhere/critic"), [Clip("a.mp4", Path(), "A")])
    assert len(moved.done) == 1
    path.write_text('{"a": 1}\nmore')
    with pytest.raises(DataError, match=r"scores.jsonl:1: not a line of scores"):
        ScoreFile(path, CRITIC, [])
    assert path.read_text() == '{"a": 1}\nmore'


def test_a_clip_with_other_bytes_is_scored_again_and_has_one_line(
    run: Run, fluent: list[Sample], folder: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    (tmp_path / "clip.txt").write_text("A square")
    seen = []
    for brightness in (40, 90):
        write_clip(clip, brightness, frames=3)
        assert run(source=clip) == run(source=clip) == 0
        (line,) = read_lines(tmp_path / "scores.jsonl")
        assert line["sha256"] == hash_file(clip)
        seen.append(line["sha256"])
    assert len(set(seen)) == len(fluent) == 2
    clip.write_bytes(b"no video any more")
    assert run(source=clip) == 1
    assert [line["card"] for line in read_lines(tmp_path / "scores.jsonl")] == [None]


def test_a_changed_prompt_leaves_no_stale_line_and_other_clips_keep_theirs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("a", "b"):
        write_clip(tmp_path / "clips" / f"{name}.mp4", 40, frames=3)
    run("--prompt", "one", source=tmp_path / "clips")
    run("--prompt", "two", source=tmp_path / "clips" / "a.mp4")
    score_lines = [(line["video"], line["prompt"]) for line in read_lines(tmp_path / "scores.jsonl")]
    assert score_lines == [("b.mp4", "one"), ("a.mp4", "two")]


def test_a_line_from_before_contents_were_noted_is_made_again(tmp_path: Path) -> None:
    path, clip = tmp_path / "scores.jsonl", Clip("a.mp4", tmp_path / "a.mp4", "A")
    clip.path.touch()
    line = json.loads(ScoreLine.of(clip, None, CRITIC, CARD, FRAMES).to_json())
    del line["sha256"]
    path.write_text(json.dumps(line) + "\n")
    assert ScoreFile(path, CRITIC, [clip]).done == {}
    assert path.read_text() == ""


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
    assert "error: a.mp4: its prompt in a.txt is not UTF-8 text" in errors
    assert "error: link.mp4: The file cannot be read: No such file or directory." in errors
    score_lines = {line["video"]: line["sha256"] for line in read_lines(tmp_path / "scores.jsonl")}
    assert score_lines["link.mp4"] is None
    assert score_lines["a.mp4"] == hash_file(tmp_path / "clips" / "a.mp4")
    assert run(source=tmp_path / "clips" / "m.csv") == 1
    assert "error: m.csv:2: no video is named" in capsys.readouterr().err
    assert len(fluent) == 1


@pytest.mark.usefixtures("fluent")
def test_a_clip_that_went_away_after_it_was_scored_keeps_its_card(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone.mp4"
    write_clip(gone, 40, frames=3)
    (tmp_path / "m.csv").write_text("video,prompt\ngone.mp4,A square\n")
    assert run(source=tmp_path / "m.csv") == 0
    gone.unlink()
    assert run("--html", str(tmp_path / "pages"), source=tmp_path / "m.csv") == 0
    errors = capsys.readouterr().err
    assert "note: gone.mp4: its page goes without frames" in errors
    assert "1 of 1 clip has a report card (1 from before)" in errors
    assert len(list((tmp_path / "pages").glob("gone-*.html"))) == 1


def test_a_folder_without_a_model_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "scores.jsonl"
    assert main(["score", str(folder), "--model", str(tmp_path), "--out", str(out)]) == 1
    assert "is not a model folder" in capsys.readouterr().err
    assert not out.parent.exists()


@pytest.mark.parametrize("text", ['{"results": []}', '{"video', '{"video": "a.mp4"}\n{"results": 1}', "a note"])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text(text)
    if '{"video: "'.startswith(text):
        ScoreFile(path, CRITIC, [])  # the beginning of a first line
        return
    with pytest.raises(DataError, match=r"scores.jsonl:\d: not a line of scores"):
        ScoreFile(path, CRITIC, [])
    assert path.read_text() == text
