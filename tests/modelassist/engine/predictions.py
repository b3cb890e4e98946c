"""Make predictions without a model and without pixels, for tests of the figures computed from them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from modelassist.engine.evaluation.predictions import Prediction
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.inputs.examples import Example
from qsave.axes import AXES, Axis, round_to_level
from qsave.release.rows import Target
from qsave.report_card import AxisReport, Evidence, ReportCard

LEVELS = np.arange(1, 6)
UNREAD = Scored(None, "no card", {}, "line 1: expected '<think>'", unreadable=1.0)


def make_target(mos: float, evidence: Sequence[Evidence] = ()) -> Target:
    return Target(
        mos, 0.4, 3, round_to_level(mos), tuple(dict.fromkeys(one.defect for one in evidence)), tuple(evidence)
    )


def make_example(number: int, mos: float, evidence: Sequence[Evidence] = (), *, generators: int = 6) -> Example:
    """Make a clip with the same target on every axis; three clips share a prompt."""
    return Example(
        id=f"row-{number}",
        clip_id=f"clip-{number:03}",
        generator=f"maker-{number % generators}",
        prompt_group=f"prompt-{number // 3}",
        path=Path("nowhere.mp4"),
        sha256="",
        messages=(),
        targets=dict.fromkeys(AXES, make_target(mos, evidence)),
    )


def make_scored(score: float, evidence: Sequence[Evidence] = ()) -> Scored:
    """Make a card with the same score on every axis, and probabilities around it."""
    weights = np.exp(-((LEVELS - score) ** 2))
    report = AxisReport(score, tuple(evidence))
    card = ReportCard(**{axis.value: report for axis in AXES})
    return Scored(card, "text", {axis: tuple((weights / weights.sum()).tolist()) for axis in AXES})


def make_predictions(clips: int = 60, noise: float = 0.7, *, seed: int = 0, generators: int = 6) -> list[Prediction]:
    """Make the predictions of a critic that follows MOS with noise; better generators have better clips."""
    rng = np.random.default_rng(seed)
    predictions = []
    for number in range(clips):
        mos = float(np.clip(1.5 + number % generators / 2 + rng.normal(0, 1), 1, 5))
        score = float(np.clip(mos + rng.normal(0, noise), 1, 5))
        predictions.append(Prediction(make_example(number, mos, generators=generators), make_scored(score)))
    return predictions


def predict_again(predictions: Sequence[Prediction], predict: Callable[[int], Scored]) -> list[Prediction]:
    """Predict the same clips by another critic."""
    return [Prediction(each.example, predict(number)) for number, each in enumerate(predictions)]


def read_scores_of(predictions: Sequence[Prediction], axis: Axis = Axis.VISUAL) -> list[float]:
    return [each.scored.card.axis(axis).score for each in predictions if each.scored.card]


def mark_simulated(predictions: Sequence[Prediction]) -> list[Prediction]:
    return [replace(each, example=replace(each.example, simulated=True)) for each in predictions]
