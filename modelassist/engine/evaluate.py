"""Evaluation by free generation from pixels: predictions clip by clip, and the figures made of them.

Never from logits behind a reference answer: its words give the level away. Beside the critic stand the constant
predictor (the train mean) and the same critic with blank frames: what it knows without looking. Outputs that do not
parse have a rate of their own and are in no correlation.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from tqdm import tqdm

from modelassist.engine.data import Example, Feeder
from modelassist.engine.figures import Pairs, agreement, generator_level, rmse
from modelassist.engine.files import atomic_path
from modelassist.engine.generate import Sample
from modelassist.engine.inference import answers
from modelassist.engine.model import Loaded
from modelassist.engine.rewards import contradicts, evidence_overlap
from modelassist.engine.scoring import Scored, parsed, read_scores
from modelassist.engine.seeds import generator
from qsave.axes import AXES, LEVEL_WORDS, Axis

_WINDOW = 64
"""Clips whose frames are held at once."""
_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the critic said of one clip, beside what people said."""

    example: Example
    scored: Scored


def predict(
    critic: Loaded, feeder: Feeder, examples: Sequence[Example], *, budget: int, label: str
) -> list[Prediction]:
    """A prediction for every example, by free greedy generation."""
    groups = _generated(critic, feeder, examples, budget=budget, label=label)
    return [Prediction(example, read_scores(critic, group[0])) for example, group in groups]


def evaluate(
    predictions: Sequence[Prediction], blank: Sequence[Prediction], train_means: Mapping[Axis, float], *, seed: int
) -> dict[str, Any]:
    """The figures of one split."""
    return {
        "clips": len(predictions),
        "unparsable_rate": _unparsable(predictions),
        "blank_unparsable_rate": _unparsable(blank),
        "axes": {axis.value: _axis(predictions, blank, axis, train_means[axis], seed) for axis in AXES},
        "generators": generator_level({axis.value: _by_generator(predictions, axis) for axis in AXES}),
    }


def consistency(
    critic: Loaded, feeder: Feeder, examples: Sequence[Example], *, samples: int, budget: int, seed: int, label: str
) -> dict[str, float]:
    """How calm the critic is: spread of the score over samples of one clip (mean over clips and axes), and the share
    of samples that parse."""
    groups = [
        group
        for _, group in _generated(
            critic, feeder, examples, budget=budget, label=label, group=samples, temperature=1.0, seed=seed
        )
    ]
    read = [[read_scores(critic, sample) for sample in group] for group in groups]
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
        header += [f"{axis}_mos", f"{axis}_score", *(f"{axis}_p_{word}" for word in LEVEL_WORDS), f"{axis}_defects"]
    with atomic_path(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([_safe(cell) for cell in _cells(prediction)] for prediction in predictions)


def mean_mos(examples: Sequence[Example]) -> dict[Axis, float]:
    """The constant predictor."""
    return {axis: fmean(example.targets[axis].mos for example in examples) for axis in AXES}


def _generated(
    critic: Loaded,
    feeder: Feeder,
    examples: Sequence[Example],
    *,
    budget: int,
    label: str,
    group: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
) -> Iterator[tuple[Example, list[Sample]]]:
    with tqdm(total=len(examples), desc=label, unit="clip", leave=False) as bar:
        for start in range(0, len(examples), _WINDOW):
            window = examples[start : start + _WINDOW]
            groups = answers(
                critic,
                [feeder.prompt(example) for example in window],
                tokens_per_batch=budget,
                group=group,
                temperature=temperature,
                generator=generator(seed, "evaluate", start),
            )
            bar.update(len(window))
            yield from zip(window, groups, strict=True)


def _axis(
    predictions: Sequence[Prediction], blank: Sequence[Prediction], axis: Axis, constant: float, seed: int
) -> dict[str, Any]:
    everybody = [prediction.example.targets[axis].mos for prediction in predictions]
    return {
        "critic": agreement(_pairs(predictions, axis), seed),
        "blank_frames": agreement(_pairs(blank, axis), seed),
        "constant": {"rmse": rmse([constant] * len(everybody), everybody)},
        "defects": _defects(predictions, axis),
        "evidence_iou": _evidence(predictions, axis),
        "contradictions": _mean(contradicts(scored.card.axis(axis)) for _, scored in _read(predictions) if scored.card),
    }


def _pairs(predictions: Sequence[Prediction], axis: Axis) -> Pairs:
    read = [(example, scored.card) for example, scored in _read(predictions)]
    return Pairs(
        [card.axis(axis).score for _, card in read if card],
        [example.targets[axis].mos for example, card in read if card],
    )


def _read(predictions: Sequence[Prediction]) -> Iterator[tuple[Example, Scored]]:
    """The clips for which there is a card."""
    return ((each.example, each.scored) for each in predictions if each.scored.card is not None)


def _defects(predictions: Sequence[Prediction], axis: Axis) -> dict[str, Any]:
    """Precision, recall and F1 over all labels, and label by label."""
    said: list[tuple[str, str]] = []
    meant: list[tuple[str, str]] = []
    for example, scored in _read(predictions):
        if scored.card:
            said += [(example.id, defect) for defect in scored.card.axis(axis).defects]
            meant += [(example.id, defect) for defect in example.targets[axis].defects]
    labels = sorted({label for _, label in said + meant})
    by_label = {label: _found(_of(label, said), _of(label, meant)) for label in labels}
    return _found(said, meant) | {"labels": by_label}


def _of(label: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if pair[1] == label]


def _found(said: Sequence[tuple[str, str]], meant: Sequence[tuple[str, str]]) -> dict[str, Any]:
    ours, theirs = set(said), set(meant)
    both = len(ours & theirs)
    return {
        "said": len(ours),
        "meant": len(theirs),
        "precision": both / len(ours) if ours else None,
        "recall": both / len(theirs) if theirs else None,
        "f1": 2 * both / (len(ours) + len(theirs)) if ours or theirs else None,
    }


def _evidence(predictions: Sequence[Prediction], axis: Axis) -> float | None:
    overlaps = [
        evidence_overlap(scored.card.axis(axis).evidence, example.targets[axis].evidence)
        for example, scored in _read(predictions)
        if scored.card
    ]
    return _mean(overlap for overlap in overlaps if overlap is not None)


def _by_generator(predictions: Sequence[Prediction], axis: Axis) -> dict[str, Pairs]:
    found: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        found.setdefault(prediction.example.generator, []).append(prediction)
    return {name: _pairs(group, axis) for name, group in sorted(found.items())}


def _unparsable(predictions: Sequence[Prediction]) -> float | None:
    return _mean(prediction.scored.card is None for prediction in predictions)


def _mean(values: Iterator[bool | float]) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def _cells(prediction: Prediction) -> Iterator[str]:
    example, scored = prediction.example, prediction.scored
    yield from (example.id, example.clip_id, example.generator, example.prompt_group, scored.error or "", scored.text)
    for axis in AXES:
        yield f"{example.targets[axis].mos:.6f}"
        yield f"{scored.card.axis(axis).score:.6f}" if scored.card else ""
        yield from (f"{share:.6f}" for share in scored.probabilities.get(axis, ())) if scored.card else [""] * 5
        yield " ".join(scored.card.axis(axis).defects) if scored.card else ""


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_PREFIXES) else cell
