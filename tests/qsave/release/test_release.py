"""Reading a release folder, and finding every kind of tampering with one."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsave.axes import AXES
from qsave.release.encoding import ReleaseError, encode_canonical
from qsave.release.manifest import FORMAT, encode_manifest, verify_release
from qsave.release.reader import ReleaseReader
from qsave.release.rows import Media, RlRow, SftRow, Target, Task, row_to_json
from qsave.report_card import Box, Evidence, TimeRange

CLIP = b"not really a video"
SHA = hashlib.sha256(CLIP).hexdigest()
TARGET = Target(3.5, 0.25, 3, 4, ("blur",), (Evidence("blur", TimeRange(0.5, 1.0), Box(0.1, 0.1, 0.5, 0.5)),))
TASK = Task("Grade.", "Prompt: a cat")


def row(kind: type[Any] = SftRow, **changes: Any) -> Any:
    values = {
        "id": "clip-1",
        "clip_id": "clip-1",
        "video_prompt": "a cat",
        "prompt_group": "g1",
        "generator": "wan",
        "split": "train",
        "media": Media(f"media/{SHA}.mp4", SHA, 2.0, (0.0, 1.0), (0.5,)),
        "task": TASK if kind is RlRow else replace(TASK, answer="<think>"),
        "simulated": True,
        "solution" if kind is RlRow else "targets": dict.fromkeys(AXES, TARGET),
    }
    return kind(**(values | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small release, with its clip."""
    files = {
        "sft/train.jsonl": encode_canonical(row_to_json(row())) + b"\n",
        "rl/train.jsonl": encode_canonical(row_to_json(row(RlRow))) + b"\n",
        f"media/{SHA}.mp4": CLIP,
    }
    return write(tmp_path / "release", files)


def write(folder: Path, files: dict[str, bytes], **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    manifest = {
        "format": FORMAT,
        "name": "tiny",
        "number": 1,
        "content_hash": "0" * 64,
        "policies": {"media": "copy"},
        "counts": {},
        "files": entries,
    }
    (folder / "manifest.json").write_bytes(encode_manifest(manifest | changes))
    return folder


def test_rows_come_back_as_they_were_written(folder: Path) -> None:
    reader = ReleaseReader(folder)
    assert list(reader.rows("sft", "train")) == [row()]
    assert list(reader.rows("rl", "train")) == [row(RlRow)]
    assert reader.media_path(row()).read_bytes() == CLIP


@settings(max_examples=30)
@given(st.text(max_size=30), st.floats(1, 5), st.lists(st.floats(0, 100), max_size=4))
def test_any_row_survives_its_file_to_six_decimals(text: str, mos: float, times: list[float]) -> None:
    target = Target(round(mos, 6), 0.5, 3, 3, (), (Evidence("blur", TimeRange(0, round(mos, 6))),))
    media = Media("media/x.mp4", SHA, 1.5, tuple(round(time, 6) for time in times), ())
    written = row(video_prompt=text, media=media, targets=dict.fromkeys(AXES, target))
    with TemporaryDirectory() as folder:
        data = encode_canonical(row_to_json(written)) + b"\n"
        assert list(ReleaseReader(write(Path(folder), {"sft/val.jsonl": data})).rows("sft", "val")) == [written]


def test_a_row_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ReleaseError, match=r"no cooldown/val\.jsonl.*sft/train\.jsonl"):
        ReleaseReader(folder).rows("cooldown", "val")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "expected an object"),
        (b"{}", "no field 'media'"),
        (encode_canonical(row_to_json(row()) | {"targets": {}}), "no field 'visual'"),
        (encode_canonical(row_to_json(row()) | {"media": 3}), "not a row"),
        (encode_canonical(row_to_json(row()) | {"task": {"system": "", "user": ""}}), "no field 'answer'"),
        (encode_canonical(row_to_json(row()) | {"task": {"system": "", "user": "", "answer": None}}), "are text"),
        (encode_canonical(row_to_json(row())).replace(rb"[\"blur\"]", b"3"), "the JSON text of a list"),
    ],
)
def test_a_row_that_is_none_is_named_by_file_and_line(tmp_path: Path, line: bytes, message: str) -> None:
    data = encode_canonical(row_to_json(row())) + b"\n" + line + b"\n"
    reader = ReleaseReader(write(tmp_path / "release", {"sft/train.jsonl": data}))
    with pytest.raises(ReleaseError, match=rf"train\.jsonl:2: .*{message}"):
        list(reader.rows("sft", "train"))


