"""How far predictions follow MOS: SRCC, PLCC (raw and after the usual logistic), KRCC, RMSE, share within one level.

The logistic is that of VQEG: b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|)). It is fitted to the same points and may fall
or rise, so PLCC after it is too high and hardly ever below 0. The raw PLCC is reported too.

Large parts of scipy are imported where they are used, because pages load this module for a rater's correlations.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from qsave.statistics.figures import (
    MOST_CELLS,
    ONE_GROUP,
    RESAMPLES,
    Estimate,
    Figure,
    Floats,
    Interval,
    Ints,
    Undefined,
    bootstrap_clusters,
    compute_percentile_interval,
    draw_group_counts,
    estimate_ratio,
)
from qsave.statistics.weighted_correlation import DistinctPoints, compute_weighted_plcc, compute_weighted_srcc

_NOTHING = "there is nothing to compare"
LEAST_POINTS = 3
LEAST_POINTS_LOGISTIC = 5
_REFIT_ROUNDS = 12
_LEAST_LOG_WIDTH = -12.0


@dataclass(frozen=True, slots=True)
class Correlations:
    """Predictions against MOS over `n` clips."""

    n: int
    srcc: Estimate
    plcc: Estimate
    plcc_logistic: Estimate
    krcc: Estimate
    rmse: Estimate
    within_one: Estimate
    """The share of predictions at most one level from the MOS."""


def compute_correlations(
    predicted: npt.ArrayLike,
    actual: npt.ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Correlations:
    """Compute all figures with percentile intervals; arrays (n,), finite. Clips of one group (one prompt) are resampled
    together; without `groups` each clip is its own group. `resamples` 0 leaves intervals out."""
    x, y = _check_pairs(predicted, actual)
    owners: Sequence[Hashable] = range(len(x)) if groups is None else groups

    def estimate(figure: Callable[[Floats, Floats], Figure]) -> Estimate:
        value = figure(x, y)
        if isinstance(value, Undefined):
            return Estimate(value, value)
        return Estimate(value, bootstrap_clusters(owners, lambda i: figure(x[i], y[i]), seed=seed, resamples=resamples))

    near = (np.abs(x - y) <= 1).astype(np.float64)
    return Correlations(
        n=len(x),
        srcc=estimate(compute_srcc),
        plcc=estimate(compute_plcc),
        plcc_logistic=_estimate_plcc_logistic(x, y, owners, seed, resamples),
        krcc=estimate(compute_krcc),
        rmse=estimate(compute_rmse),
        within_one=estimate_ratio(near, np.ones_like(near), owners, seed=seed, resamples=resamples, nothing=_NOTHING),
    )


def compute_plcc(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Compute Pearson's correlation."""
    x, y = _check_pairs(predicted, actual)
    unfit = _explain_unfit(x, y)
    if unfit is not None:
        return unfit
    # scaled first: a tiny spread must not underflow in its square
    x, y = (x - x.mean()) / np.abs(x - x.mean()).max(), (y - y.mean()) / np.abs(y - y.mean()).max()
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))


