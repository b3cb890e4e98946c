"""How far predictions follow MOS: SRCC, PLCC (raw and after the usual logistic), KRCC, RMSE, with intervals.

The logistic is that of the video quality field (VQEG): b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|)), fitted to the same
points, so its PLCC flatters a little; the raw one stands beside it.

The large parts of scipy are imported where they are used: pages that show a rater's correlations load this module too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from qsave.statistics.figures import RESAMPLES, Estimate, Figure, Floats, Undefined, bootstrap

KENDALL_RESAMPLES = 200
"""Kendall's tau costs n log n a resample in a slow loop: fewer resamples, as its interval is of least use."""

LEAST_POINTS = 3
LEAST_POINTS_LOGISTIC = 5


@dataclass(frozen=True, slots=True)
class Correlations:
    """Predictions against MOS over `n` clips."""

    n: int
    srcc: Estimate
    plcc: Estimate
    plcc_logistic: Figure
    krcc: Estimate
    rmse: Estimate


def correlations(
    predicted: npt.ArrayLike, actual: npt.ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES
) -> Correlations:
    """All figures with percentile intervals over clips; arrays (n,), finite. `resamples` 0 leaves intervals out."""
    x, y = _paired(predicted, actual)

    def estimate(figure: Callable[[Floats, Floats], Figure], draws: int) -> Estimate:
        value = figure(x, y)
        if isinstance(value, Undefined):
            return Estimate(value, value)
        return Estimate(value, bootstrap(len(x), lambda i: figure(x[i], y[i]), seed=seed, resamples=draws))

    return Correlations(
        n=len(x),
        srcc=estimate(srcc, resamples),
        plcc=estimate(plcc, resamples),
        plcc_logistic=plcc_logistic(x, y),
        krcc=estimate(krcc, min(resamples, KENDALL_RESAMPLES)),
        rmse=estimate(rmse, resamples),
    )


def plcc(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Pearson's correlation."""
    x, y = _paired(predicted, actual)
    unfit = _unfit(x, y)
    if unfit is not None:
        return unfit
    # scaled first: a tiny spread must not underflow in its square
    x, y = (x - x.mean()) / np.abs(x - x.mean()).max(), (y - y.mean()) / np.abs(y - y.mean()).max()
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))


def srcc(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Spearman's rank correlation, ties at their mean rank."""
    x, y = _paired(predicted, actual)
    return plcc(mean_ranks(x), mean_ranks(y))


def mean_ranks(values: Floats) -> Floats:
    """Ranks from 1, ties at their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks


def krcc(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Kendall's tau-b."""
    x, y = _paired(predicted, actual)
    unfit = _unfit(x, y)
    if unfit is not None:
        return unfit
    from scipy.stats import kendalltau

    return float(kendalltau(x, y).statistic)


def rmse(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Root of the mean squared error."""
    x, y = _paired(predicted, actual)
    return float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else Undefined("there is nothing to compare")


def plcc_logistic(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Pearson's correlation after the 4-parameter logistic."""
    x, y = _paired(predicted, actual)
    unfit = _unfit(x, y)
    if unfit is not None:
        return unfit
    if len(x) < LEAST_POINTS_LOGISTIC:
        return Undefined(f"four parameters need {LEAST_POINTS_LOGISTIC} clips or more")
    return plcc(_logistic(_fit(x, y), x), y)


def _fit(x: Floats, y: Floats) -> Floats:
    from scipy.optimize import least_squares

    falling = (x - x.mean()) @ (y - y.mean()) < 0
    low, high = (y.max(), y.min()) if falling else (y.min(), y.max())
    start = [high, low, float(x.mean()), float(x.std())]
    fitted: Floats = least_squares(lambda b: _logistic(b, x) - y, start, max_nfev=2000).x
    return fitted


def _logistic(b: Floats, x: Floats) -> Floats:
    scale = max(abs(float(b[3])), 1e-12)
    curve: Floats = b[1] + (b[0] - b[1]) * expit((x - b[2]) / scale)
    return curve


def _paired(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"expected two arrays of one length, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a prediction without a number is an outcome of its own: leave it out and count it")
    return x, y


def _unfit(x: Floats, y: Floats) -> Undefined | None:
    if len(x) < LEAST_POINTS:
        return Undefined(f"a correlation needs {LEAST_POINTS} clips or more, there are {len(x)}")
    for values, name in ((x, "predictions"), (y, "scores")):
        if values.min() == values.max():
            return Undefined(f"all {name} are equal")
    return None
