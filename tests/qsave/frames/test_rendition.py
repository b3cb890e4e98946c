from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from qsave.frames.container import read_shown_frames, read_sound_frames
from qsave.frames.probe import probe
from qsave.frames.rendition import needs_rendition, write_rendition
from tests.qsave.frames.clips import Encoding, grey_of, write_clip, write_uneven_sound


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "needed"),
    [
        ("clip.mp4", "libx264", "yuv420p", False),
        ("clip.webm", "libvpx-vp9", "yuv420p", False),
        ("clip.mp4", "libx265", "yuv420p", True),
        ("clip.mp4", "libx264", "yuv444p", True),
        ("clip.mkv", "libx264", "yuv420p", True),
        ("clip.avi", "mpeg4", "yuv420p", True),
    ],
)
def test_what_some_browser_cannot_play_needs_a_rendition(
    tmp_path: Path, name: str, codec: str, pixel_format: str, needed: bool
) -> None:
    path = write_clip(tmp_path / name, frames=3, encoding=Encoding(codec=codec, pixel_format=pixel_format))
    assert needs_rendition(probe(path)) is needed
    out = tmp_path / "rendition.mp4"
    write_rendition(path, out)
    assert not needs_rendition(probe(out))


def test_a_rendition_is_constant_rate_and_starts_at_once(tmp_path: Path) -> None:
    times = [2 + number / 10 for number in range(5)] + [2.8, 3.0]
    path = write_clip(tmp_path / "clip.mp4", times=times, rate=10)
    out = tmp_path / "rendition.mp4"
    write_rendition(path, out)
    shown = list(read_shown_frames(out))
    assert len({round(b - a, 3) for (a, _), (b, _) in pairwise(shown)}) == 1
    assert probe(out).duration == pytest.approx(probe(path).duration, abs=0.15)
    on_screen = [frame.to_ndarray(format="rgb24").mean() for time, frame in shown if 0.45 < time < 0.7]
    assert on_screen == pytest.approx([grey_of(4)] * len(on_screen), abs=4)


def test_a_rendition_is_upright_with_even_sides_and_its_index_first(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", size=(97, 65), encoding=Encoding(pixel_format="yuv444p", rotation=90))
    out = tmp_path / "rendition.mp4"
    write_rendition(path, out)
    facts = probe(out)
    assert (facts.width, facts.height, facts.rotation) == (64, 96, 0)
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_sound_is_kept_beside_the_picture(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", encoding=Encoding(audio_seconds=1.0))
    out = tmp_path / "rendition.mp4"
    write_rendition(path, out)
    facts = probe(out)
    assert facts.has_audio
    assert facts.fps == Fraction(12)
    assert np.isclose(facts.duration, 1.0, atol=0.05)


@pytest.mark.parametrize(
    ("name", "codec", "layouts", "rates"),
    [
        ("clip.mkv", "ac3", ("stereo", "5.1"), (48_000, 48_000)),
        ("clip.avi", "mp3", ("mono", "stereo"), (48_000, 48_000)),
        ("clip.avi", "mp3", ("stereo", "stereo"), (48_000, 44_100)),
    ],
)
def test_sound_that_changes_on_the_way_is_silent_and_said_so(
    tmp_path: Path, name: str, codec: str, layouts: tuple[str, str], rates: tuple[int, int]
) -> None:
    path = write_uneven_sound(tmp_path / name, codec, layouts, rates)
    out = tmp_path / "rendition.mp4"
    lost = write_rendition(path, out)
    assert lost == "The copy that plays is silent. The sound changes its channels or its rate on the way."
    assert (probe(out).has_audio, probe(out).frames) == (False, 12)


@pytest.mark.parametrize(
    ("name", "video", "sound", "unknown"),
    [
        ("clip.mp4", "libx264", b"mp4a", b"zzz2"),
        ("clip.mkv", "mpeg4", b"A_AAC", b"A_ZZZ"),
        ("clip.mov", "libx264", b"mp4a", b"qqqq"),
    ],
)
def test_sound_without_a_decoder_is_silent_and_said_so(
    tmp_path: Path, name: str, video: str, sound: bytes, unknown: bytes
) -> None:
    path = write_clip(tmp_path / name, encoding=Encoding(codec=video, audio_seconds=0.5))
    content = path.read_bytes()
    start = content.find(b"stsd") if path.suffix != ".mkv" else 0
    content = content[:start] + content[start:].replace(sound, unknown).replace(b"esds", b"free")
    path.write_bytes(content)
    facts = probe(path)
    assert (facts.sound, needs_rendition(facts)) == ("unknown", True)
    out = tmp_path / "rendition.mp4"
    lost = write_rendition(path, out)
    assert lost == f"The copy that plays is silent. There is no decoder for the sound ({unknown.decode()})."
    assert (probe(out).has_audio, probe(out).frames) == (False, 12)


def test_damaged_sound_is_silent_and_the_picture_stays(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", encoding=Encoding(codec="mpeg4", audio_seconds=1.0))
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0)]
    content = path.read_bytes()
    for packet in packets[2:6]:
        content = content.replace(packet, b"\xff" * len(packet)) if packet else content
    path.write_bytes(content)
    out = tmp_path / "rendition.mp4"
    assert write_rendition(path, out).startswith("The copy that plays is silent. ")
    assert (probe(out).has_audio, probe(out).frames) == (False, 12)


def test_sound_that_not_every_browser_plays_is_made_again(tmp_path: Path) -> None:
    path = write_uneven_sound(tmp_path / "clip.mp4", "ac3", ("stereo",), (48_000,))
    assert needs_rendition(probe(path))
    assert write_rendition(path, tmp_path / "rendition.mp4") == ""
    assert probe(tmp_path / "rendition.mp4").sound == "aac"


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
@pytest.mark.parametrize("name", ["clip.mkv", "clip.avi"])
def test_sound_of_any_rate_is_kept_whole(tmp_path: Path, name: str, rate: int) -> None:
    path = write_uneven_sound(tmp_path / name, "mp3", ("stereo", "stereo"), (rate, rate))
    assert write_rendition(path, tmp_path / "rendition.mp4") == ""
    sounds = [
        sum(frame.samples / frame.sample_rate for frame in read_sound_frames(each))
        for each in (path, tmp_path / "rendition.mp4")
    ]
    assert sounds[1] == pytest.approx(sounds[0], abs=0.08)


def test_sound_ends_with_the_picture(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", encoding=Encoding(codec="mpeg4", audio_seconds=4.0))
    write_rendition(path, tmp_path / "rendition.mp4")
    kept = sum(frame.samples for frame in read_sound_frames(tmp_path / "rendition.mp4"))
    assert kept / 48_000 == pytest.approx(1.0, abs=0.1)
