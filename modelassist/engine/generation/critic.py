"""Score clips with a critic. Drafting, evaluation and `score` share this code: the same prompt, frames and sampler.

Clips are batched by length within a budget of tokens, shortest first; the result does not depend on the batch. A clip
that cannot be read and an answer outside the grammar are outcomes with a reason.
"""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import torch

from modelassist.engine.generation.direct import stream_direct_answers
from modelassist.engine.generation.guided import Guide
from modelassist.engine.generation.read_scores import Scored, read_scores
from modelassist.engine.generation.sampler import Sample, generate
from modelassist.engine.inputs.batching import split_by_length
from modelassist.engine.inputs.prompt import Prompt, build_prompt
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models.folder import CRITIC_FILE, ModelError, find_folder
from modelassist.engine.models.loader import LoadedModel, load
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.out_of_memory import is_out_of_memory
from qsave.detectors.measure import measure_and_read
from qsave.detectors.prompt_line import write_measured_line
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.slowfast import Frames, watch
from qsave.prompt import SYSTEM_PROMPT, add_line, make_user_prompt
from qsave.taxonomy import Defect

__all__ = ["Critic", "ModelError", "Scored"]

logger = logging.getLogger(__name__)

_WINDOW = 64
"""Clips whose frames are in memory at once."""


class GenerationError(RuntimeError):
    """The model fails on a clip although the clip can be read; the message says how, in a full sentence."""


class Critic:
    """A loaded critic. `Critic.load(model).score([(video, prompt), ..])` gives a report card for each."""

    def __init__(
        self,
        loaded: LoadedModel,
        sampling: Sampling = Sampling(),  # noqa: B008  # it is frozen
        guide: Guide | None = None,
    ) -> None:
        """Take a model. With `guide` its answers are forced into the form of report cards, and greedy."""
        self.loaded = loaded
        self.sampling = sampling
        self.guide = guide
        self.is_direct = False
        """Whether answers are direct: scores alone, without reasons, from one prefill each."""

    @classmethod
    def load(cls, model: str, device: str | None = None) -> "Critic":
        """Load from a folder or a hub id, on CUDA if there is any; raises ModelError.

        A model without the settings of a critic was not trained on report cards, so its answers are guided.
        """
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        loaded = load(model, device=device, dtype=torch.float32 if device == "cpu" else torch.bfloat16)
        if is_critic(model):
            return cls(loaded)
        print(
            f"{model}: it has no {CRITIC_FILE}, so the default frame settings are used, and its answers are forced "
            "into the form of report cards.",
            file=sys.stderr,
        )
        return cls(loaded, guide=Guide(loaded))

    def set_taxonomy(self, taxonomy: Sequence[Defect]) -> None:
        """Let a guided model name these defects from now on. A trained critic names those that it has learned."""
        if self.guide is not None:
            self.guide.taxonomy = tuple(taxonomy)

    def score(self, clips: Sequence[tuple[Path, str]]) -> list[Scored]:
        """Return a report card, or the reason why it is missing, for each (video, prompt), in order."""
        by_position = {position: scored for position, scored, _ in self.stream(clips)}
        return [by_position[position] for position in range(len(clips))]

    def stream(self, clips: Iterable[tuple[Path, str]]) -> Iterator[tuple[int, Scored, Frames | None]]:
        """Yield each result as it is ready: the clip's position, the result, and the frames (None if it has none).

        `clips` is read _WINDOW clips at a time; within a window the shortest prompt comes first.
        """
        remaining = iter(clips)
        for start in count(step=_WINDOW):
            window = list(islice(remaining, _WINDOW))
            if not window:
                return
            for position, scored, frames in self._score_window(window):
                yield start + position, scored, frames

    def _score_window(self, clips: Sequence[tuple[Path, str]]) -> Iterator[tuple[int, Scored, Frames | None]]:
        frames: dict[int, Frames] = {}
        prompts: dict[int, Prompt] = {}
        durations: dict[int, float] = {}
        for position, (path, prompt) in enumerate(clips):
            try:
                with guard_file(passing=(torch.OutOfMemoryError,)):
                    frames[position], durations[position], measured = self._read(path)
                with _wrap_model_errors():
                    question = self.build_question(prompt)
                    if measured:
                        question = add_line(question, measured)
                    prompts[position] = build_prompt(self.loaded, frames[position], question)
            except (MediaError, GenerationError) as error:
                yield position, Scored.from_error(error), None
        seconds = {position: frames[position].fast_times[-1] for position in prompts}
        for position, scored in self._score_prompts(prompts, seconds):
            yield position, replace(scored, clip_seconds=durations[position]), frames[position]

    def _read(self, path: Path) -> tuple[Frames, float, str]:
        """Read the frames and seconds of a clip, and the line of its readings if the critic is told that, at once."""
        if not self.loaded.readings:
            watched = watch(path, self.loaded.frames)
            return watched.frames, watched.duration, ""
        readings, frames = measure_and_read(path, self.loaded.frames)
        return frames, readings.duration, write_measured_line(readings, self.loaded.readings)

    def build_question(self, prompt: str) -> list[dict[str, str]]:
        """Build the messages that ask this critic about one video prompt."""
        return build_question(prompt) if self.guide is None else self.guide.build_question(prompt)

    def _score_prompts(
        self, prompts: Mapping[int, Prompt], seconds: Mapping[int, float]
    ) -> Iterator[tuple[int, Scored]]:
        """Score prompts in batches; if a batch fails, score the remaining prompts one by one.

        If there are several of them and all fail, the model is at fault and not a clip, and the error is raised.
        """
        left = dict(prompts)
        try:
            with _wrap_model_errors():
                for position, scored in self._generate_scores(prompts, seconds):
                    del left[position]
                    yield position, scored
                return
        except GenerationError as failure:
            error = failure.__cause__ or failure
        results = {position: self._score_alone(prompt, seconds[position]) for position, prompt in left.items()}
        if len(left) == len(prompts) > 1 and all(isinstance(result, GenerationError) for result in results.values()):
            raise error
        for position, result in results.items():
            yield position, Scored.from_error(result) if isinstance(result, GenerationError) else result

    def _score_alone(self, prompt: Prompt, seconds: float) -> Scored | GenerationError:
        try:
            with _wrap_model_errors():
                return next(scored for _, scored in self._generate_scores({0: prompt}, {0: seconds}))
        except GenerationError as error:
            return error

    def _generate_scores(
        self, prompts: Mapping[int, Prompt], seconds: Mapping[int, float]
    ) -> Iterator[tuple[int, Scored]]:
        positions = list(prompts)
        if self.is_direct:
            budget = self.sampling.token_budget
            for index, scored in stream_direct_answers(self.loaded, list(prompts.values()), budget):
                yield positions[index], scored
            return
        for index, samples in self._stream(list(prompts.values()), [seconds[position] for position in positions]):
            yield positions[index], read_scores(self.loaded, samples)

    def _stream(self, prompts: Sequence[Prompt], seconds: Sequence[float]) -> Iterator[tuple[int, list[Sample]]]:
        if self.guide is None:
            return stream_answers(self.loaded, prompts, self.sampling)
        return self.guide.stream(prompts, seconds, self.sampling.token_budget)


