"""Clips of a release as examples: frames decoded once, cached by content hash and frame settings.

A clip that cannot be read is left out and named; a run goes on without it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

import numpy as np
import torch
from tqdm import tqdm

from modelassist.engine.inputs.prompt import Prompt, blanked, build_prompt, completion_ids, shifted
from modelassist.engine.inputs.rows import Row
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import FEATURE_GIGABYTES
from modelassist.engine.support.cache import BoundedCache
from qsave.axes import Axis
from qsave.files import atomic_path
from qsave.frames.guard import MediaError, one_file
from qsave.frames.slowfast import FrameConfig, Frames, read
from qsave.grammar import without_reasons
from qsave.parsing import parse_json
from qsave.prompt import SYSTEM_PROMPT, describe_prompt
from qsave.release.manifest import sha256_of
from qsave.release.reader import ReleaseReader
from qsave.release.rows import RlRow, SftRow, Target, Task

_FRAME_BYTES = 512 * 2**20
T = TypeVar("T")


class DataError(ValueError):
    """A release with nothing to train on; the message says what was missing."""


@dataclass(frozen=True, slots=True)
class Example:
    """One clip with its question, what people said of it, and where its frames come from."""

    id: str
    clip_id: str
    generator: str
    prompt_group: str
    path: Path
    sha256: str
    messages: tuple[Mapping[str, str], ...]
    targets: Mapping[Axis, Target]
    simulated: bool = False

    @property
    def answer(self) -> str:
        """The human report card as text; empty in a row that has none."""
        return next((message["content"] for message in self.messages if message["role"] == "assistant"), "")

    @property
    def verdict(self) -> str:
        """The answer without its reasons."""
        return without_reasons(self.answer)


class FrameStore:
    """Frames by content hash: on disk as arrays, and in memory as far as that goes."""

    def __init__(self, folder: Path, config: FrameConfig) -> None:
        self.folder, self.config = folder, config
        self._cache: BoundedCache[Frames] = BoundedCache(_FRAME_BYTES, _count_bytes)

    def frames(self, example: Example) -> Frames:
        """The frames of one clip; raises MediaError where it cannot be decoded."""
        return self._cache.get(example.sha256, lambda: self._stored(example))

    def _stored(self, example: Example) -> Frames:
        path = self.folder / f"{example.sha256}-{self.config.key()}.npz"
        frames = _unpacked(path)
        if frames is None:
            with one_file():
                frames = read(example.path, self.config)
            self.folder.mkdir(parents=True, exist_ok=True)
            _pack(path, frames)
        return frames


def _count_bytes(frames: Frames) -> int:
    return frames.fast.nbytes + frames.slow.nbytes


def _pack(path: Path, frames: Frames) -> None:
    """Write the arrays whole; of two writers the later one's file stays, and holds the same."""
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        np.savez(
            file,
            fast=frames.fast,
            fast_times=np.array(frames.fast_times),
            slow=frames.slow,
            slow_times=np.array(frames.slow_times),
        )