def test_an_intact_release_has_no_problems(folder: Path) -> None:
    assert verify_release(folder) == []


def flip(name: str) -> Callable[[Path], object]:
    """One changed byte in the middle, the length kept."""

    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return change


def append(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + b" ")


def edit_manifest(**changes: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=2, sort_keys=True) + "\n")

    return change


def link_instead(folder: Path) -> None:
    path = folder / "sft" / "train.jsonl"
    path.rename(folder.parent / "elsewhere.jsonl")
    path.symlink_to(folder.parent / "elsewhere.jsonl")


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (flip("sft/train.jsonl"), "sft/train.jsonl: its bytes changed"),
        (flip(f"media/{SHA}.mp4"), f"media/{SHA}.mp4: its bytes changed"),
        (append("rl/train.jsonl"), "rl/train.jsonl: "),
        (lambda folder: (folder / "rl/train.jsonl").unlink(), "rl/train.jsonl: missing"),
        (lambda folder: (folder / "extra.txt").write_text("x"), "extra.txt: not in the manifest"),
        (lambda folder: (folder / "media" / f"{'0' * 64}.mp4").write_text("x"), "not in the manifest"),
        (link_instead, "sft/train.jsonl: not a plain file"),
        (edit_manifest(content_hash="1" * 64), "manifest.json: changed"),
        (edit_manifest(policies={"media": "none"}), "manifest.json: changed"),
        (edit_manifest(seal="0" * 64), "manifest.json: changed"),
        (append("manifest.json"), "manifest.json: changed"),
        (lambda folder: (folder / "manifest.json").unlink(), "is not a release"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff{"), "not JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[1]"), "expected an object"),
        (lambda folder: (folder / "manifest.json").write_text('{"number": NaN}'), "NaN is not JSON"),
        (edit_manifest(files={}), "not in the manifest"),
        (edit_manifest(number="1"), "'number'"),
        (edit_manifest(format="qsave-release/9"), "is not 'qsave-release/2'"),
        (edit_manifest(format="qsave-release/1"), "Freeze it again"),
        (edit_manifest(files={"../outside": {"sha256": "", "bytes": 0}}), "leads out"),
        (edit_manifest(files={"/etc/passwd": {"sha256": "", "bytes": 0}}), "leads out"),
        (edit_manifest(files={"a": 3}), "needs sha256 and bytes"),
    ],
)
def test_tampering_is_found_and_named(folder: Path, tamper: Callable[[Path], object], message: str) -> None:
    tamper(folder)
    problems = verify_release(folder)
    assert any(message in problem for problem in problems), problems


@pytest.mark.parametrize("name", ["manifest.json", "sft/train.jsonl", "rl/train.jsonl", f"media/{SHA}.mp4"])
def test_any_changed_byte_is_found(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for position in range(0, len(whole), max(1, len(whole) // 40)):
        changed = bytearray(whole)
        changed[position] ^= 0x10
        (folder / name).write_bytes(changed)
        assert verify_release(folder), f"byte {position} of {name}"


def test_clips_may_be_laid_into_a_release_made_without(tmp_path: Path) -> None:
    folder = write(tmp_path / "bare", {}, policies={"media": "none"})
    with pytest.raises(ReleaseError, match="made without media"):
        ReleaseReader(folder).media_path(row())
    (folder / "media").mkdir()
    (folder / "media" / f"{SHA}.mp4").write_bytes(CLIP)
    assert verify_release(folder) == []
    (folder / "media" / f"{SHA}.mp4").write_bytes(b"another clip")
    assert verify_release(folder) == [f"media/{SHA}.mp4: not in the manifest"]


@pytest.mark.parametrize("path", ["../secret.mp4", "/etc/hostname"])
def test_a_row_cannot_point_out_of_the_release(folder: Path, path: str) -> None:
    outside = row(media=Media(path, SHA, 1.0, (), ()))
    with pytest.raises(ReleaseError, match="leads out"):
        ReleaseReader(folder).media_path(outside)
