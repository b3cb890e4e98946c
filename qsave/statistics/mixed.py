"""Bias-corrected MOS from a mixed model, defined for every table with a rating.

A score is the item's quality (fixed) plus the rater's bias (random, variance s_b^2) plus noise (variance s_e^2). The
ratio s_b^2 / s_e^2 is estimated by REML. Items are absorbed: with D the rating counts of raters, W the rows that
average over items and N the incidence, A = D - N' W (raters, raters) and r = the raters' sums of deviations from the
items' means. In the eigenvectors of A the likelihood is a sum over raters, so a search over one number finds its
maximum. The equations are Henderson's (1975); the degrees of freedom of the intervals are Satterthwaite's.

Biases are shrunk towards 0, the more the fewer ratings a rater has: one rating hardly moves anything.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import stdtrit

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import CONFIDENCE, THESE_RATERS, Figure, Floats, Ints, Undefined
from qsave.statistics.mos import ASSUMED_SD, LEAST_SD, Mos, compute_item_sd
from qsave.statistics.table import RatingTable

LEAST_RATERS = 6
"""Fewest raters from which the spread of biases can be estimated. With fewer, an interval is that of the mean that
these raters would give."""
LEAST_FREEDOM = 2.0
_RATIOS = np.concatenate([[0.0], np.logspace(-4, 5, 37)])
"""Grid of s_b^2 / s_e^2: the neighbours of its best value bracket the maximum."""
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Components:
    """Variances on the scale of the scores. `item` is the variance of the qualities without noise, at least 0."""

    item: float
    rater: float
    residual: float

    @property
    def agreement(self) -> Figure:
        """The two-way ICC(A,1): reliability of one rating as a measure of quality, with bias as an error."""
        return self._share(self.rater + self.residual)

    @property
    def consistency(self) -> Figure:
        """The two-way ICC(C,1): reliability of one rater's order of the items."""
        return self._share(self.residual)

    def _share(self, rest: float) -> Figure:
        whole = self.item + rest
        return self.item / whole if whole > 0 else Undefined("all ratings are equal")


@dataclass(frozen=True, slots=True, eq=False)
class MixedModel:
    """The fit. By item, in the order of `item_ids`: `mos` (it may be outside the scale), `se`, the 95% interval
    `low` to `high` (clipped to the scale), `n` and the `sd` of its own ratings. By rater: `bias`, shrunk, summing to 0.

    `population` is empty if the intervals hold for other raters like these, else it names the raters they hold for.
    `notes` are sentences on what was assumed.
    """

    item_ids: tuple[object, ...]
    rater_ids: tuple[object, ...]
    mos: Floats
    se: Floats
    low: Floats
    high: Floats
    n: Ints
    sd: tuple[Figure, ...]
    bias: Floats
    variances: Components
    population: str
    notes: tuple[str, ...]

    @property
    def rows(self) -> tuple[Mos, ...]:
        """The items as `mos.compute_mos` returns them, the MOS clipped to the scale."""
        values = np.clip(self.mos, MIN_LEVEL, MAX_LEVEL)
        rows = zip(self.item_ids, values, self.n, self.sd, self.se, self.low, self.high, strict=True)
        return tuple(Mos(i, float(m), int(n), sd, float(s), float(lo), float(hi)) for i, m, n, sd, s, lo, hi in rows)


@dataclass(frozen=True, slots=True, eq=False)
class Absorbed:
    """A table with its items absorbed: `weights` (items, raters) 1/n where rated; the eigenvalues and eigenvectors of
    A; the raters' sums of deviations in those vectors; the sum of squares within items and its degrees of freedom."""

    weights: csr_array
    values: Floats
    vectors: Floats
    sums: Floats
    squares: float
    freedom: int