def _unpacked(path: Path) -> Frames | None:
    """What was packed, or None where that is not there or damaged: then the clip itself is asked again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Frames(
                arrays["fast"],
                tuple(arrays["fast_times"].tolist()),
                arrays["slow"],
                tuple(arrays["slow_times"].tolist()),
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def load_examples(release: ReleaseReader, kind: str, split: str) -> list[Example]:
    """The rows of one file of a release whose clips are there; raises ReleaseError where one is missing."""
    rows: Iterable[SftRow | RlRow] = release.rows(kind, split)
    return [
        Example(
            id=row.id,
            clip_id=row.clip_id,
            generator=row.generator,
            prompt_group=row.prompt_group,
            path=release.media_path(row),
            sha256=row.media.sha256,
            messages=_messages(row.task),
            targets=row.targets,
            simulated=row.simulated,
        )
        for row in rows
    ]


def load_captions(path: Path) -> list[Example]:
    """Clips with a description each, as examples without targets; raises DataError, naming the line."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file of captions (sft.captions)")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: a text may hold U+2028
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: a file of captions is UTF-8, and this one is not: {error}") from None
    return [_captioned(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _captioned(path: Path, number: int, line: str) -> Example:
    try:
        value = parse_json(line)
        video, text, prompt = path.parent / value["video"], str(value["text"]), str(value.get("prompt", ""))
        sha256 = sha256_of(video)
    except (ValueError, TypeError, KeyError, OSError) as error:
        wanted = '{"video": .., "text": ..} or with a "prompt" too'
        raise DataError(f"{path}:{number}: not a line {wanted}, with its video: {error!r}") from None
    messages = _messages(Task(SYSTEM_PROMPT, describe_prompt(prompt), text))
    return Example(video.name, video.name, "", "", video, sha256, messages, targets={})


def _messages(task: Task) -> tuple[Mapping[str, str], ...]:
    """The turns of a conversation: system, user, and the assistant's where the task has an answer."""
    turns = {"system": task.system, "user": task.user, "assistant": task.answer}
    return tuple({"role": role, "content": text} for role, text in turns.items() if text is not None)


def readable(
    store: FrameStore, examples: Sequence[Example], label: str, machine: Machine
) -> tuple[list[Example], list[str]]:
    """Decode every clip once, each process its part; returns the examples that can be used, and what is wrong with the
    others."""
    problems: dict[str, str] = {}
    for example in tqdm(machine.part(examples), f"frames {label}", unit="clip", leave=False, disable=not machine.leads):
        try:
            store.frames(example)
        except MediaError as error:
            problems[example.sha256] = f"clip {example.clip_id} left out: {error}"
    bad = {sha256: problem for some in machine.gathered(problems) for sha256, problem in some.items()}
    return [example for example in examples if example.sha256 not in bad], list(bad.values())


def built(
    examples: Sequence[Example], build: Callable[[Example], T], machine: Machine, report: Callable[[str], None]
) -> list[tuple[Example, T]]:
    """What is built of each example of a process' part of a step. A clip that has become unreadable is reported and
    left out; raises DataError where no process has any left, as then more than a clip is wrong."""
    pairs, problems = [], []
    for example in examples:
        try:
            pairs.append((example, build(example)))
        except MediaError as error:
            problems.append(f"clip {example.clip_id} left out: {error}")
    told = machine.gathered((len(pairs), problems))
    everyones = [problem for _, some in told for problem in some]
    if not any(count for count, _ in told):
        raise DataError(f"no clip of a step is left: {everyones[0]}")
    for problem in everyones:
        report(problem)
    return pairs


class Feeder:
    """Examples as model inputs, with vision features kept where the tower is `frozen`: in main memory, as a GPU has
    better use for its own, up to `gigabytes`."""

    def __init__(
        self,
        critic: Loaded,
        store: FrameStore,
        *,
        frozen: bool = False,
        blank: bool = False,
        gigabytes: float = FEATURE_GIGABYTES,
    ) -> None:
        self.critic, self.store, self.frozen, self.blank = critic, store, frozen, blank
        self._features: BoundedCache[Features] = BoundedCache(gigabytes * 1e9, lambda features: features.nbytes)

    def prompt(self, example: Example) -> Prompt:
        frames = self.store.frames(example)
        return build_prompt(self.critic, blanked(frames) if self.blank else frames, example.messages)

    def row(self, example: Example, shift: tuple[float, float] = (0.0, 0.0), *, direct: bool = False) -> Row:
        """The prompt with the human answer: a row of SFT; with `direct`, the answer without its reasons as well.
        `shift` moves the frames down and across, unless features are kept."""
        frames = self.store.frames(example)
        if any(shift) and not self.frozen:
            frames = shifted(frames, *shift)
        prompt = build_prompt(self.critic, frames, example.messages)
        texts = [example.answer, example.verdict] if direct else [example.answer]
        return Row(prompt, tuple(completion_ids(self.critic, text) for text in texts))

    def filler(self) -> Row:
        """The smallest row there is, for a process that has to take a pass with nothing to learn."""
        unit, temporal = self.critic.geometry.unit, self.critic.geometry.temporal
        still, moving = (np.zeros((count, unit, unit, 3), np.uint8) for count in (1, temporal))
        frames = Frames(moving, (0.0,) * temporal, still, (0.0,))
        messages = [{"role": "system", "content": ""}, {"role": "user", "content": ""}]
        return Row(build_prompt(self.critic, frames, messages), ((self.critic.turn_end,),))

    def features(self, examples: Sequence[Example], prompts: Sequence[Prompt]) -> list[Features]:
        """Vision features of a batch; those of a frozen tower are kept, as far as there is room."""
        if not self.frozen:
            return encode(self.critic, prompts)
        return [self._kept(example, prompt) for example, prompt in zip(examples, prompts, strict=True)]

    @torch.no_grad()
    def _kept(self, example: Example, prompt: Prompt) -> Features:
        kept = self._features.get(
            example.sha256, lambda: encode(self.critic, [prompt])[0], to_stored=lambda features: features.to("cpu")
        )
        return kept.to(self.critic.device)
