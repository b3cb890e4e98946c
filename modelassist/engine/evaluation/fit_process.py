"""Fit the detectors to ratings in a process of its own, whose memory is free again when it ends.

    python -m modelassist.engine.evaluation.fit_process < request.json > result.json

The request is `{"seed": 0, "simulated": false, "axes": {axis: {"features": [[..]], "mos": [..], "groups": [..]}}}`, a
row for each clip. The result has the keys of `FitResult`, as JSON.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelassist.engine.evaluation.detector_scores import (
    SCORED_AXES,
    AxisFit,
    AxisScores,
    DetectorScores,
    ScoresError,
    check_enough,
    fit_axis,
    scores_to_json,
)
from modelassist.engine.evaluation.intervals import Pairs, compute_agreement, compute_gain, compute_rate, count_clips
from qsave.axes import AXES, Axis
from qsave.run.calibration import Calibration
from qsave.run.evaluation import CROSS_VALIDATION, Evaluation, Split
from qsave.run.figures import (
    Agreement,
    AxisFigures,
    Constant,
    Counts,
    DefectFigures,
    Gain,
    GeneratorFigures,
    Reasons,
    Unparsable,
)
from qsave.statistics.figures import Estimate, Undefined

NO_SCORES_ON_ALIGNMENT = "Readings know nothing of the prompt, so alignment gets no score."
_NOTHING_SAID = Estimate.undefined("the detectors give scores alone here")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FitResult:
    """What came of a fit."""

    scores: Json
    """`scores_to_json` of the axes that were fitted."""
    accepted: list[str]
    """The axes that get scores."""
    unseen: Json
    """axis -> the score of each clip by the fold that did not see its prompt, for the accepted axes."""
    reasons: Json
    """axis -> a sentence that says why it has scores, or none."""
    evaluation: Json
    """The cross-validated figures of the accepted axes."""

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def fit_request(request: Json) -> FitResult:
    """Fit each axis of a request that has clips and prompts enough."""
    fits: dict[Axis, AxisFit] = {}
    reasons: dict[Axis, str] = {Axis.ALIGNMENT: NO_SCORES_ON_ALIGNMENT}
    for axis in SCORED_AXES:
        rows = request["axes"][axis.value]
        try:
            check_enough(rows["groups"])
        except ScoresError as error:
            reasons[axis] = str(error)
            continue
        features, mos = np.array(rows["features"], float), np.array(rows["mos"], float)
        fits[axis] = fit_axis(features, mos, rows["groups"], request["seed"])
    scores = DetectorScores({axis: AxisScores.accept(fit) for axis, fit in fits.items()})
    reasons |= {axis: result.summary for axis, result in scores.axes.items()}
    accepted = {axis: fits[axis] for axis, result in scores.axes.items() if result.model is not None}
    return FitResult(
        scores=scores_to_json(scores),
        accepted=[axis.value for axis in accepted],
        unseen={axis.value: fit.unseen.tolist() for axis, fit in accepted.items()},
        reasons={axis.value: reasons[axis] for axis in AXES},
        evaluation=Evaluation({CROSS_VALIDATION: _measure(request, accepted, reasons)}).to_json() if accepted else {},
    )


def _measure(request: Json, accepted: Mapping[Axis, AxisFit], reasons: Mapping[Axis, str]) -> Split:
    """Compute the figures of the scores that clips get from folds which did not see their prompts."""
    axes = request["axes"]
    counts = max((count_clips(axes[axis.value]["groups"]) for axis in accepted), key=lambda each: each.clips)
    undefined = {axis: Undefined(reasons[axis].rstrip(".")) for axis in AXES}
    return Split(
        counts=counts,
        read=None,
        simulated=bool(request["simulated"]),
        unparsable_rate=None,
        unparsable=Unparsable(compute_rate(0, counts.clips)),
        unparsable_answers=None,
        rivals_unparsable={},
        axes={
            axis: _measure_axis(axes[axis.value], accepted[axis], request["seed"])
            if axis in accepted
            else _leave_out(undefined[axis])
            for axis in AXES
        },
        generators={axis: GeneratorFigures({}, _NOTHING_SAID, _NOTHING_SAID) for axis in AXES},
    )


def _measure_axis(rows: Json, fit: AxisFit, seed: int) -> AxisFigures:
    pairs = Pairs(fit.unseen.tolist(), rows["mos"], rows["groups"])
    constant = fit.constant.tolist()
    return _make_figures(
        compute_agreement(pairs, seed),
        Constant(
            float(np.mean(rows["mos"])),
            compute_agreement(Pairs(constant, rows["mos"], rows["groups"]), seed),
            compute_gain(pairs, constant, seed),
        ),
    )


def _leave_out(reason: Undefined) -> AxisFigures:
    nothing = Agreement.undefined(reason)
    return _make_figures(nothing, Constant(None, nothing, Gain.undefined(reason)))


def _make_figures(agreement: Agreement, constant: Constant) -> AxisFigures:
    defects = DefectFigures(None, 0, None, _NOTHING_SAID, _NOTHING_SAID, _NOTHING_SAID)
    return AxisFigures(
        critic=agreement,
        calibration=Calibration(),
        constant=constant,
        reasons=Reasons(defects, {}, Counts(), _NOTHING_SAID, _NOTHING_SAID),
        rivals={},
        people=Undefined("raters were not measured beside it"),
    )


if __name__ == "__main__":
    json.dump(fit_request(json.load(sys.stdin)).to_json(), sys.stdout)