def fit_mixed_model(table: RatingTable) -> MixedModel | Undefined:
    """Fit a table; undefined only if it has no rating.

    If no item has two ratings, the SD is assumed (ASSUMED_SD) and biases are 0, and a note says so.
    """
    if not len(table):
        return Undefined("nothing has been rated yet")
    absorbed = absorb_items(table)
    rater, residual = estimate_variances(absorbed)
    notes = _write_notes(table, absorbed, residual)
    least = max(residual, LEAST_SD**2)
    bias = _predict_biases(absorbed, rater, residual)
    mos = table.means - np.asarray(absorbed.weights @ bias)
    population = THESE_RATERS if table.rater_count < LEAST_RATERS else ""
    variances, freedom, noise = _compute_uncertainty(absorbed, rater, least, table.n, whole=not population)
    item = max(0.0, float(mos.var(ddof=1) - noise)) if len(mos) > 1 else 0.0
    se = np.sqrt(variances)
    reach = stdtrit(freedom, (1 + CONFIDENCE) / 2) * se
    return MixedModel(
        item_ids=table.item_ids,
        rater_ids=table.rater_ids,
        mos=mos,
        se=se,
        low=np.clip(mos - reach, MIN_LEVEL, MAX_LEVEL),
        high=np.clip(mos + reach, MIN_LEVEL, MAX_LEVEL),
        n=table.n,
        sd=tuple(compute_item_sd(float(ss), int(k)) for ss, k in zip(table.squares, table.n, strict=True)),
        bias=bias,
        variances=Components(item, rater, residual),
        population=population,
        notes=notes,
    )


def absorb_items(table: RatingTable) -> Absorbed:
    """Subtract the items' means from a table and decompose what is left."""
    shape = (table.item_count, table.rater_count)
    cells = (table.items, table.raters)
    weights = csr_array((1 / table.n[table.items], cells), shape=shape)
    incidence = csr_array((np.ones(len(table)), cells), shape=shape)
    a = np.diag(table.rated.astype(np.float64)) - (incidence.T @ weights).toarray()
    values, vectors = np.linalg.eigh((a + a.T) / 2)
    deviations = table.scores - table.means[table.items]
    return Absorbed(
        weights=weights,
        values=np.where(values > 1e-9 * max(1.0, float(values[-1])), values, 0.0),
        vectors=vectors,
        sums=vectors.T @ table.sum_by_rater(deviations),
        squares=float((deviations**2).sum()),
        freedom=len(table) - table.item_count,
    )


def estimate_variances(absorbed: Absorbed) -> tuple[float, float]:
    """Estimate the variances (rater, residual) by REML; (0, ASSUMED_SD^2) if no item has two ratings."""
    from scipy.optimize import minimize_scalar  # slow to load, and the web process starts without it

    if absorbed.freedom == 0:
        return 0.0, ASSUMED_SD**2
    if absorbed.squares <= 1e-12:
        return 0.0, 0.0
    costs = [_compute_cost(absorbed, float(ratio)) for ratio in _RATIOS]
    best = int(np.argmin(np.array(costs) + 1e-9 * np.arange(len(costs))))  # of equal costs the smallest ratio
    if best == len(_RATIOS) - 1:  # raters differ by their biases only
        known = absorbed.values > 0
        return float(((absorbed.sums[known] / absorbed.values[known]) ** 2).mean()), 0.0
    low, high = _RATIOS[max(best - 1, 0)], _RATIOS[min(best + 1, len(_RATIOS) - 1)]
    options = {"xatol": 1e-8}
    minimum = minimize_scalar(
        lambda x: _compute_cost(absorbed, x), bounds=(low, high), method="bounded", options=options
    )
    ratio = float(minimum.x) if minimum.fun < costs[best] - 1e-9 else float(_RATIOS[best])
    residual = max(_compute_squares_left(absorbed, ratio), 0.0) / absorbed.freedom
    return ratio * residual, residual


def _compute_squares_left(absorbed: Absorbed, ratio: float) -> float:
    """Compute the generalised sum of squares within items, given the ratio of variances."""
    return absorbed.squares - float((absorbed.sums**2 * ratio / (1 + ratio * absorbed.values)).sum())


