"""Damaged clips: small whole ones of every container, and seeded ways to damage their bytes.

`python -m tests.qsave.frames.fuzz FOLDER COUNT SEED` uses damaged clips and prints what is wrong.
"""

import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from qsave.frames.container import MAX_FRAMES, MAX_SECONDS
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.poster import write_poster
from qsave.frames.probe import probe
from qsave.frames.rendition import needs_rendition, write_rendition
from qsave.frames.slowfast import FrameConfig, read
from qsave.frames.times import read_shown_times
from tests.qsave.frames.clips import Encoding, write_clip
from tests.support.memory import read_peak_bytes

_SIZE = (32, 24)
_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_KINDS: tuple[tuple[str, Encoding], ...] = (
    ("plain.mp4", Encoding()),
    ("sound.mp4", Encoding(audio_seconds=0.3)),
    ("fragments.mp4", Encoding(options={"movflags": "frag_keyframe+empty_moov"})),
    ("plain.mov", Encoding(rotation=90)),
    ("old.mp4", Encoding(codec="mpeg4")),
    ("plain.mkv", Encoding()),
    ("sound.mkv", Encoding(audio_seconds=0.3, codec="mpeg4")),
    ("plain.webm", Encoding(codec="libvpx-vp9")),
    ("vp8.webm", Encoding(codec="libvpx")),
    ("plain.avi", Encoding(codec="mpeg4")),
    ("mjpeg.avi", Encoding(codec="mjpeg", pixel_format="yuvj420p")),
    ("plain.gif", Encoding(codec="gif", pixel_format="rgb8")),
)
_FRAMES = FrameConfig(fast_frames=4, fast_pixels=1024, slow_frames=2, slow_pixels=1024)


def whole_clips(folder: Path) -> list[bytes]:
    """The contents of small whole clips, one of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_clip(folder / name, frames=5, size=_SIZE, encoding=encoding).read_bytes() for name, encoding in _KINDS
    ]


def damaged(wholes: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """`count` damaged contents, the same for a seed; each kind in turn."""
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        content = bytearray(wholes[number % len(wholes)])
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            chance.choice(_DAMAGES)(content, chance)
        yield bytes(content)


def wrong_uses(folder: Path, count: int, seed: int) -> list[str]:
    """Uses `count` damaged clips; returns a line for each refusal that is no sentence or tells a path."""
    wrong, refused = [], 0
    path = folder / "clip.mp4"
    for number, content in enumerate(damaged(whole_clips(folder / "whole"), count, seed)):
        path.write_bytes(content)
        reason = use(path, folder)
        if reason is not None:
            refused += 1
            if str(folder) in reason or not reason[0].isupper() or not reason.endswith("."):
                wrong.append(f"{seed}-{number}: {reason}")
    if not count // 10 < refused < count * 9 // 10:
        wrong.append(f"{refused} of {count} damaged clips are refused: the damage is no test")
    return wrong


def use(path: Path, work: Path) -> str | None:
    """Everything that an import, a draft and a release do with a clip; returns why it is refused, or None.

    Raises AssertionError for facts that no table could hold.
    """
    try:
        with guard_file(output=work):
            facts = probe(path)
            read(path, _FRAMES)
            write_poster(path, work / "poster.jpg")
            playable = path
            if needs_rendition(facts):
                playable = work / "rendition.mp4"
                write_rendition(path, playable)
            times = read_shown_times(playable)
    except MediaError as error:
        return str(error)
    assert 0 < facts.duration <= MAX_SECONDS
    assert 0 < facts.frames <= MAX_FRAMES
    assert facts.fps is None or 0 < max(facts.fps.numerator, facts.fps.denominator) < 2**31
    assert list(times) == sorted(set(times))
    return None


def _place(content: bytearray, chance: random.Random) -> int:
    """A position, oftener near the ends: that is where containers keep their headers."""
    last = max(0, len(content) - 5)
    near = min(last, 700)
    return chance.choice((chance.randint(0, last), chance.randint(0, near), last - chance.randint(0, near)))


def _flip(content: bytearray, chance: random.Random) -> None:
    content[_place(content, chance)] ^= 1 << chance.randrange(8)


def _set(content: bytearray, chance: random.Random) -> None:
    content[_place(content, chance)] = chance.randrange(256)


def _set_number(content: bytearray, chance: random.Random) -> None:
    place = _place(content, chance)
    content[place : place + 4] = struct.pack(chance.choice(("<I", ">I")), chance.choice(_EXTREMES))


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[_place(content, chance) :]
    content += bytes(max(0, 24 - len(content)))


def _remove(content: bytearray, chance: random.Random) -> None:
    place = _place(content, chance)
    del content[place : place + chance.randint(1, 32)]
    content += bytes(max(0, 24 - len(content)))


def _repeat(content: bytearray, chance: random.Random) -> None:
    place = _place(content, chance)
    content[place:place] = content[place : place + chance.randint(1, 64)]


def _move(content: bytearray, chance: random.Random) -> None:
    place, other, size = _place(content, chance), _place(content, chance), chance.randint(4, 64)
    content[other : other + size] = content[place : place + size]


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _flip,
    _set,
    _set,
    _set_number,
    _set_number,
    _cut,
    _remove,
    _repeat,
    _move,
)


if __name__ == "__main__":
    own_folder, own_count, own_seed = sys.argv[1:]
    lines = wrong_uses(Path(own_folder), int(own_count), int(own_seed))
    print("\n".join(lines))
    print("peak MB:", read_peak_bytes() // 2**20)
    sys.exit(bool(lines))
