"""The file of scores: whole lines stay, and files of another critic or of something else are refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.inputs.examples import DataError
from modelassist.engine.scoring.lines import ScoreFile, ScoreLine
from modelassist.engine.scoring.sources import Clip
from tests.modelassist.engine.scoring.scores import CARD, CRITIC, FRAMES, SHA, read_lines

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


def test_a_line_from_before_contents_were_noted_is_made_again(tmp_path: Path) -> None:
    path, clip = tmp_path / "scores.jsonl", Clip("a.mp4", tmp_path / "a.mp4", "A")
    clip.path.touch()
    line = json.loads(ScoreLine.of(clip, None, CRITIC, CARD, FRAMES).to_json())
    del line["sha256"]
    path.write_text(json.dumps(line) + "\n")
    assert ScoreFile(path, CRITIC, [clip]).done == {}
    assert path.read_text() == ""


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
