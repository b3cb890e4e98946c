"""Scoring clips: what drafts, what evaluates, what `score` prints. One prompt, one sampler of frames, one reader.

Clips are generated for side by side, as many as a budget of tokens allows, shortest first; the result does not depend
on who sat beside whom. A clip that cannot be read, or an output outside the grammar, is an outcome with its reason.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

import torch

from modelassist.engine.generation.read_scores import Scored, read_scores, unread
from modelassist.engine.generation.sampler import Sample, generate
from modelassist.engine.inputs.batching import split_by_length
from modelassist.engine.inputs.prompt import Prompt, build_prompt
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models.folder import CRITIC_FILE, ModelError, find_folder
from modelassist.engine.models.loader import Loaded, load
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.out_of_memory import MemoryFullError, memory_limit
from qsave.frames.guard import MediaError, one_file
from qsave.frames.slowfast import Frames, read
from qsave.prompt import SYSTEM_PROMPT, user_prompt

__all__ = ["Critic", "ModelError", "Scored"]

_WINDOW = 64
"""Clips whose frames are held at once."""


class Critic:
    """A loaded critic. `Critic.load(model).score([(video, prompt), ..])` gives a report card for each."""

    def __init__(self, loaded: Loaded, sampling: Sampling = Sampling()) -> None:  # noqa: B008  # it is frozen
        self.loaded = loaded
        self.sampling = sampling

    @classmethod
    def load(cls, model: str, device: str | None = None) -> "Critic":
        """Load from a folder or a hub id; raises ModelError. The device is CUDA where there is one."""
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        loaded = load(model, device=device, dtype=torch.float32 if device == "cpu" else torch.bfloat16)
        _warn_of_default_frames(model)
        return cls(loaded)

    def score(self, items: Sequence[tuple[Path, str]]) -> list[Scored]:
        """A report card, or the reason why there is none, for each (video, prompt), in order."""
        found = {place: scored for place, scored, _ in self.stream(items)}
        return [found[place] for place in range(len(items))]

    def stream(self, items: Iterable[tuple[Path, str]]) -> Iterator[tuple[int, Scored, Frames | None]]:
        """The same as they are done, each with its place and what the critic saw of the clip (None where that cannot be
        read). Clips are taken from `items` by _WINDOW and done shortest first."""
        left = iter(items)
        for start in count(step=_WINDOW):
            window = list(islice(left, _WINDOW))
            if not window:
                return
            for place, scored, frames in self._window(window):
                yield start + place, scored, frames

    def _window(self, items: Sequence[tuple[Path, str]]) -> Iterator[tuple[int, Scored, Frames | None]]:
        seen: dict[int, Frames] = {}
        prompts: dict[int, Prompt] = {}
        for place, (path, prompt) in enumerate(items):
            try:
                with _one_clip():
                    frames = read(path, self.loaded.frames)
                    prompts[place], seen[place] = build_prompt(self.loaded, frames, question(prompt)), frames
            except MediaError as error:
                yield place, unread(error), None
        for place, scored in self._cards(prompts):
            yield place, scored, seen[place]

    def _cards(self, prompts: Mapping[int, Prompt]) -> Iterator[tuple[int, Scored]]:
        """What the critic says to each prompt. Where one of them ends a batch in an error, those that are left are
        done one by one. An error that ends each of several is no fault of a clip and is raised."""
        left = dict(prompts)
        try:
            with _one_clip():
                for place, scored in self._generated(prompts):
                    del left[place]
                    yield place, scored
                return
        except MediaError as problem:
            error = problem.__cause__ or problem
        alone = {place: self._card_alone(prompt) for place, prompt in left.items()}
        if len(left) == len(prompts) > 1 and all(isinstance(each, MediaError) for each in alone.values()):
            raise error
        for place, result in alone.items():
            yield place, unread(result) if isinstance(result, MediaError) else result

    def _card_alone(self, prompt: Prompt) -> Scored | MediaError:
        try:
            with _one_clip():
                return next(scored for _, scored in self._generated({0: prompt}))
        except MediaError as error:
            return error

    def _generated(self, prompts: Mapping[int, Prompt]) -> Iterator[tuple[int, Scored]]:
        places = list(prompts)
        for number, group in stream_answers(self.loaded, list(prompts.values()), self.sampling):
            yield places[number], read_scores(self.loaded, group)


def _warn_of_default_frames(model: str) -> None:
    """Say if a local model has no frame settings of its own.

    A critic that lost its settings looks like a model that never had any, and scores differently.
    """
    folder = find_folder(model)
    if folder and not (folder / CRITIC_FILE).is_file():
        print(f"{model}: it has no {CRITIC_FILE}, so the default frame settings are used.", file=sys.stderr)


@contextmanager
def _one_clip() -> Iterator[None]:
    """The guard around one file, which an error about full memory passes as it is."""
    try:
        with one_file(passing=(MemoryFullError,)), memory_limit("one clip", ""):
            yield
    except MemoryFullError as error:
        raise error.__cause__ or error from None


def question(prompt: str) -> list[dict[str, str]]:
    """The messages that ask about one video prompt: those that a release holds, up to the assistant's turn."""
    return [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": user_prompt(prompt)}]


def generate_answers(critic: Loaded, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Sample]]:
    """Generate freely for many prompts; returns the samples of each, in the order of the prompts."""
    found = dict(stream_answers(critic, prompts, sampling))
    return [found[place] for place in range(len(prompts))]


def stream_answers(critic: Loaded, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[tuple[int, list[Sample]]]:
    """Generate batch by batch; yields the position of each prompt and its samples as they are generated."""
    critic.network.eval()
    lengths = [len(prompt.ids) for prompt in prompts]
    budget = sampling.token_budget
    for batch in split_by_length(lengths, budget, copies=sampling.samples, extra=critic.max_new_tokens):
        some = [prompts[place] for place in batch]
        with torch.no_grad():
            features = [encode(critic, [prompt])[0] for prompt in some]  # as they are read: one by one
        samples = generate(
            critic,
            some,
            features,
            sampling,
            max_new_tokens=critic.max_new_tokens,
        )
        yield from zip(batch, samples, strict=True)
