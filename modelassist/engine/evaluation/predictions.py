"""Evaluation by free generation from pixels: predictions clip by clip, and the figures made of them.

Never from logits behind a reference answer: its words give the level away. Beside the critic stand the constant
predictor (the train mean), the same critic with blank frames (what it knows without looking), the critic before it, and
what people reach. Outputs that do not parse have a rate of their own and are in no correlation: figures are of the
clips with a report card. What is known of clips and people is told of all clips where there is none.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from tqdm import tqdm

from modelassist.engine.evaluation.calibration import calibration
from modelassist.engine.evaluation.intervals import Pairs, agreement, gain, generator_level, rate
from modelassist.engine.evaluation.reasons import judge_why, why_of_people
from modelassist.engine.generation.critic import generate_answers
from modelassist.engine.generation.read_scores import CUT_OFF, Scored, parsed, read_scores, unread
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.inputs.examples import DataError, Example, Feeder
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.sampling import Sampling
from qsave.axes import AXES, LEVEL_WORDS, Axis
from qsave.files import atomic_path
from qsave.frames.container import MediaError
from qsave.report_card import ReportCard
from qsave.spreadsheets import escape_cell

_WINDOW = 64
"""Clips whose frames are held at once."""
_MOST_REASONS = 5
"""Reasons why outputs did not parse that are listed, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the critic said of one clip, beside what people said."""

    example: Example
    scored: Scored


def predict(
    critic: Loaded,
    feeder: Feeder,
    examples: Sequence[Example],
    sampling: Sampling,
    *,
    label: str,
) -> list[Prediction]:
    """A prediction for every example, by free generation: the greedy answer, or the mean of several that are drawn."""
    said = _generated(critic, feeder, examples, sampling, label=label)
    return [
        Prediction(example, unread(group) if isinstance(group, MediaError) else read_scores(critic, group))
        for example, group in said
    ]


def evaluate(
    shown: Sequence[Prediction],
    rivals: Mapping[str, Sequence[Prediction]],
    train_means: Mapping[Axis, float],
    people: Mapping[Axis, Mapping[str, Any]],
    *,
    seed: int,
) -> dict[str, Any]:
    """The figures of one split. `rivals` are other predictions of the same clips, in the same order: `blank_frames`,
    and `previous` where there is one. `people` is what `people_reach` gives."""
    return {
        "clips": len(shown),
        "prompt_groups": _prompts([each.example for each in shown]),
        "read": {"clips": len(list(_read(shown))), "prompts": _prompts([example for example, _ in _read(shown)])},
        "simulated": any(each.example.simulated for each in shown),
        "unparsable_rate": _unparsable(shown)["value"] if shown else None,
        "unparsable": _unparsable(shown) | {"because": _reasons(shown), "cut_off": _cut_off(shown)},
        "unparsable_answers": fmean(each.scored.unreadable for each in shown) if shown else None,
        "rivals_unparsable": {name: _unparsable(predictions) for name, predictions in rivals.items()},
        "axes": {
            axis.value: _axis(shown, rivals, axis, train_means[axis], seed) | {"people": dict(people[axis])}
            for axis in AXES
        },
        "generators": {axis.value: _by_generator(shown, axis, seed) for axis in AXES},
    }


def consistency(
    critic: Loaded, feeder: Feeder, examples: Sequence[Example], sampling: Sampling, *, label: str
) -> dict[str, float]:
    """How calm the critic is: spread of the score over samples of one clip (mean over clips and axes), and the share
    of samples that parse."""
    groups = [
        group
        for _, group in _generated(critic, feeder, examples, sampling, label=label)
        if not isinstance(group, MediaError)
    ]
    if not groups:
        raise DataError(f"{label}: none of the clips can be read any more")
    read = [[read_scores(critic, [sample]) for sample in group] for group in groups]
    valid = [parsed(critic, sample) is not None for group in groups for sample in group]
    spreads = [
        pstdev(scored.card.axis(axis).score for scored in group if scored.card)
        for group in read
        for axis in AXES
        if sum(scored.card is not None for scored in group) >= 2
    ]
    figures = {"valid": fmean(valid), "samples": float(len(valid))}
    return figures | ({"score_spread": fmean(spreads)} if spreads else {})


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """One line a clip, safe to open in a spreadsheet."""
    header = ["id", "clip_id", "generator", "prompt_group", "error", "text"]
    for axis in AXES:
        header += [f"{axis}_mos", f"{axis}_se", f"{axis}_score", *(f"{axis}_p_{word}" for word in LEVEL_WORDS)]
        header += [f"{axis}_defects", f"{axis}_defects_of_people"]
    with atomic_path(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([escape_cell(cell) for cell in _cells(prediction)] for prediction in predictions)


def mean_mos(examples: Sequence[Example]) -> dict[Axis, float]:
    """The constant predictor."""
    return {axis: fmean(example.targets[axis].mos for example in examples) for axis in AXES}


def _generated(
    critic: Loaded,
    feeder: Feeder,
    examples: Sequence[Example],
    sampling: Sampling,
    *,
    label: str,
) -> Iterator[tuple[Example, list[Sample] | MediaError]]:
    """What is said of each example, or why it cannot be read: then the others are gone on with."""
    with tqdm(total=len(examples), desc=label, unit="clip", leave=False) as bar:
        for start in range(0, len(examples), _WINDOW):
            window = examples[start : start + _WINDOW]
            asked = [_asked(feeder, example) for example in window]
            groups = generate_answers(critic, [prompt for prompt in asked if isinstance(prompt, Prompt)], sampling)
            bar.update(len(window))
            said = iter(groups)
            for example, prompt in zip(window, asked, strict=True):
                yield example, prompt if isinstance(prompt, MediaError) else next(said)


def _asked(feeder: Feeder, example: Example) -> Prompt | MediaError:
    try:
        return feeder.prompt(example)
    except MediaError as error:
        return error


def _axis(
    shown: Sequence[Prediction],
    rivals: Mapping[str, Sequence[Prediction]],
    axis: Axis,
    constant: float,
    seed: int,
) -> dict[str, Any]:
    read = [(each.example, each.scored) for each in shown if each.scored.card]
    levels = [example.targets[axis].level for example, _ in read]
    return {
        "critic": agreement(_pairs(shown, axis), seed),
        "calibration": calibration([scored.probabilities[axis] for _, scored in read], levels),
        "constant": _constant(shown, axis, constant, seed),
        **_why(shown, axis, seed),
        **{name: _rival(shown, predictions, axis, seed) for name, predictions in rivals.items()},
    }


def _constant(shown: Sequence[Prediction], axis: Axis, constant: float, seed: int) -> dict[str, Any]:
    """The train mean for every clip that the critic is judged on, as an error on other clips is no measure of it;
    correlations say for themselves that they are undefined."""
    judged = [example for example, _ in _read(shown)] or [each.example for each in shown]
    mos, groups = _mos(judged, axis), [example.prompt_group for example in judged]
    ours = _pairs(shown, axis)
    return {
        "score": constant,
        **agreement(Pairs([constant] * len(mos), mos, groups), seed),
        "gain": gain(ours, [constant] * len(ours.mos), seed),
    }


def _rival(shown: Sequence[Prediction], others: Sequence[Prediction], axis: Axis, seed: int) -> dict[str, Any]:
    """Another predictor as the critic is judged, and by how much the critic is above it where both gave a card."""
    both = [(one, other) for one, other in zip(shown, others, strict=True) if one.scored.card and other.scored.card]
    theirs = _pairs([other for _, other in both], axis).scores
    return {
        **agreement(_pairs(others, axis), seed),
        **_why(others, axis, seed),
        "gain": gain(_pairs([one for one, _ in both], axis), theirs, seed),
    }


def _pairs(predictions: Sequence[Prediction], axis: Axis) -> Pairs:
    read = list(_read(predictions))
    return Pairs(
        [card.axis(axis).score for _, card in read],
        _mos([example for example, _ in read], axis),
        [example.prompt_group for example, _ in read],
    )


def _mos(examples: Sequence[Example], axis: Axis) -> list[float]:
    return [example.targets[axis].mos for example in examples]


def _why(predictions: Sequence[Prediction], axis: Axis, seed: int) -> dict[str, Any]:
    judged = [(card.axis(axis), example.targets[axis], example.prompt_group) for example, card in _read(predictions)]
    people = [(each.example.targets[axis], each.example.prompt_group) for each in predictions]
    return judge_why(judged, seed) if judged else why_of_people(people)


def _prompts(examples: Sequence[Example]) -> int:
    return len({example.prompt_group for example in examples})


def _read(predictions: Sequence[Prediction]) -> Iterator[tuple[Example, ReportCard]]:
    """The clips for which there is a card."""
    for each in predictions:
        if each.scored.card is not None:
            yield each.example, each.scored.card


def _by_generator(predictions: Sequence[Prediction], axis: Axis, seed: int) -> dict[str, Any]:
    """How the generators compare; one without a report card has a MOS, and no score."""
    found = generator_level(_pairs(predictions, axis), [example.generator for example, _ in _read(predictions)], seed)
    mos: dict[str, list[float]] = {}
    for each in predictions:
        mos.setdefault(each.example.generator, []).append(each.example.targets[axis].mos)
    means = {
        name: {"clips": 0, "prompts": 0, "score": None, "mos": fmean(mos[name])}
        | found["means"].get(name, {})
        | {"of": len(mos[name])}
        for name in sorted(mos)
    }
    return found | {"means": means}


def _unparsable(predictions: Sequence[Prediction]) -> dict[str, Any]:
    return rate(sum(each.scored.card is None for each in predictions), len(predictions))


def _cut_off(predictions: Sequence[Prediction]) -> int:
    return sum((each.scored.error or "").startswith(CUT_OFF) for each in predictions)


def _reasons(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    counts = Counter(each.scored.error for each in predictions if each.scored.card is None)
    return [{"error": error, "clips": count} for error, count in counts.most_common(_MOST_REASONS)]


def _cells(prediction: Prediction) -> Iterator[str]:
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
