"""Figures of an evaluation as plain JSON: a value with its interval, or the reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qsave.statistics import correlation
from qsave.statistics.figures import Estimate, Figure, Interval, Undefined, bootstrap

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Pairs:
    """Scores of a critic and the MOS of the same clips."""

    scores: Sequence[float]
    mos: Sequence[float]


def agreement(pairs: Pairs, seed: int) -> dict[str, Any]:
    """SRCC, PLCC (raw and after the logistic), KRCC, RMSE and the share within one level, with their intervals."""
    found = correlation.correlations(pairs.scores, pairs.mos, seed=seed, resamples=RESAMPLES)
    return {
        "clips": found.n,
        "srcc": _estimate(found.srcc),
        "plcc": _estimate(found.plcc),
        "plcc_logistic": _plain(found.plcc_logistic),
        "krcc": _estimate(found.krcc),
        "rmse": _estimate(found.rmse),
        "within_1": _estimate(_within_one(pairs, seed)),
    }


def rmse(scores: Sequence[float], mos: Sequence[float]) -> dict[str, Any]:
    """Root mean square error alone."""
    return _plain(correlation.rmse(scores, mos))


def generator_level(axes: Mapping[str, Mapping[str, Pairs]]) -> dict[str, Any]:
    """Per axis the mean score and mean MOS of each generator, and how far the means agree ("model level")."""
    return {
        axis: _generators({name: pairs for name, pairs in found.items() if pairs.mos}) for axis, found in axes.items()
    }


def _generators(found: Mapping[str, Pairs]) -> dict[str, Any]:
    means = {
        name: {"clips": len(pairs.mos), "score": float(np.mean(pairs.scores)), "mos": float(np.mean(pairs.mos))}
        for name, pairs in found.items()
    }
    scores = [mean["score"] for mean in means.values()]
    mos = [mean["mos"] for mean in means.values()]
    srcc, plcc = correlation.srcc(scores, mos), correlation.plcc(scores, mos)
    return {"means": means, "srcc": _plain(srcc), "plcc": _plain(plcc)}


def _within_one(pairs: Pairs, seed: int) -> Estimate:
    near = np.abs(np.asarray(pairs.scores, dtype=float) - np.asarray(pairs.mos, dtype=float)) <= 1
    if not len(near):
        return Estimate.undefined("there are no clips")
    interval = bootstrap(len(near), lambda places: float(near[places].mean()), seed=seed, resamples=RESAMPLES)
    return Estimate(float(near.mean()), interval)


def _estimate(estimate: Estimate) -> dict[str, Any]:
    interval = estimate.interval
    if isinstance(estimate.value, Undefined):
        return _plain(estimate.value)
    if isinstance(interval, Interval):
        return _plain(estimate.value) | {"low": interval.low, "high": interval.high}
    return _plain(estimate.value) | {"interval": str(interval)}


def _plain(figure: Figure) -> dict[str, Any]:
    return {"undefined": str(figure)} if isinstance(figure, Undefined) else {"value": figure}
