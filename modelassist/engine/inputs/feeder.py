"""Make model inputs from examples: prompts, training rows and vision features."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch

from modelassist.engine.inputs.examples import DataError, Example
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.prompt import Prompt, build_prompt, encode_completion, make_blank_frames, shift_frames
from modelassist.engine.inputs.rows import Row
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import FEATURE_GIGABYTES
from modelassist.engine.support.cache import BoundedCache
from qsave.detectors.prompt_line import write_measured_line
from qsave.frames.guard import MediaError
from qsave.frames.slowfast import Frames
from qsave.prompt import add_line

T = TypeVar("T")


class Feeder:
    """Makes model inputs from examples.

    If the vision tower is `frozen`, up to `gigabytes` of its features are cached in main memory, because GPU memory is
    needed for other things. `blank` replaces all frames by grey ones.
    """

    def __init__(
        self,
        model: LoadedModel,
        store: FrameStore,
        *,
        frozen: bool = False,
        blank: bool = False,
        gigabytes: float = FEATURE_GIGABYTES,
    ) -> None:
        self.model, self.store, self.frozen, self.blank = model, store, frozen, blank
        self._measured: dict[str, str] = {}
        self._features: BoundedCache[Features] = BoundedCache(gigabytes * 1e9, lambda features: features.nbytes)

    def make_prompt(self, example: Example) -> Prompt:
        """Build the prompt of an example."""
        frames = self.store.load_frames(example)
        messages = self._build_question(example)
        return build_prompt(self.model, make_blank_frames(frames) if self.blank else frames, messages)

    def make_row(self, example: Example, shift: tuple[float, float] = (0.0, 0.0), *, direct: bool = False) -> Row:
        """Build the SFT row: the prompt with the human answer and, if `direct`, also with the answer without reasons.

        `shift` moves the frames down and across, by shares of their size, unless the tower is frozen.
        """
        frames = self.store.load_frames(example)
        if any(shift) and not self.frozen:
            frames = shift_frames(frames, *shift)
        prompt = build_prompt(self.model, frames, self._build_question(example))
        texts = [example.answer, example.verdict] if direct else [example.answer]
        return Row(prompt, tuple(encode_completion(self.model, text) for text in texts))

    def _build_question(self, example: Example) -> Sequence[Mapping[str, str]]:
        """Return the messages of an example; of a rated clip with what is measured, if the model is told that."""
        if not self.model.readings or not example.targets:
            return example.messages
        if example.sha256 not in self._measured:
            readings = self.store.readings.load_readings(example)
            self._measured[example.sha256] = write_measured_line(readings, self.model.readings)
        return add_line(example.messages, self._measured[example.sha256])

    def make_filler(self) -> Row:
        """Build the smallest possible row, for a process that must run a pass but has no clip left."""
        unit, temporal = self.model.geometry.unit, self.model.geometry.temporal
        still, moving = (np.zeros((count, unit, unit, 3), np.uint8) for count in (1, temporal))
        frames = Frames(moving, (0.0,) * temporal, still, (0.0,))
        messages = [{"role": "system", "content": ""}, {"role": "user", "content": ""}]
        return Row(build_prompt(self.model, frames, messages), ((self.model.turn_end,),))

    def compute_features(self, examples: Sequence[Example], prompts: Sequence[Prompt]) -> list[Features]:
        """Compute the vision features of a batch; those of a frozen tower are cached."""
        if not self.frozen:
            return encode(self.model, prompts)
        return [self._load_features(example, prompt) for example, prompt in zip(examples, prompts, strict=True)]

    @torch.no_grad()
    def _load_features(self, example: Example, prompt: Prompt) -> Features:
        features = self._features.get(
            example.sha256, lambda: encode(self.model, [prompt])[0], to_stored=lambda features: features.to("cpu")
        )
        return features.to(self.model.device)


def build_each(
    examples: Sequence[Example], build: Callable[[Example], T], machine: Machine, report: Callable[[str], None]
) -> list[tuple[Example, T]]:
    """Build the input of each example in this process's share of a step.

    A clip that has become unreadable is reported and left out. Raises DataError if no process has a clip left: then the
    problem is larger than a single clip.
    """
    pairs, problems = [], []
    for example in examples:
        try:
            pairs.append((example, build(example)))
        except MediaError as error:
            problems.append(f"clip {example.clip_id} left out: {error}")
    counts = machine.gather((len(pairs), problems))
    all_problems = [problem for _, own in counts for problem in own]
    if not any(count for count, _ in counts):
        raise DataError(f"No clip of a step is left: {all_problems[0]}")
    for problem in all_problems:
        report(problem)
    return pairs
