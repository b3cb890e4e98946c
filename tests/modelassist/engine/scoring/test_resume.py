"""A second run of `score` scores only what the first did not, or what has changed since."""

from pathlib import Path

import pytest

from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.scoring.lines import ScoreFile, ScoreLine
from qsave.release.manifest import hash_file
from tests.modelassist.engine.scoring.scores import Run, read_lines
from tests.modelassist.engine.small import write_clip


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