def compute_srcc(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Compute Spearman's rank correlation, ties at their mean rank."""
    x, y = _check_pairs(predicted, actual)
    return compute_plcc(compute_ranks(x), compute_ranks(y))


def compute_ranks(values: Floats) -> Floats:
    """Compute ranks from 1, ties at their mean rank."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks


def compute_krcc(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Compute Kendall's tau-b."""
    x, y = _check_pairs(predicted, actual)
    unfit = _explain_unfit(x, y)
    if unfit is not None:
        return unfit
    from scipy.stats import kendalltau

    return float(kendalltau(x, y).statistic)


def compute_rmse(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Compute the root of the mean squared error."""
    x, y = _check_pairs(predicted, actual)
    return float(np.sqrt(np.mean((x - y) ** 2))) if len(x) else Undefined(_NOTHING)


def compute_plcc_logistic(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Figure:
    """Compute Pearson's correlation after the 4-parameter logistic."""
    curve = fit_logistic(predicted, actual)
    return curve if isinstance(curve, Undefined) else compute_plcc(curve(predicted), actual)


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted curve: from `left` to `right`, halfway at `middle`, steeper for a smaller `scale`."""

    right: float
    left: float
    middle: float
    scale: float

    def __call__(self, x: npt.ArrayLike) -> Floats:
        curve: Floats = self.left + (self.right - self.left) * expit(self._scale_to_steps(x))
        return curve

    def compute_gradients(self, x: npt.ArrayLike) -> Floats:
        """Compute the derivatives of each value by the four parameters (n, 4)."""
        steps = self._scale_to_steps(x)
        risen = expit(steps)
        slope = (self.right - self.left) * risen * (1 - risen) / self.width
        to_scale = -slope * steps * (1 if self.scale >= 0 else -1)
        return np.stack([risen, 1 - risen, -slope, to_scale], axis=1)

    @property
    def width(self) -> float:
        """The unit of the curve's x axis, above 0."""
        return max(abs(self.scale), 1e-12)

    def _scale_to_steps(self, x: npt.ArrayLike) -> Floats:
        steps: Floats = (np.asarray(x, dtype=np.float64) - self.middle) / self.width
        return steps


def fit_logistic(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> Logistic | Undefined:
    """Fit the 4-parameter logistic to the MOS by least squares."""
    x, y = _check_pairs(predicted, actual)
    unfit = _explain_unfit(x, y)
    if unfit is not None:
        return unfit
    if len(x) < LEAST_POINTS_LOGISTIC:
        return Undefined(f"four parameters need {LEAST_POINTS_LOGISTIC} clips or more")
    from scipy.optimize import least_squares

    falling = (x - x.mean()) @ (y - y.mean()) < 0
    left, right = (y.max(), y.min()) if falling else (y.min(), y.max())
    start = [right, left, float(x.mean()), float(x.std())]
    fit = least_squares(
        lambda b: Logistic(*b)(x) - y,
        start,
        jac=lambda b: Logistic(*b).compute_gradients(x),
        method="lm",
        ftol=1e-6,
        xtol=1e-6,
        max_nfev=300,
    )
    return Logistic(*fit.x.tolist())


def _estimate_plcc_logistic(x: Floats, y: Floats, owners: Sequence[Hashable], seed: int, resamples: int) -> Estimate:
    """Estimate PLCC after the logistic, which is fitted again in each resample. A resample has fewer distinct points,
    so its curve fits them more closely and its PLCC is higher: the interval is shifted until its median is the
    figure."""
    curve = fit_logistic(x, y)
    value = curve if isinstance(curve, Undefined) else compute_plcc(curve(x), y)
    if isinstance(curve, Undefined) or isinstance(value, Undefined):
        return Estimate(value, Undefined(str(value)))
    if resamples == 0:
        return Estimate(value, Undefined("no interval was asked for"))
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(owner, len(numbers)) for owner in owners], dtype=np.int64)
    groups = len(numbers)
    if groups < 2:
        return Estimate(value, Undefined(ONE_GROUP))
    step = max(1, MOST_CELLS // len(x))
    drawn = np.concatenate(
        [
            _refit(curve, x, y, counts[at : at + step, codes])
            for counts in draw_group_counts(groups, seed=seed, resamples=resamples)
            for at in range(0, len(counts), step)
        ]
    )
    drawn = drawn[np.isfinite(drawn)]
    interval = compute_percentile_interval(drawn, drawn=resamples)
    if isinstance(interval, Interval):
        shift = value - float(np.median(drawn))
        interval = Interval(max(-1.0, interval.low + shift), min(1.0, interval.high + shift))
    return Estimate(value, interval)


def _refit(curve: Logistic, x: Floats, y: Floats, weights: Ints) -> Floats:
    """Fit the logistic to each resample and compute PLCC after it (draws,); NaN where too little varies. `weights`
    (draws, points) says how often each draw contains each point. Levenberg-Marquardt starts from the curve of all
    points, and fits all draws at once."""
    share = weights.astype(np.float64)
    beta = np.tile([curve.right, curve.left, curve.middle, np.log(curve.width)], (len(share), 1))
    damping = np.full(len(share), 1e-3)
    values, slopes = _compute_curves(beta, x)
    costs = (share * (y - values) ** 2).sum(axis=1)
    for _ in range(_REFIT_ROUNDS):
        weighted = slopes * share[:, :, None]
        normal = np.swapaxes(weighted, 1, 2) @ slopes
        scale = np.einsum("dii->di", normal) * damping[:, None] + 1e-9
        downhill = np.swapaxes(weighted, 1, 2) @ (y - values)[:, :, None]
        moved = beta + np.linalg.solve(normal + scale[:, :, None] * np.eye(4), downhill)[:, :, 0]
        moved[:, 3] = np.clip(moved[:, 3], _LEAST_LOG_WIDTH, -_LEAST_LOG_WIDTH)
        new_values, new_slopes = _compute_curves(moved, x)
        new_costs = (share * (y - new_values) ** 2).sum(axis=1)
        better = new_costs < costs
        beta[better], values[better], slopes[better] = moved[better], new_values[better], new_slopes[better]
        costs = np.where(better, new_costs, costs)
        damping = np.clip(np.where(better, damping / 10, damping * 10), 1e-9, 1e9)
    return compute_weighted_plcc(values, y[None], share)


def _compute_curves(beta: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Compute the curve of each draw (draws, points) and its derivatives by right, left, middle and log width (draws,
    points, 4)."""
    right, left, middle, log_width = (column[:, None] for column in beta.T)
    width = np.exp(log_width)
    steps = (x - middle) / width
    risen = expit(steps)
    slope = (right - left) * risen * (1 - risen)
    values: Floats = left + (right - left) * risen
    return values, np.stack([risen, 1 - risen, -slope / width, -slope * steps], axis=2)


def estimate_correlations(
    predicted: npt.ArrayLike,
    actual: npt.ArrayLike,
    groups: Sequence[Hashable],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> tuple[Estimate, Estimate]:
    """Estimate SRCC and PLCC over many clips, with intervals over their groups. All resamples are computed at once."""
    x, y = _check_pairs(predicted, actual)
    values = compute_srcc(x, y), compute_plcc(x, y)
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    if len(numbers) < 2 or any(isinstance(value, Undefined) for value in values):
        none = Undefined(ONE_GROUP)
        return Estimate(values[0], none), Estimate(values[1], none)
    points = DistinctPoints.of(x, y, codes)
    srcc, plcc = [], []
    for counts in draw_group_counts(len(numbers), seed=seed, resamples=resamples):
        weights = points.weigh(counts)
        srcc.append(compute_weighted_srcc(points.x, points.y, weights))
        plcc.append(compute_weighted_plcc(points.x[None], points.y[None], weights))
    return _make_estimate(values[0], np.concatenate(srcc)), _make_estimate(values[1], np.concatenate(plcc))


def _make_estimate(value: Figure, drawn: Floats) -> Estimate:
    return Estimate(value, compute_percentile_interval(drawn[np.isfinite(drawn)], drawn=len(drawn)))


def _check_pairs(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"Expected two arrays of one length, got {x.shape} and {y.shape}.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("A prediction is not a finite number: leave it out and count it as unparsable.")
    return x, y


def _explain_unfit(x: Floats, y: Floats) -> Undefined | None:
    if len(x) < LEAST_POINTS:
        return Undefined(f"a correlation needs {LEAST_POINTS} clips or more, not {len(x)}")
    for values, name in ((x, "predictions"), (y, "scores")):
        if values.min() == values.max():
            return Undefined(f"all {name} are equal")
    return None
