"""Find the clips of a video, a folder or a manifest, and name the broken ones."""

import re
from pathlib import Path

import pytest

from modelassist.engine.inputs.examples import DataError
from modelassist.engine.scoring.sources import Clip, find_clips


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "a/c.WEBM", "a.mov", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b.txt").write_text("\ufeff A dog runs\n")
    return tmp_path


def test_a_folder_gives_its_videos_in_order_with_the_prompts_beside_them(folder: Path) -> None:
    found = [(clip.name, clip.prompt) for clip in find_clips(folder, "A cat")]
    assert found == [("a/c.WEBM", "A cat"), ("a.mov", "A cat"), ("b.mp4", "A dog runs")]


def test_a_video_without_a_prompt_has_an_empty_one(folder: Path) -> None:
    assert [clip.prompt for clip in find_clips(folder / "a.mov", None)] == [""]
    assert [clip.prompt for clip in find_clips(folder / "b.mp4", "ignored")] == ["A dog runs"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", 'id,video,prompt\n1,b.mp4,"A dog, one\nthat runs"\n2,gone.mp4, \n'),
        (
            "m.jsonl",
            '{"video": "b.mp4", "prompt": "A dog, one\\nthat runs"}\n\n{"video": "gone.mp4", "prompt": null, "x": 1}\n',
        ),
        ("m.tsv", 'Prompt;Video\n"A dog, one\nthat runs";b.mp4\n;gone.mp4\n'),
        ("m.json", '[{"video": "b.mp4", "prompt": "A dog, one\\nthat runs"}, {"video": "gone.mp4", "prompt": NaN}]'),
    ],
)
def test_a_manifest_names_videos_from_its_folder(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    first, second = find_clips(folder / name, "not used")
    assert (first.name, first.path, first.prompt) == ("b.mp4", folder / "b.mp4", "A dog, one\nthat runs")
    assert (second.name, second.prompt) == ("gone.mp4", "")


def test_a_prompt_may_hold_any_line_separator_but_a_newline(folder: Path) -> None:
    (folder / "m.jsonl").write_text('{"video": "b.mp4", "prompt": "one\u2028two\x85three"}\n')
    (folder / "m.csv").write_text("video,prompt\nb.mp4,one\u2028two\x85three\n")
    for name in ("m.jsonl", "m.csv"):
        assert [clip.prompt for clip in find_clips(folder / name, None)] == ["one\u2028two\x85three"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "clip,prompt\nb.mp4,x\n", r"m.csv: m.csv lacks the column video. .* has: clip, prompt"),
        ("m.csv", "video,prompt\n", "m.csv: m.csv has no rows"),
        ("m.csv", "", "m.csv: m.csv has no rows"),
        ("m.jsonl", "\n\n", "m.jsonl: m.jsonl has no rows"),
    ],
)
def test_a_manifest_without_rows_or_columns_is_refused(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        find_clips(folder / name, None)


@pytest.mark.parametrize(
    ("name", "row", "problem"),
    [
        ("m.csv", b",x", "This row names no video."),
        ("m.csv", b"a.mov,A dog, running", "3 cells, but the heading has 2."),
        ("m.csv", b"a.mov,caf\xe9 \xff", "not UTF-8 text"),
        ("m.csv", b"a.mov," + b"x" * 200_000, "The row is malformed: field larger"),
        ("m.jsonl", b'{"vid', "The row is not JSON"),
        ("m.jsonl", b"[" * 100_000, "The row is not JSON: it is nested too deeply"),
        ("m.jsonl", b'{"video": ["b.mp4"], "prompt": "x"}', "The video must be text, got list."),
        ("m.jsonl", b'{"video": "b.mp4", "prompt": {"en": "x"}}', "The prompt must be text, got dict."),
        ("m.jsonl", b'{"video": "b.mp4", "prompt": true}', "The prompt must be text, got bool."),
        ("m.jsonl", b'{"video": "b.mp4", "prompt": "\\ud800"}', "The prompt is not text: it holds a lone surrogate"),
        ("m.jsonl", b"[1]", "The row must be an object, got a list."),
        ("m.jsonl", b'{"prompt": "x"}', "This row names no video. It has prompt."),
        ("m.jsonl", b'{"video": "caf\xe9.mp4", "prompt": "x"}', "not UTF-8 text"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_the_others_stay(folder: Path, name: str, row: bytes, problem: str) -> None:
    prompt = "Ein Füchslein"
    good = (f"b.mp4,{prompt}" if name == "m.csv" else f'{{"video": "b.mp4", "prompt": "{prompt}"}}').encode()
    first = [b"video,prompt"] if name == "m.csv" else []
    (folder / name).write_bytes(b"\n".join([*first, row, good, good]))
    bad, fine = find_clips(folder / name, None)
    assert bad.name == f"{name}:{len(first) + 1}"
    assert re.search(problem, bad.problem)
    assert bad.problem.endswith(".")
    assert (bad.prompt, bad.path.exists()) == ("", False)
    assert fine == Clip("b.mp4", folder / "b.mp4", prompt)


def test_a_prompt_that_is_no_text_is_its_clips_problem(folder: Path) -> None:
    (folder / "b.txt").write_bytes(b"caf\xe9")
    *_, clip = find_clips(folder, "A cat")
    assert (clip.name, clip.prompt) == ("b.mp4", "")
    assert clip.problem.startswith("Its prompt in b.txt is not UTF-8 text")


def test_a_link_that_leads_nowhere_is_a_clip(folder: Path) -> None:
    (folder / "link.mp4").symlink_to("nowhere.mp4")
    (folder / "shelf.mp4").mkdir()
    (folder / "shelf-link.mp4").symlink_to("shelf.mp4")
    assert [clip.name for clip in find_clips(folder, "A cat")] == ["a/c.WEBM", "a.mov", "b.mp4", "link.mp4"]


def test_nothing_to_score_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"it has no clips; the names of videos end in \.mp4"):
        find_clips(tmp_path, None)
    with pytest.raises(DataError, match="no such video"):
        find_clips(tmp_path / "gone.mp4", None)


def test_a_prompt_for_all_that_is_no_text_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="not UTF-8"):
        find_clips(folder, "caf\udce9")
