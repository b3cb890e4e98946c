"""What there is to score: a video, a folder, a manifest; and how a broken one is named."""

from pathlib import Path

import pytest

from modelassist.engine.clips import clips_of
from modelassist.engine.data import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.mp4", "a/c.WEBM", "a.mov", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b.txt").write_text("\ufeff A dog runs\n")
    return tmp_path


def test_a_folder_gives_its_videos_in_order_with_the_prompts_beside_them(folder: Path) -> None:
    found = [(clip.name, clip.prompt) for clip in clips_of(folder, "A cat")]
    assert found == [("a/c.WEBM", "A cat"), ("a.mov", "A cat"), ("b.mp4", "A dog runs")]


def test_a_video_without_a_prompt_has_an_empty_one(folder: Path) -> None:
    assert [clip.prompt for clip in clips_of(folder / "a.mov", None)] == [""]
    assert [clip.prompt for clip in clips_of(folder / "b.mp4", "ignored")] == ["A dog runs"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", 'id,video,prompt\n1,b.mp4,"A dog, one\nthat runs"\n2,gone.mp4, \n'),
        (
            "m.jsonl",
            '{"video": "b.mp4", "prompt": "A dog, one\\nthat runs"}\n\n{"video": "gone.mp4", "prompt": null, "x": 1}\n',
        ),
    ],
)
def test_a_manifest_names_videos_from_its_folder(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    first, second = clips_of(folder / name, "not used")
    assert (first.name, first.path, first.prompt) == ("b.mp4", folder / "b.mp4", "A dog, one\nthat runs")
    assert (second.name, second.prompt) == ("gone.mp4", "")


def test_a_prompt_may_hold_any_line_separator_but_a_newline(folder: Path) -> None:
    (folder / "m.jsonl").write_text('{"video": "b.mp4", "prompt": "one\u2028two\x85three"}\n')
    (folder / "m.csv").write_text("video,prompt\nb.mp4,one\u2028two\x85three\n")
    for name in ("m.jsonl", "m.csv"):
        assert [clip.prompt for clip in clips_of(folder / name, None)] == ["one\u2028two\x85three"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "clip,prompt\nb.mp4,x\n", r"m.csv:2: a manifest needs the columns video and prompt; it has clip, pr"),
        ("m.csv", "video,prompt\n,x\n", r"m.csv:2: no video is named"),
        ("m.csv", "video,prompt\n", "no clips in it"),
        ("m.jsonl", '{"video": "b.mp4", "prompt": "x"}\n{"vid', r"m.jsonl:2: not JSON"),
        ("m.jsonl", "[1]\n", r"m.jsonl:1: expected \{.* got list"),
        ("m.jsonl", '{"prompt": "x"}\n', r"m.jsonl:1: .* it has prompt"),
    ],
)
def test_a_broken_manifest_is_named_by_its_line(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        clips_of(folder / name, None)


def test_bytes_that_are_no_text_are_no_manifest(folder: Path) -> None:
    (folder / "m.csv").write_bytes(b"video,prompt\n\xff\xfe,x\n")
    with pytest.raises(DataError, match="not UTF-8"):
        clips_of(folder / "m.csv", None)


def test_nothing_to_score_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no clips in it; videos end in \.mp4"):
        clips_of(tmp_path, None)
    with pytest.raises(DataError, match="no such video"):
        clips_of(tmp_path / "gone.mp4", None)