def build_question(prompt: str) -> list[dict[str, str]]:
    """Build the messages that ask about one video prompt, as in a release, up to the assistant's turn."""
    return [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": make_user_prompt(prompt)}]


def generate_answers(model: LoadedModel, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Sample]]:
    """Generate freely for many prompts; returns the samples of each, in the order of the prompts."""
    by_position = dict(stream_answers(model, prompts, sampling))
    return [by_position[position] for position in range(len(prompts))]


def stream_answers(
    model: LoadedModel, prompts: Sequence[Prompt], sampling: Sampling
) -> Iterator[tuple[int, list[Sample]]]:
    """Generate batch by batch; yields the position of each prompt and its samples as they are generated."""
    model.network.eval()
    lengths = [len(prompt.ids) for prompt in prompts]
    budget = sampling.token_budget
    for positions in split_by_length(lengths, budget, copies=sampling.samples, extra=model.max_new_tokens):
        batch = [prompts[position] for position in positions]
        with torch.no_grad():
            features = [encode(model, [prompt])[0] for prompt in batch]
        samples = generate(model, batch, features, sampling, max_new_tokens=model.max_new_tokens)
        yield from zip(positions, samples, strict=True)


def is_critic(model: str) -> bool:
    """Return whether a model has the settings that training stores with a critic; a model of the hub has none."""
    folder = find_folder(model)
    return folder is not None and (folder / CRITIC_FILE).is_file()


@contextmanager
def _wrap_model_errors() -> Iterator[None]:
    """Turn any error of the model in the block into GenerationError, except an out-of-memory error."""
    try:
        yield
    except GenerationError:
        raise
    except Exception as error:  # a clip or a prompt may cause any error in the model; the other clips are still scored
        if is_out_of_memory(error):
            raise
        logger.warning("The model failed on one clip", exc_info=True)
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": .")
        raise GenerationError(f"The critic failed on this clip ({reason}).") from error
