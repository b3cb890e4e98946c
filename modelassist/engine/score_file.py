"""Scores as they come: one JSON line a clip, whole or not there, so that a killed run is gone on with.

A line holds the clip's name and prompt, the model, the card with its probabilities and the times of the frames the
critic saw; where there is no card, the reason. Lines stand in the order in which clips were done.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelassist.engine.clips import Clip
from modelassist.engine.data import DataError
from modelassist.engine.files import atomic_path
from modelassist.engine.scoring import Scored
from qsave.frames.slowfast import Frames
from qsave.report_card import card_to_json

Line = Mapping[str, Any]


class ScoreFile:
    """A file of scores, opened to be added to."""

    def __init__(self, path: Path, model: str) -> None:
        self.path = path
        self._found: dict[tuple[str, str], Line] = {}
        if path.exists():
            self._take_up(model)

    def found(self, clips: Iterable[Clip]) -> dict[Clip, Line]:
        """The lines of those clips that had their card, for this prompt, when the file was opened."""
        keys = {clip: (clip.name, clip.prompt) for clip in clips}
        return {clip: self._found[key] for clip, key in keys.items() if key in self._found}

    def add(self, line: Line) -> None:
        """Write one line and see it to the disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _take_up(self, model: str) -> None:
        """Keep the lines with a card. A last line that was cut goes, and so do failures, which are tried again."""
        *whole, _ = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        for number, text in enumerate(whole, start=1):
            line = self._read(number, text)
            if line["model"] != model:
                raise DataError(f"{self.path}:{number}: scored by {line['model']}, not by {model}; name another --out")
            if line["card"] is not None:
                self._found[_key(line)] = line
        with atomic_path(self.path) as unfinished:
            kept = (json.dumps(line, ensure_ascii=False) + "\n" for line in self._found.values())
            unfinished.write_text("".join(kept), encoding="utf-8")

    def _read(self, number: int, text: str) -> Line:
        try:
            found: Line = json.loads(text)
            _key(found), found["model"], found["card"]
        except (ValueError, TypeError, KeyError):
            raise DataError(f"{self.path}:{number}: not a line of scores; name another --out") from None
        return found


def line_of(clip: Clip, model: str, scored: Scored, frames: Frames | None) -> Line:
    """A clip's line; every line has the same keys."""
    return {
        "video": clip.name,
        "prompt": clip.prompt,
        "model": model,
        "card": card_to_json(scored.card) if scored.card else None,
        "probabilities": {axis.value: list(five) for axis, five in scored.probabilities.items()} or None,
        "frames": {"fast": list(frames.fast_times), "slow": list(frames.slow_times)} if frames else None,
        "text": scored.text,
        "error": scored.error,
    }


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Nobody else writes to this file in the meantime; raises DataError where somebody does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.lock")
    with beside.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{path}: another process is writing scores to it") from None
        try:
            yield
        finally:
            beside.unlink(missing_ok=True)


def _key(line: Line) -> tuple[str, str]:
    return line["video"], line["prompt"]
