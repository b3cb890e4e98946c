"""The `score` command: report cards for one video or a hundred thousand, and one bad clip no reason to stop."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tqdm import tqdm

from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.models.folder import check_model, identify_model
from modelassist.engine.models.loader import load_frame_config
from modelassist.engine.scoring.cards.folder import CardPages, tally
from modelassist.engine.scoring.cards.text import render_text
from modelassist.engine.scoring.lines import By, Line, ScoreFile, content, line_of
from modelassist.engine.scoring.sources import Clip, clips_of
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.out_of_memory import memory_limit
from qsave.axes import level_of_mos, level_word
from qsave.files import only_one
from qsave.frames.guard import MediaError, one_file
from qsave.frames.slowfast import Frames, read

_NO_PROMPT = "it has no prompt: give --prompt, or lay a text file of the same name beside the video"


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What is to be scored, by whom, and where it goes."""

    source: Path
    """A video, a folder of videos, or a manifest."""
    model: str
    prompt: str | None = None
    """For videos that bring none of their own."""
    out: Path | None = None
    """A file of JSON lines, gone on with where it is there; without it a card or a line a clip is printed."""
    html: Path | None = None
    """A folder for pages to read."""
    as_json: bool = False
    """Print a JSON line a clip instead."""
    sampling: Sampling = Sampling()  # noqa: RUF009  # it is frozen
    """The scores of a clip's samples are averaged."""


def score(options: ScoreOptions) -> int:
    """Score all clips; returns how many are left without a report card.

    Raises DataError, ModelError or MemoryFullError where nothing can be scored, or no more.
    """
    clips = clips_of(options.source, options.prompt)
    check_model(options.model)
    with only_one(options.out) if options.out else nullcontext():
        return _Scoring(options, clips).run()


class _Scoring:
    """One run of the command."""

    def __init__(self, options: ScoreOptions, clips: Sequence[Clip]) -> None:
        self.options, self.clips = options, clips
        self.by = By(options.model, identify_model(options.model), options.sampling.samples)
        self.file = ScoreFile(options.out, self.by, clips) if options.out else None
        self.pages = CardPages(options.html) if options.html else None
        self.lines: dict[Clip, Line] = dict(self.file.found) if self.file else {}
        self.contents: dict[Clip, str | None] = {}
        self.failed = 0

    def run(self) -> int:
        earlier = dict(self.lines)
        left = [clip for clip in self.clips if clip not in earlier]
        with tqdm(total=len(self.clips), initial=len(earlier), desc="score", unit="clip", disable=None) as bar:
            for clip, scored, frames in self._scored(left):
                self._keep(clip, scored, frames)
                bar.update()
        if self.pages:
            self._finish(self.pages, earlier)
        found = tally(len(self.clips) - self.failed, len(self.clips))
        print(f"{found} ({len(earlier)} from before)" if earlier else found, file=sys.stderr)
        self._say_where()
        return self.failed

    @cached_property
    def _critic(self) -> Critic:
        """Loaded when it is first needed: a run that finds everything done needs none."""
        critic = Critic.load(self.options.model)
        critic.sampling = self.options.sampling
        return critic

    def _scored(self, clips: Sequence[Clip]) -> Iterator[tuple[Clip, Scored, Frames | None]]:
        asked = [clip for clip in clips if clip.prompt and not clip.problem]
        for clip in self._taken(clip for clip in clips if clip.problem or not clip.prompt):
            yield clip, Scored(None, "", {}, clip.problem or _NO_PROMPT), None
        if not asked:
            return
        advice = f"lower --tokens-per-batch (now {self.options.sampling.token_budget}); what was scored is kept"
        with memory_limit("scoring", advice):
            items = ((clip.path, clip.prompt) for clip in self._taken(asked))
            for place, scored, frames in self._critic.stream(items):
                yield asked[place], scored, frames

    def _taken(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Clips as they are taken in, when their content is noted: what is read next is what was noted."""
        for clip in clips:
            self.contents[clip] = content(clip.path)
            yield clip

    def _keep(self, clip: Clip, scored: Scored, frames: Frames | None) -> None:
        line = self.lines[clip] = line_of(clip, self.contents.pop(clip), self.by, scored, frames)
        if scored.error:
            self.failed += 1
        if self.file:
            self.file.add(line)
        self._tell(clip, scored, line)
        if self.pages:
            self.pages.write(clip, line, frames)

    def _tell(self, clip: Clip, scored: Scored, line: Line) -> None:
        """What there is to read of a clip; an error is said once."""
        alone = len(self.clips) == 1
        listed = not (alone or self.file or self.options.as_json)
        if scored.error and not listed:
            tqdm.write(f"error: {_printable(clip.name)}: {scored.error}", file=sys.stderr)
        if self.file:
            return
        if self.options.as_json:
            tqdm.write(json.dumps(line))
        elif listed:
            tqdm.write(clip_text(_printable(clip.name), scored))
        elif scored.card:
            tqdm.write(render_text(scored))
        elif scored.text:
            tqdm.write(f"what the critic wrote:\n{scored.text}", file=sys.stderr)
        sys.stdout.flush()

    def _say_where(self) -> None:
        if self.file:
            print(f"scores: {self.file.path}", file=sys.stderr)
        if self.pages:
            print(f"pages: {self.pages.index}", file=sys.stderr)

    def _finish(self, pages: CardPages, earlier: Mapping[Clip, Line]) -> None:
        """Pages of clips that were scored before pages were asked for, and the list of all."""
        for clip, line in earlier.items():
            if not pages.has(line):
                pages.write(clip, line, self._frames_again(clip))
        pages.write_index({clip: self.lines[clip] for clip in self.clips}, self.by)

    def _frames_again(self, clip: Clip) -> Frames | None:
        """The frames of a clip that has its card already, if it can still be read."""
        config = load_frame_config(self.options.model)
        try:
            with one_file():
                return read(clip.path, config)
        except MediaError as error:
            tqdm.write(f"note: {clip.name}: its page goes without frames: {error}", file=sys.stderr)
            return None


def clip_text(name: str, scored: Scored) -> str:
    """A clip in one line: its three scores with their words, or why there are none."""
    if scored.card is None:
        return f"{name}: no report card: {scored.error}"
    found = ((axis, score, level_word(level_of_mos(score))) for axis, score in scored.card.scores.items())
    return f"{name}: " + ", ".join(f"{axis} {score:.2f} {word}" for axis, score, word in found)


def _printable(name: str) -> str:
    """A file's name may hold line breaks and bytes that are no text; a line of the terminal may not."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
