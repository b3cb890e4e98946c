"""Scores as they come: one JSON line a clip, whole or not there, so that a killed run is gone on with.

A line holds the clip's name, content hash and prompt, the model and what it was, the card with its probabilities and
the times of the frames the critic saw; where there is no card, the reason. A clip of a run has one line, and lines
stand in the order in which clips were done.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.inputs.examples import DataError
from modelassist.engine.scoring.sources import Clip
from qsave.files import atomic_path, to_disk
from qsave.frames.slowfast import Frames
from qsave.parsing import parse_json
from qsave.release.manifest import sha256_of
from qsave.report_card import card_to_json

Line = Mapping[str, Any]
_BEGINNING = '{"video": "'
"""Of every line."""


@dataclass(frozen=True, slots=True)
class By:
    """Who scored, and how."""

    model: str
    """As it was named."""
    identity: str
    """What stood under that name."""
    samples: int = 1
    """Answers of a clip that were averaged."""


class ScoreFile:
    """A file of scores, opened to be added to: `found` are the lines of `clips` that have their card already."""

    def __init__(self, path: Path, by: By, clips: Collection[Clip]) -> None:
        self.path, self.by = path, by
        self.found: dict[Clip, Line] = {}
        if path.exists():
            self._take_up(clips)

    def add(self, line: Line) -> None:
        """Write one line and see it to the disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_text(line))
            file.flush()
            os.fsync(file.fileno())

    def _take_up(self, clips: Collection[Clip]) -> None:
        """Keep the lines of other clips, and of these clips the cards that still hold. What goes is made again: a last
        line that was cut, failures, and cards for another prompt or another content."""
        lines = self._lines()
        cards = {_key(line): line for line in lines if line["card"] is not None}
        for clip in clips:
            line = cards.get((clip.name, clip.prompt))
            if line and _still_holds(line, clip):
                self.found[clip] = line
        names = {clip.name for clip in clips}
        kept = [*(line for line in lines if line["video"] not in names), *self.found.values()]
        with atomic_path(self.path) as unfinished:
            unfinished.write_text("".join(_text(line) for line in kept), encoding="utf-8")
            to_disk(unfinished)

    def _lines(self) -> list[Line]:
        """All whole lines; raises DataError where one is none, or was made in another way than this run makes them."""
        *whole, cut = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        lines = [self._read(number, text) for number, text in enumerate(whole, start=1)]
        if cut[: len(_BEGINNING)] != _BEGINNING[: len(cut)]:
            raise DataError(_no_line(self.path, len(whole) + 1))
        return lines

    def _differs(self, line: Line) -> str | None:
        """How a line was made in another way than this run makes them."""
        if line["identity"] != self.by.identity:
            if line["model"] == self.by.model:
                return f"scored by what {self.by.model} was before; it holds another model now"
            return f"scored by {line['model']}, not by {self.by.model}"
        if line["samples"] != self.by.samples:
            return f"scored with --samples {line['samples']}, not {self.by.samples}"
        return None

    def _read(self, number: int, text: str) -> Line:
        try:
            found: Line = parse_json(text)
            _key(found), found["model"], found["identity"], found["samples"], found["card"]
        except (ValueError, TypeError, KeyError):
            raise DataError(_no_line(self.path, number)) from None
        if differs := self._differs(found):
            raise DataError(f"{self.path}:{number}: {differs}; name another --out")
        return found


def _no_line(path: Path, number: int) -> str:
    return f"{path}:{number}: not a line of scores; name another --out"


def content(path: Path) -> str | None:
    """The sha256 of a clip's bytes; None where it cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else None
    except OSError:
        return None


def _still_holds(line: Line, clip: Clip) -> bool:
    """Whether a card is of the clip as it is now; of a clip that is gone nothing newer is known."""
    now = content(clip.path)
    return now is None or now == line.get("sha256")


def line_of(clip: Clip, sha256: str | None, by: By, scored: Scored, frames: Frames | None) -> Line:
    """A clip's line; every line has the same keys. `sha256` is that of the bytes that were scored."""
    return {
        "video": clip.name,
        "sha256": sha256,
        "prompt": clip.prompt,
        "model": by.model,
        "identity": by.identity,
        "samples": by.samples,
        "card": card_to_json(scored.card) if scored.card else None,
        "probabilities": {axis.value: list(five) for axis, five in scored.probabilities.items()} or None,
        "frames": {"fast": list(frames.fast_times), "slow": list(frames.slow_times)} if frames else None,
        "text": scored.text,
        "error": scored.error,
    }


def _text(line: Line) -> str:
    """ASCII alone: a file's name need not be text that UTF-8 can hold."""
    return json.dumps(line) + "\n"


def _key(line: Line) -> tuple[str, str]:
    return line["video"], line["prompt"]
