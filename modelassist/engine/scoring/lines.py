"""Read and write a file of scores: one JSON line per clip, flushed as soon as it is written, so a run can be resumed.

Lines are in the order in which clips were scored. Each clip of a run has one line.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.inputs.examples import DataError
from modelassist.engine.scoring.sources import Clip
from qsave.axes import Axis
from qsave.files import atomic_path, sync_to_disk
from qsave.frames.slowfast import Frames
from qsave.parsing import parse_json
from qsave.release.manifest import hash_file
from qsave.report_card import ReportCard, card_from_json, card_to_json

_BEGINNING = '{"video": "'
"""Every line begins with it."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """The model that scores, and how."""

    model: str
    """The name that the user gave."""
    identity: str
    """A digest of the model behind that name."""
    samples: int = 1
    """Answers of a clip that are averaged."""
    is_direct: bool = False
    """Whether it answers with scores alone, without reasons."""


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """The result for one clip."""

    video: str
    """The clip's name."""
    sha256: str | None
    """Hash of the scored bytes; None if the clip could not be read."""
    prompt: str
    scorer: Scorer
    card: ReportCard | None
    """None if there is an `error`."""
    probabilities: Mapping[Axis, tuple[float, ...]]
    """Five probabilities for each axis, bad to excellent; empty without a card."""
    frames: Mapping[str, tuple[float, ...]] | None
    """The times of the `fast` and `slow` frames, in seconds; None if the clip could not be read."""
    text: str
    """The critic's answer as generated."""
    error: str | None
    left_out: tuple[str, ...] = ()
    """Times that were left out of the card because the clip does not have them, in words."""

    @classmethod
    def of(cls, clip: Clip, sha256: str | None, scorer: Scorer, scored: Scored, frames: Frames | None) -> "ScoreLine":
        """Make the line of a clip that was just scored."""
        return cls(
            video=clip.name,
            sha256=sha256,
            prompt=clip.prompt,
            scorer=scorer,
            card=scored.card,
            probabilities=scored.probabilities,
            frames={"fast": tuple(frames.fast_times), "slow": tuple(frames.slow_times)} if frames else None,
            text=scored.text,
            error=scored.error,
            left_out=scored.left_out,
        )

    @classmethod
    def from_json(cls, text: str) -> "ScoreLine":
        """Read a line; raises ValueError, TypeError or KeyError if the text is not a line of scores."""
        value = parse_json(text)
        frames = value.get("frames")
        return cls(
            video=value["video"],
            sha256=value.get("sha256"),
            prompt=value["prompt"],
            scorer=Scorer(value["model"], value["identity"], value["samples"], bool(value.get("direct"))),
            card=None if value["card"] is None else card_from_json(value["card"]),
            probabilities={Axis(axis): tuple(five) for axis, five in (value.get("probabilities") or {}).items()},
            frames=None if frames is None else {kind: tuple(times) for kind, times in frames.items()},
            text=value.get("text", ""),
            error=value.get("error"),
            left_out=tuple(value.get("left_out", ())),
        )

    def to_json(self) -> str:
        """Write the line; all lines have the same keys. It is ASCII, since a file's name need not be valid UTF-8."""
        return json.dumps(
            {
                "video": self.video,
                "sha256": self.sha256,
                "prompt": self.prompt,
                "model": self.scorer.model,
                "identity": self.scorer.identity,
                "samples": self.scorer.samples,
                "direct": self.scorer.is_direct,
                "card": card_to_json(self.card) if self.card else None,
                "probabilities": {axis.value: list(five) for axis, five in self.probabilities.items()} or None,
                "frames": {kind: list(times) for kind, times in self.frames.items()} if self.frames else None,
                "text": self.text,
                "error": self.error,
                "left_out": list(self.left_out),
            }
        )


class ScoreFile:
    """A file of scores that is appended to; `done` has the lines of `clips` whose card is still valid."""

    def __init__(self, path: Path, scorer: Scorer, clips: Collection[Clip]) -> None:
        self.path, self.scorer = path, scorer
        self.done: dict[Clip, ScoreLine] = {}
        if path.exists():
            self._resume(clips)

    def add(self, line: ScoreLine) -> None:
        """Append one line and flush it to the disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line.to_json() + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _resume(self, clips: Collection[Clip]) -> None:
        """Keep the lines of other clips, and the cards of these clips that are still valid.

        A last line that was cut off, failures, and cards for another prompt or other content are dropped; those clips
        are scored again.
        """
        lines = self._read_lines()
        cards = {(line.video, line.prompt): (text, line) for text, line in lines if line.card is not None}
        done: list[str] = []
        for clip in clips:
            text, line = cards.get((clip.name, clip.prompt), ("", None))
            if line and _is_valid(line, clip):
                self.done[clip] = line
                done.append(text)
        names = {clip.name for clip in clips}
        others = [text for text, line in lines if line.video not in names]
        with atomic_path(self.path) as unfinished:
            unfinished.write_text("".join(f"{text}\n" for text in [*others, *done]), encoding="utf-8")
            sync_to_disk(unfinished)

    def _read_lines(self) -> list[tuple[str, ScoreLine]]:
        """Read all complete lines, each with its original text, so that it can be written back unchanged.

        Raises DataError for any other content, and for a line of another model or another number of samples.
        """
        *whole, cut = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        lines = [(text, self._read_line(number, text)) for number, text in enumerate(whole, start=1)]
        if cut[: len(_BEGINNING)] != _BEGINNING[: len(cut)]:
            raise DataError(_describe_foreign_line(self.path, len(whole) + 1))
        return lines

    def _read_line(self, number: int, text: str) -> ScoreLine:
        try:
            line = ScoreLine.from_json(text)
        except (AttributeError, ValueError, TypeError, KeyError):
            raise DataError(_describe_foreign_line(self.path, number)) from None
        if difference := self._describe_difference(line.scorer):
            raise DataError(f"{self.path}:{number}: {difference}; name another --out.")
        return line

    def _describe_difference(self, scorer: Scorer) -> str | None:
        """Describe how the scorer of a line differs from this run's; None if they are the same."""
        if scorer.identity != self.scorer.identity:
            if scorer.model == self.scorer.model:
                return f"scored by what {self.scorer.model} was before; it holds another model now"
            return f"scored by {scorer.model}, not by {self.scorer.model}"
        if scorer.samples != self.scorer.samples:
            return f"scored with --samples {scorer.samples}, not {self.scorer.samples}"
        if scorer.is_direct != self.scorer.is_direct:
            return f"scored {'with' if scorer.is_direct else 'without'} --direct"
        return None


def hash_clip(path: Path) -> str | None:
    """Return the sha256 of a clip's bytes; None if it cannot be read."""
    try:
        return hash_file(path) if path.is_file() else None
    except OSError:
        return None


def _is_valid(line: ScoreLine, clip: Clip) -> bool:
    """Whether a card was made from the clip's present content. If the clip no longer exists, its card stays valid."""
    sha256 = hash_clip(clip.path)
    return sha256 is None or sha256 == line.sha256


def _describe_foreign_line(path: Path, number: int) -> str:
    return f"{path}:{number}: not a line of scores; name another --out."
