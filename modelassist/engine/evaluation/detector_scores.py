"""Scores for the critic that measures: a regression from the readings of clips to their mean ratings.

An axis gets scores only if the regression predicts clips of unseen prompts better than the constant does, by
cross-validation over prompt groups and with an interval. Alignment gets none: readings know nothing of the prompt.

A ridge is tried, and boosted trees where there are enough clips; the one with the lower error on unseen prompts counts.
`fit_scores` needs scikit-learn and runs in a worker. What it returns is plain numbers, stored as JSON; loading and
applying them needs numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelassist.engine.evaluation.detector_models import (
    Floats,
    Model,
    fit_ridge,
    fit_trees,
    model_from_json,
    model_to_json,
)
from modelassist.engine.evaluation.intervals import RESAMPLES, explain_no_interval, is_above_zero, withhold_interval
from qsave.axes import Axis
from qsave.detectors.features import FEATURES, FEATURES_VERSION
from qsave.proposal import AxisProposal, Proposal
from qsave.statistics.figures import Estimate, Interval, Ints, bootstrap_clusters

SCORED_AXES = (Axis.VISUAL, Axis.DYNAMIC)
LEAST_CLIPS = 100
"""Fewest clips with ratings for a fit."""
FOLDS = 5
LEAST_CLIPS_FOR_TREES = 200
"""Fewest clips with which boosted trees are tried too. On toy clips they are mostly better from there on."""
_VERSION = 1


class ScoresError(ValueError):
    """Stored scores cannot be used; the message says why in full sentences."""


@dataclass(frozen=True, slots=True, eq=False)
class AxisFit:
    """The regression of one axis, and what it and the constant say of clips whose prompts they did not see.

    Arrays have the shape (clips,); the constant is the mean of the clips of a fold.
    """

    model: Model
    unseen: Floats
    rmse: float
    constant: Floats
    constant_rmse: float
    gain: Estimate
    """`constant_rmse` minus `rmse` with its interval over prompt groups."""


@dataclass(frozen=True, slots=True, eq=False)
class AxisScores:
    """The cross-validated figures of one axis, in levels, and the model if it is better than the constant."""

    clips: int
    rmse: float
    constant_rmse: float
    """Of the mean of the training clips, on the same clips."""
    gain: Estimate
    """`constant_rmse` minus `rmse` with its interval over prompt groups."""
    model: Model | None

    @classmethod
    def accept(cls, fit: AxisFit) -> AxisScores:
        """Keep the model of a fit only if the whole interval of its gain over the constant is above 0."""
        model = fit.model if is_above_zero(fit.gain) else None
        return cls(len(fit.unseen), fit.rmse, fit.constant_rmse, fit.gain, model)

    @property
    def summary(self) -> str:
        """Say in a sentence whether the axis gets scores, with the figures."""
        figures = f"an error of {self.rmse:.2f} levels on unseen prompts, the constant {self.constant_rmse:.2f}"
        interval = self.gain.interval
        difference = (
            f"difference {interval.low:.2f} to {interval.high:.2f}" if isinstance(interval, Interval) else interval
        )
        verdict = "Better than the constant" if self.model else "No better than the constant"
        return f"{verdict}: {figures} ({difference}; {self.clips} clips)."


@dataclass(frozen=True, slots=True, eq=False)
class DetectorScores:
    """The result of a fit, by axis."""

    axes: Mapping[Axis, AxisScores]

    def add_to(self, proposal: Proposal, features: Sequence[float]) -> Proposal:
        """Return the proposal with a score on every axis that has a model; the note says where the score is from.

        An axis without a proposed defect has the score only: readings never show that there is no defect.

        `features` are those of the clip, in the order of FEATURES.
        """
        row = np.asarray(features, np.float64)[None]
        scored = {
            axis.value: _add_score(proposal.axes.get(axis), float(result.model.predict(row)[0]), result)
            for axis, result in self.axes.items()
            if result.model is not None
        }
        return replace(proposal, **scored)


def fit_scores(features: Floats, mos: Mapping[Axis, Floats], groups: Sequence[str], seed: int) -> DetectorScores:
    """Fit each scored axis of `mos` and judge it by cross-validation over prompt groups.

    `features` has the shape (clips, features) of `compute_features`, `mos[axis]` (clips,); `groups` names the prompt
    group of each clip. Raises ScoresError if there are too few clips or groups.
    """
    check_enough(groups)
    fits = {axis: fit_axis(features, mos[axis], groups, seed) for axis in SCORED_AXES if axis in mos}
    return DetectorScores({axis: AxisScores.accept(fit) for axis, fit in fits.items()})


def check_enough(groups: Sequence[str]) -> None:
    """Raise ScoresError unless there are clips and prompt groups enough for a fit; `groups` has one entry per clip."""
    if len(groups) < LEAST_CLIPS:
        raise ScoresError(f"There are {len(groups)} clips with ratings; scores need at least {LEAST_CLIPS}.")
    if few := explain_no_interval(groups, "prompt groups"):
        raise ScoresError(f"There are {few}; without an interval no score is given.")


def fit_axis(features: Floats, mos: Floats, groups: Sequence[str], seed: int) -> AxisFit:
    """Fit one axis to all clips, and predict each clip by a fit that did not see its prompt group."""
    fits = (fit_ridge, fit_trees) if len(mos) >= LEAST_CLIPS_FOR_TREES else (fit_ridge,)
    folds = _split(features, groups, seed)
    constant = np.empty_like(mos)
    for train, test in folds:
        constant[test] = mos[train].mean()
    predictions = [_predict_unseen(fit, features, mos, folds, seed) for fit in fits]
    best = min(range(len(fits)), key=lambda number: _compute_rmse(predictions[number], mos))
    return AxisFit(
        model=fits[best](features, mos, seed),
        unseen=predictions[best],
        rmse=_compute_rmse(predictions[best], mos),
        constant=constant,
        constant_rmse=_compute_rmse(constant, mos),
        gain=_estimate_gain(predictions[best], constant, mos, groups, seed),
    )


def _split(features: Floats, groups: Sequence[str], seed: int) -> list[tuple[Ints, Ints]]:
    """Return the clips to learn from and those to judge, FOLDS times; no prompt group is in both."""
    from sklearn.model_selection import GroupKFold

    return list(GroupKFold(FOLDS, shuffle=True, random_state=seed).split(features, groups=groups))


def _predict_unseen(
    fit: Callable[[Floats, Floats, int], Model],
    features: Floats,
    mos: Floats,
    folds: Sequence[tuple[Ints, Ints]],
    seed: int,
) -> Floats:
    """Return the score of each clip by the model that did not see its prompt, shape (clips,)."""
    predicted = np.empty_like(mos)
    for train, test in folds:
        predicted[test] = fit(features[train], mos[train], seed).predict(features[test])
    return predicted


def _estimate_gain(predicted: Floats, constant: Floats, mos: Floats, groups: Sequence[str], seed: int) -> Estimate:
    """Estimate by how much the RMSE of the constant is above that of the predictions."""

    def compute_gain(chosen: Ints) -> float:
        return _compute_rmse(constant[chosen], mos[chosen]) - _compute_rmse(predicted[chosen], mos[chosen])

    interval = bootstrap_clusters(groups, compute_gain, seed=seed, resamples=RESAMPLES)
    return withhold_interval(Estimate(compute_gain(np.arange(len(mos))), interval))


def _compute_rmse(scores: Floats, mos: Floats) -> float:
    return float(np.sqrt(np.mean((scores - mos) ** 2)))


def _add_score(axis: AxisProposal | None, score: float, result: AxisScores) -> AxisProposal:
    measured = axis or AxisProposal(note="No reading passes its limit.")
    source = (
        f"The score is a regression from readings to the mean ratings of {result.clips} clips; on unseen prompts it "
        f"errs by {result.rmse:.2f} levels, the mean alone by {result.constant_rmse:.2f}."
    )
    return replace(measured, score=score, note=f"{measured.note} {source}")


def scores_to_json(scores: DetectorScores) -> dict[str, Any]:
    """Return the versions, the names of the features, and per axis its figures and coefficients."""
    return {
        "version": _VERSION,
        "features_version": FEATURES_VERSION,
        "features": list(FEATURES),
        "axes": {axis.value: _axis_to_json(result) for axis, result in scores.axes.items()},
    }


def _axis_to_json(result: AxisScores) -> dict[str, Any]:
    interval = result.gain.interval
    return {
        "clips": result.clips,
        "rmse": result.rmse,
        "constant_rmse": result.constant_rmse,
        "gain_interval": [interval.low, interval.high] if isinstance(interval, Interval) else None,
        "model": model_to_json(result.model) if result.model else None,
    }


def scores_from_json(value: object) -> DetectorScores:
    """Parse the JSON of `scores_to_json`. Raises ScoresError, also if the features are others than today's."""
    if not isinstance(value, Mapping) or not isinstance(value.get("axes"), Mapping):
        raise ScoresError("The scores are not an object with axes.")
    if (value.get("version"), value.get("features_version")) != (_VERSION, FEATURES_VERSION):
        raise ScoresError("The scores were fitted to readings of another version. Fit them again.")
    if value.get("features") != list(FEATURES):
        raise ScoresError("The scores were fitted to other features. Fit them again.")
    try:
        return DetectorScores({Axis(name): _axis_from_json(result) for name, result in value["axes"].items()})
    except (KeyError, TypeError, ValueError) as error:
        raise ScoresError(f"The scores have a value that cannot be read: {error}.") from None


def _axis_from_json(value: Mapping[str, Any]) -> AxisScores:
    rmse, constant_rmse = float(value["rmse"]), float(value["constant_rmse"])
    low, high = value["gain_interval"] or (0.0, 0.0)
    gain = withhold_interval(Estimate(constant_rmse - rmse, Interval(float(low), float(high))))
    model = model_from_json(value["model"]) if value["model"] is not None else None
    return AxisScores(int(value["clips"]), rmse, constant_rmse, gain, model)
