from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from qsave.frames import container, extent, probe
from qsave.frames.container import MediaError, read_shown_frames
from qsave.frames.probe import MediaFacts
from tests.qsave.frames.clips import Encoding, Picture, grey_of, write_clip, write_sound


def noise(number: int, width: int, height: int) -> Picture:
    return np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)


def test_the_facts_of_an_ordinary_clip(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=12, rate=12, size=(96, 64))
    assert probe.probe(path) == MediaFacts(
        codec="h264",
        width=96,
        height=64,
        fps=Fraction(12),
        duration=1.0,
        frames=12,
        has_audio=False,
        pixel_format="yuv420p",
        bytes=path.stat().st_size,
        rotation=0,
        container="mov",
    )


def test_sound_beside_the_video_is_noted(tmp_path: Path) -> None:
    assert probe.probe(write_clip(tmp_path / "clip.mp4", encoding=Encoding(audio_seconds=0.5))).has_audio


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_an_offset_start_does_not_count_into_the_duration(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", times=[3 + number / 10 for number in range(10)], rate=10)
    assert probe.probe(path).duration == pytest.approx(1.0, abs=0.01)
    assert [time for time, _ in read_shown_frames(path)] == pytest.approx(
        [number / 10 for number in range(10)], abs=0.001
    )


def test_a_variable_rate_keeps_its_own_times(tmp_path: Path) -> None:
    times = [0, 0.1, 0.15, 0.5, 1.3]
    path = write_clip(tmp_path / "clip.mp4", times=times)
    assert [time for time, _ in read_shown_frames(path)] == pytest.approx(times, abs=1e-5)
    assert probe.probe(path).frames == 5
    assert probe.probe(path).duration > 1.3


def test_29_97_frames_a_second_are_rational_and_do_not_drift(tmp_path: Path) -> None:
    times = [number * 1001 / 30000 for number in range(30)]
    path = write_clip(tmp_path / "clip.mp4", frames=30, rate=Fraction(30000, 1001))
    assert [time for time, _ in read_shown_frames(path)] == pytest.approx(times, abs=1e-5)
    assert probe.probe(path).fps == Fraction(30000, 1001)


def test_a_fragmented_file_whose_header_counts_no_frames(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", encoding=Encoding(options={"movflags": "frag_keyframe+empty_moov"}))
    assert probe.probe(path).frames == 12


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_rotated_clip_has_the_sides_that_are_shown(tmp_path: Path, rotation: int) -> None:
    facts = probe.probe(write_clip(tmp_path / "clip.mp4", size=(96, 64), encoding=Encoding(rotation=rotation)))
    assert (facts.width, facts.height) == ((96, 64) if rotation == 180 else (64, 96))
    assert facts.rotation == rotation % 360


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "size"),
    [
        ("clip.webm", "libvpx-vp9", "yuv420p", (96, 64)),
        ("clip.mp4", "libx264", "yuv444p", (97, 65)),
        ("clip.avi", "mpeg4", "yuv420p", (96, 64)),
        ("clip.gif", "gif", "rgb8", (64, 96)),
        ("clip.mov", "libx264", "yuv420p", (16, 16)),
    ],
)
def test_other_containers_codecs_and_odd_sizes(
    tmp_path: Path, name: str, codec: str, pixel_format: str, size: tuple[int, int]
) -> None:
    path = write_clip(tmp_path / name, size=size, frames=5, encoding=Encoding(codec=codec, pixel_format=pixel_format))
    facts = probe.probe(path)
    assert (facts.width, facts.height, facts.frames) == (*size, 5)
    greys = [frame.to_ndarray(format="rgb24").mean() for _, frame in read_shown_frames(path)]
    assert greys == pytest.approx([grey_of(number) for number in range(5)], abs=3)


def test_the_type_is_told_by_content_and_not_by_name(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.webm", encoding=Encoding(codec="libvpx-vp9"))
    assert probe.probe(path.rename(tmp_path / "clip.txt")).container == "matroska"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello", "not a video"),
        (b"<html><video src=x></html>", "not a video"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not a video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not a video"),
        (b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64, "corrupt or cut off"),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 64, "corrupt or cut off"),
    ],
)
def test_a_file_that_is_no_clip_is_refused_with_its_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=message):
        probe.probe(path)


def test_a_file_that_is_not_there_is_refused_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read: No such file") as caught:
        probe.probe(tmp_path / "none.mp4")
    assert str(tmp_path) not in str(caught.value)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="audio only"):
        probe.probe(write_sound(tmp_path / "sound.mp4"))


@pytest.mark.parametrize("options", [{}, {"movflags": "+faststart"}])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_clip_that_was_cut_off_is_refused(tmp_path: Path, options: dict[str, str], share: float) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=24, paint=noise, encoding=Encoding(options=options))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(MediaError, match="cut off"):
        probe.probe(path)


def test_a_clip_of_noise_behind_a_good_header_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", frames=24)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    content[start : content.index(b"moov") - 4] = b"\xff" * (content.index(b"moov") - 4 - start)
    path.write_bytes(content)
    with pytest.raises(MediaError):
        probe.probe(path)


def test_bounds_on_size_length_and_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=[0, 700, 701])
    with pytest.raises(MediaError, match="lasts more than 600 s"):
        probe.probe(path)
    path = write_clip(tmp_path / "short.mp4", times=[0, 1, 2])
    monkeypatch.setattr(extent, "MAX_FRAMES", 2)
    with pytest.raises(MediaError, match="more than 2 frames"):
        probe.probe(path)
    monkeypatch.setattr(container, "MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(MediaError, match="96x64 pixels; at most 6143"):
        probe.probe(path)
    monkeypatch.setattr(container, "MAX_SIDE", 64)
    with pytest.raises(MediaError, match="96x64 pixels"):
        probe.probe(path)
    monkeypatch.setattr(container, "MAX_BYTES", 100)
    with pytest.raises(MediaError, match="at most 100"):
        probe.probe(path)
