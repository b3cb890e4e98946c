"""The guard around one file: what its content causes is its problem; trouble of the machine passes."""

import errno
import os
import sqlite3
from pathlib import Path

import av
import pytest

from qsave.frames.guard import MediaError, guard_file
from qsave.frames.probe import probe
from tests.qsave.frames.clips import Encoding, write_clip


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("'NoneType' object has no attribute 'width'"),
        UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid continuation byte"),
        ValueError("/srv/var/media/incoming/original"),
        OSError(errno.ENAMETOOLONG, "File name too long", "/srv/var/uploads/aaa.mp4"),
        PermissionError(errno.EACCES, "Permission denied", "/srv/var/uploads/a.mp4"),
        OSError(errno.EIO, "Input/output error"),
        OSError("Invalid data stream"),
        OverflowError("Python int too large to convert to C long"),
        RecursionError("maximum recursion depth exceeded"),
        AssertionError(),
        ZeroDivisionError("division by zero"),
        av.error.ArgumentError(22, "Invalid argument", "/srv/var/a.mp4"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_file_causes_is_its_own_problem_in_a_sentence_without_a_path(error: Exception) -> None:
    with pytest.raises(MediaError) as caught, guard_file():
        raise error
    reason = str(caught.value)
    assert reason[0].isupper()
    assert reason.endswith(".")
    assert "/srv" not in reason
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        MediaError("It is too long."),
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EROFS, "Read-only file system", "/srv/media/x"),
        OSError(errno.EMFILE, "Too many open files"),
        PermissionError(errno.EACCES, "Permission denied", "/srv/media/posters/ab"),
        sqlite3.OperationalError("database is locked"),
        KeyboardInterrupt(),
        SystemExit(1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_the_machine_and_refusals_pass(error: BaseException) -> None:
    with (
        pytest.raises(type(error)) as caught,
        guard_file(output=Path("/srv/media"), passing=(sqlite3.OperationalError,)),
    ):
        raise error
    assert caught.value is error


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    for path in (tmp_path / "pipe.mp4", tmp_path / "folder.mp4", Path("/dev/zero")):
        with pytest.raises(MediaError, match="not a file"):
            probe(path)


BAD_TAGS = [b"Vid\xe9oHandle\0", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4", b"\x80" * 12, b"\xf0\x9f" * 6]


@pytest.mark.parametrize("tag", BAD_TAGS)
def test_a_clip_with_a_tag_that_is_no_text_is_read(tmp_path: Path, tag: bytes) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes().replace(b"VideoHandler", tag))
    assert probe(path).frames == 12


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi"])
def test_a_clip_whose_title_is_no_text_is_read(tmp_path: Path, suffix: str) -> None:
    codec = {"webm": "libvpx-vp9", "avi": "mpeg4"}.get(suffix, "libx264")
    path = write_clip(
        tmp_path / f"clip.{suffix}", encoding=Encoding(codec=codec, metadata={"title": "some words of a tag"})
    )
    content = path.read_bytes()
    assert b"some words" in content
    path.write_bytes(content.replace(b"some words", b"\xe9\xff words\x80"))
    assert probe(path).frames == 12


@pytest.mark.parametrize(
    ("suffix", "codec", "name", "unknown"),
    [
        ("mp4", "libx264", b"avc1", b"zzz1"),
        ("mov", "libx264", b"avc1", b"qqqq"),
        ("avi", "mpeg4", b"FMP4", b"zzz1"),
        ("mkv", "libx264", b"V_MPEG4/ISO/AVC", b"V_NOSUCH/ISO/AB"),
        ("webm", "libvpx-vp9", b"V_VP9", b"V_VQ9"),
    ],
)
def test_a_clip_without_a_decoder_is_refused_by_the_name_of_its_codec(
    tmp_path: Path, suffix: str, codec: str, name: bytes, unknown: bytes
) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", encoding=Encoding(codec=codec))
    content = path.read_bytes()
    start = content.find(b"stsd") if suffix in {"mp4", "mov"} else 0
    path.write_bytes(content[:start] + content[start:].replace(name, unknown))
    with pytest.raises(MediaError) as caught:
        probe(path)
    assert str(caught.value) == f"There is no decoder for the video ({unknown.decode()})."
