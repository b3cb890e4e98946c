"""Scores as they come: one JSON line a clip, whole or not there, so that a killed run is gone on with.

A line holds the clip's name and prompt, the model and what it was, the card with its probabilities and the times of the
frames the critic saw; where there is no card, the reason. Lines stand in the order in which clips were done.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelassist.engine.clips import Clip
from modelassist.engine.data import DataError
from modelassist.engine.scoring import Scored
from qsave.files import atomic_path, to_disk
from qsave.frames.slowfast import Frames
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
    """A file of scores, opened to be added to."""

    def __init__(self, path: Path, by: By) -> None:
        self.path, self.by = path, by
        self._found: dict[tuple[str, str], Line] = {}
        if path.exists():
            self._take_up()

    def found(self, clips: Iterable[Clip]) -> dict[Clip, Line]:
        """The lines of those clips that had their card, for this prompt, when the file was opened."""
        keys = {clip: (clip.name, clip.prompt) for clip in clips}
        return {clip: self._found[key] for clip, key in keys.items() if key in self._found}

    def add(self, line: Line) -> None:
        """Write one line and see it to the disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_text(line))
            file.flush()
            os.fsync(file.fileno())

    def _take_up(self) -> None:
        """Keep the lines with a card. A last line that was cut goes, and so do failures, which are tried again."""
        *whole, cut = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        for number, text in enumerate(whole, start=1):
            line = self._read(number, text)
            if differs := self._differs(line):
                raise DataError(f"{self.path}:{number}: {differs}; name another --out")
            if line["card"] is not None:
                self._found[_key(line)] = line
        if cut[: len(_BEGINNING)] != _BEGINNING[: len(cut)]:
            raise DataError(_no_line(self.path, len(whole) + 1))
        with atomic_path(self.path) as unfinished:
            unfinished.write_text("".join(_text(line) for line in self._found.values()), encoding="utf-8")
            to_disk(unfinished)

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
            found: Line = json.loads(text)
            _key(found), found["model"], found["identity"], found["samples"], found["card"]
        except (ValueError, TypeError, KeyError):
            raise DataError(_no_line(self.path, number)) from None
        return found


def _no_line(path: Path, number: int) -> str:
    return f"{path}:{number}: not a line of scores; name another --out"


def line_of(clip: Clip, by: By, scored: Scored, frames: Frames | None) -> Line:
    """A clip's line; every line has the same keys."""
    return {
        "video": clip.name,
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
