"""The `score` command: write report cards for one video or many; a bad clip does not stop the others."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tqdm import tqdm

from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.models.folder import check_model, identify_model
from modelassist.engine.models.loader import load_frame_config
from modelassist.engine.scoring.cards.folder import CardPages, describe_count
from modelassist.engine.scoring.cards.text import render_text
from modelassist.engine.scoring.lines import ScoreFile, ScoreLine, Scorer, hash_clip
from modelassist.engine.scoring.sources import Clip, find_clips
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.out_of_memory import explain_out_of_memory
from qsave.answers.clip_times import hold_card_to_clip
from qsave.axes import name_level, round_to_level
from qsave.files import lock_exclusively
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.slowfast import Frames, read

_NO_PROMPT = "It has no prompt. Give --prompt, or put a text file of the same name beside the video."


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What to score, with which model, and where the results go."""

    source: Path
    """A video, a folder of videos, or a manifest."""
    model: str
    prompt: str | None = None
    """The prompt of videos that have no prompt of their own."""
    out: Path | None = None
    """A file of JSON lines, resumed if it exists. Without it the results are printed: a card, or a line per clip."""
    html: Path | None = None
    """A folder for pages to read."""
    as_json: bool = False
    """Print a JSON line for each clip instead."""
    sampling: Sampling = Sampling()  # noqa: RUF009  # it is frozen
    """The scores of a clip's samples are averaged."""
    is_direct: bool = False
    """Whether the scores are asked for without reasons."""


def score(options: ScoreOptions) -> int:
    """Score all clips; returns how many have no report card.

    Raises DataError, ModelError or MemoryFullError if no clip, or no further clip, can be scored.
    """
    clips = find_clips(options.source, options.prompt)
    check_model(options.model)
    with lock_exclusively(options.out) if options.out else nullcontext():
        return _ScoreRun(options, clips).run()


class _ScoreRun:
    """One run of the command."""

    def __init__(self, options: ScoreOptions, clips: Sequence[Clip]) -> None:
        self.options, self.clips = options, clips
        identity, samples = identify_model(options.model), options.sampling.samples
        self.scorer = Scorer(options.model, identity, samples, is_direct=options.is_direct)
        self.file = ScoreFile(options.out, self.scorer, clips) if options.out else None
        self.pages = CardPages(options.html) if options.html else None
        self.lines: dict[Clip, ScoreLine] = dict(self.file.done) if self.file else {}
        self.hashes: dict[Clip, str | None] = {}
        self.failed = 0

    def run(self) -> int:
        earlier = dict(self.lines)
        remaining = [clip for clip in self.clips if clip not in earlier]
        with tqdm(total=len(self.clips), initial=len(earlier), desc="score", unit="clip", disable=None) as bar:
            for clip, scored, frames in self._score(remaining):
                self._record(clip, scored, frames)
                bar.update()
        if self.pages:
            self._finish_pages(self.pages, earlier)
        summary = describe_count(len(self.clips) - self.failed, len(self.clips))
        print(f"{summary} ({len(earlier)} from before)" if earlier else summary, file=sys.stderr)
        self._print_paths()
        return self.failed

    @cached_property
    def _critic(self) -> Critic:
        """Load the critic when it is first needed: a run whose clips are all done does not need it."""
        critic = Critic.load(self.options.model)
        critic.sampling = self.options.sampling
        critic.is_direct = self.options.is_direct
        return critic

    def _score(self, clips: Sequence[Clip]) -> Iterator[tuple[Clip, Scored, Frames | None]]:
        scorable = [clip for clip in clips if clip.prompt and not clip.problem]
        for clip in self._hash_each(clip for clip in clips if clip.problem or not clip.prompt):
            yield clip, Scored(None, "", {}, clip.problem or _NO_PROMPT), None
        if not scorable:
            return
        advice = f"lower --tokens-per-batch (now {self.options.sampling.token_budget}); what was scored is kept"
        with explain_out_of_memory("scoring", advice):
            videos = ((clip.path, clip.prompt) for clip in self._hash_each(scorable))
            for position, scored, frames in self._critic.stream(videos):
                yield scorable[position], hold_to_clip(scored), frames

    def _hash_each(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Hash each clip just before it is read, so that the hash belongs to the bytes that are scored."""
        for clip in clips:
            self.hashes[clip] = hash_clip(clip.path)
            yield clip

    def _record(self, clip: Clip, scored: Scored, frames: Frames | None) -> None:
        line = self.lines[clip] = ScoreLine.of(clip, self.hashes.pop(clip), self.scorer, scored, frames)
        if scored.error:
            self.failed += 1
        if self.file:
            self.file.add(line)
        self._print(clip, scored, line)
        if self.pages:
            self.pages.write(clip, line, frames)

    def _print(self, clip: Clip, scored: Scored, line: ScoreLine) -> None:
        """Print the result for a clip; an error is printed once."""
        is_list = not (len(self.clips) == 1 or self.file or self.options.as_json)
        if scored.error and not is_list:
            tqdm.write(f"error: {_make_printable(clip.name)}: {scored.error}", file=sys.stderr)
        if self.file:
            return
        if self.options.as_json:
            tqdm.write(line.to_json())
        elif is_list:
            tqdm.write(format_result(_make_printable(clip.name), scored))
        elif scored.card:
            tqdm.write(render_text(scored))
        elif scored.text:
            tqdm.write(f"what the critic wrote:\n{scored.text}", file=sys.stderr)
        sys.stdout.flush()

    def _print_paths(self) -> None:
        if self.file:
            print(f"scores: {self.file.path}", file=sys.stderr)
        if self.pages:
            print(f"pages: {self.pages.index}", file=sys.stderr)

    def _finish_pages(self, pages: CardPages, earlier: Mapping[Clip, ScoreLine]) -> None:
        """Write the missing pages of clips that an earlier run scored, and the list of all clips."""
        for clip, line in earlier.items():
            if not pages.has(line):
                pages.write(clip, line, self._read_frames(clip))
        pages.write_index({clip: self.lines[clip] for clip in self.clips}, self.scorer)

    def _read_frames(self, clip: Clip) -> Frames | None:
        """Read the frames of a clip that already has a card; returns None if the clip cannot be read any more."""
        config = load_frame_config(self.options.model)
        try:
            with guard_file():
                return read(clip.path, config)
        except MediaError as error:
            tqdm.write(f"note: {clip.name}: its page goes without frames: {error}", file=sys.stderr)
            return None


def hold_to_clip(scored: Scored) -> Scored:
    """Return the result with times inside its clip only."""
    if scored.card is None or scored.clip_seconds is None:
        return scored
    card, left_out = hold_card_to_clip(scored.card, scored.clip_seconds)
    return replace(scored, card=card, left_out=left_out)


def format_result(name: str, scored: Scored) -> str:
    """Format a clip's result as one line: its three scores with their words, or why it has no scores."""
    if scored.card is None:
        return f"{name}: no report card: {scored.error}"
    scores = ((axis, score, name_level(round_to_level(score))) for axis, score in scored.card.scores.items())
    return f"{name}: " + ", ".join(f"{axis} {score:.2f} {word}" for axis, score, word in scores)


def _make_printable(name: str) -> str:
    """Replace characters that would break a terminal line: a file name may have line breaks and invalid text."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
