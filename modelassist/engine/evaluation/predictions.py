"""Predictions by free generation from pixels, clip by clip, and how consistent they are.

Never from logits behind a reference answer: its words give the level away.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import TypeVar

from tqdm import tqdm

from modelassist.engine.generation.critic import generate_answers
from modelassist.engine.generation.direct import answer_directly_each
from modelassist.engine.generation.read_scores import Scored, parse_sample, read_scores
from modelassist.engine.inputs.examples import DataError, Example
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.sampling import Sampling
from qsave.axes import AXES, LEVEL_WORDS
from qsave.files import atomic_path
from qsave.frames.container import MediaError
from qsave.run.evaluation import Consistency
from qsave.spreadsheets import escape_cell

T = TypeVar("T")
_WINDOW = 64
"""Number of clips whose frames are in memory at the same time."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the critic predicts for one clip, and the clip with its targets."""

    example: Example
    scored: Scored


def predict(
    critic: LoadedModel,
    feeder: Feeder,
    examples: Sequence[Example],
    sampling: Sampling,
    *,
    label: str,
) -> list[Prediction]:
    """Predict every example by free generation: the greedy answer, or the mean of several sampled ones."""
    answers = _answer_each(feeder, examples, lambda prompts: generate_answers(critic, prompts, sampling), label)
    return [
        Prediction(example, Scored.from_error(group) if isinstance(group, MediaError) else read_scores(critic, group))
        for example, group in answers
    ]


def predict_directly(
    critic: LoadedModel, feeder: Feeder, examples: Sequence[Example], token_budget: int, *, label: str
) -> list[Prediction]:
    """Predict every example by its direct answer, without reasons."""
    answers = _answer_each(feeder, examples, lambda prompts: answer_directly_each(critic, prompts, token_budget), label)
    return [
        Prediction(example, Scored.from_error(scored) if isinstance(scored, MediaError) else scored)
        for example, scored in answers
    ]


def measure_consistency(
    critic: LoadedModel, feeder: Feeder, examples: Sequence[Example], sampling: Sampling, *, label: str
) -> Consistency:
    """Measure the share of samples that parse, and the spread of the score over the samples of one clip.

    The spread is a mean over clips and axes. Raises DataError if no clip can be read.
    """
    answers = _answer_each(feeder, examples, lambda prompts: generate_answers(critic, prompts, sampling), label)
    groups = [group for _, group in answers if not isinstance(group, MediaError)]
    if not groups:
        raise DataError(f"{label}: none of the clips can be read any more.")
    scored_groups = [[read_scores(critic, [sample]) for sample in group] for group in groups]
    valid = [parse_sample(critic, sample) is not None for group in groups for sample in group]
    spreads = [
        pstdev(scored.card.axis(axis).score for scored in group if scored.card)
        for group in scored_groups
        for axis in AXES
        if sum(scored.card is not None for scored in group) >= 2
    ]
    return Consistency(fmean(valid), float(len(valid)), fmean(spreads) if spreads else None)


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write one CSV line a clip, safe to open in a spreadsheet."""
    header = ["id", "clip_id", "generator", "prompt_group", "error", "text"]
    for axis in AXES:
        header += [f"{axis}_mos", f"{axis}_se", f"{axis}_score", *(f"{axis}_p_{word}" for word in LEVEL_WORDS)]
        header += [f"{axis}_defects", f"{axis}_defects_of_people"]
    with atomic_path(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([escape_cell(cell) for cell in _list_cells(prediction)] for prediction in predictions)


def _answer_each(
    feeder: Feeder, examples: Sequence[Example], answer: Callable[[Sequence[Prompt]], Sequence[T]], label: str
) -> Iterator[tuple[Example, T | MediaError]]:
    """Yield each example with what `answer` gives for its prompt, or with the error if its clip cannot be read."""
    with tqdm(total=len(examples), desc=label, unit="clip", leave=False) as bar:
        for start in range(0, len(examples), _WINDOW):
            window = examples[start : start + _WINDOW]
            prompts = [_read_prompt(feeder, example) for example in window]
            answers = iter(answer([prompt for prompt in prompts if isinstance(prompt, Prompt)]))
            bar.update(len(window))
            for example, prompt in zip(window, prompts, strict=True):
                yield example, prompt if isinstance(prompt, MediaError) else next(answers)


def _read_prompt(feeder: Feeder, example: Example) -> Prompt | MediaError:
    try:
        return feeder.make_prompt(example)
    except MediaError as error:
        return error


def _list_cells(prediction: Prediction) -> Iterator[str]:
    example, scored = prediction.example, prediction.scored
    yield from (example.id, example.clip_id, example.generator, example.prompt_group, scored.error or "", scored.text)
    for axis in AXES:
        target = example.targets[axis]
        yield f"{target.mos:.6f}"
        yield f"{target.se:.6f}"
        yield f"{scored.card.axis(axis).score:.6f}" if scored.card else ""
        yield from (f"{share:.6f}" for share in scored.probabilities.get(axis, ())) if scored.card else [""] * 5
        yield " ".join(scored.card.axis(axis).defects) if scored.card else ""
        yield " ".join(target.defects)