def _compute_cost(absorbed: Absorbed, ratio: float) -> float:
    """Compute -2 log of the restricted likelihood up to a constant, with the best residual variance."""
    left = max(_compute_squares_left(absorbed, ratio), 1e-12 * absorbed.squares)
    return float(np.log1p(ratio * absorbed.values).sum() + absorbed.freedom * np.log(left))


def _predict_biases(absorbed: Absorbed, rater: float, residual: float) -> Floats:
    """Compute the best linear unbiased predictions of the biases (raters,)."""
    if rater == 0:
        return np.zeros(len(absorbed.values))
    shrunk = np.divide(
        absorbed.sums * rater,
        residual + rater * absorbed.values,
        out=np.zeros_like(absorbed.sums),
        where=absorbed.values > 0,  # along the other eigenvectors the sums are 0, so nothing can be predicted
    )
    biases: Floats = absorbed.vectors @ shrunk
    return biases


def _compute_uncertainty(
    absorbed: Absorbed, rater: float, residual: float, n: Ints, *, whole: bool
) -> tuple[Floats, Floats, float]:
    """Compute the variance of each item's MOS (items,), its degrees of freedom (items,), and the mean variance of the
    MOS about what these raters would give, which is the noise in differences between items.

    Var = s_e^2 / n + sum_k p_k^2 s_b^2 s_e^2 / v_k with v = s_e^2 + s_b^2 lambda and p an item's weights in the
    eigenvectors. If not `whole`, the variance is about the mean of these raters, so the weights are reduced by 1 /
    raters."""
    raters = len(absorbed.values)
    v = residual + rater * absorbed.values
    to_rater, to_residual = residual**2 / v**2, absorbed.values * rater**2 / v**2
    share = rater * residual / v
    columns = np.stack([share, to_rater, to_residual], axis=1)
    parts, about = np.empty((len(n), 3)), np.empty(len(n))
    for start in range(0, len(n), _CHUNK):
        rows = slice(start, start + _CHUNK)
        dense = absorbed.weights[rows].toarray()
        centred = ((dense - 1 / raters) @ absorbed.vectors) ** 2
        about[rows] = centred @ share
        parts[rows] = ((dense @ absorbed.vectors) ** 2 if whole else centred) @ columns
    variances = residual / n + parts[:, 0]
    gradient = np.stack([parts[:, 1], 1 / n + parts[:, 2]], axis=1)
    spread = gradient @ _compute_covariance(absorbed, v, residual)
    freedom = 2 * variances**2 / np.maximum((spread * gradient).sum(axis=1), 1e-300)
    return variances, np.clip(freedom, LEAST_FREEDOM, 1e6), float((residual / n + about).mean())


def _compute_covariance(absorbed: Absorbed, v: Floats, residual: float) -> Floats:
    """Compute the large-sample covariance of the (rater, residual) variances (2, 2): the inverse of REML's expected
    information."""
    values = absorbed.values
    others = absorbed.freedom - int((values > 0).sum())
    both = values / v**2
    noise = (1 / v[values > 0] ** 2).sum() + others / residual**2
    information = np.array([[(values * both).sum(), both.sum()], [both.sum(), noise]]) / 2
    return np.linalg.pinv(information).astype(np.float64)


def _write_notes(table: RatingTable, absorbed: Absorbed, residual: float) -> tuple[str, ...]:
    if absorbed.freedom == 0:
        return (
            f"No clip has two ratings, so the spread is taken as {ASSUMED_SD:g} level and nobody's bias is corrected.",
        )
    notes = []
    if residual < LEAST_SD**2:
        notes.append("Ratings hardly differ, so their spread is taken as that of rounding to whole levels.")
    once = int((table.rated == 1).sum())
    if once:
        notes.append(
            f"{once} {'rater' if once == 1 else 'raters'} gave one rating only: "
            f"{'its' if once == 1 else 'their'} bias is shrunk towards 0."
        )
    return tuple(notes)
