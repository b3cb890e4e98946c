"""Bias-corrected MOS from a mixed model, defined for every table with a rating.

A score is the item's quality (fixed) plus the rater's bias (random, variance s_b^2) plus noise (variance s_e^2). The
ratio s_b^2 / s_e^2 is estimated by REML. Items are absorbed: with D the rating counts of raters, W the rows that
average over items and N the incidence, A = D - N' W (raters, raters) and r = the raters' sums of deviations from the
items' means. In the eigenvectors of A the likelihood is a sum over raters, so a search over one number finds its
maximum. The equations are Henderson's (1975); the degrees of freedom of the intervals are Satterthwaite's.

Biases are shrunk towards 0, the more the fewer ratings a rater has: one rating hardly moves anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import stdtrit

from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.statistics.figures import CONFIDENCE, THESE_RATERS, Figure, Floats, Ints, Undefined
from qsave.statistics.mos import ASSUMED_SD, LEAST_SD, Mos, MosColumns
from qsave.statistics.table import RatingTable

LEAST_RATERS = 6
"""Fewest raters from which the spread of biases can be estimated. With fewer, an interval is that of the mean that
these raters would give."""
LEAST_FREEDOM = 2.0
_RATIOS = np.concatenate([[0.0], np.logspace(-4, 5, 37)])
"""Grid of s_b^2 / s_e^2: the neighbours of its best value bracket the maximum."""
_MOST_CELLS = 4_000_000
"""Most cells of items and raters in memory at once."""


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
    `low` to `high` (clipped to the scale), `n` and the sum of `squares` within its own ratings. By rater: `bias`,
    shrunk, summing to 0.

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
    squares: Floats
    bias: Floats
    variances: Components
    population: str
    notes: tuple[str, ...]

    @property
    def rows(self) -> tuple[Mos, ...]:
        """The items as `mos.compute_mos` returns them, the MOS clipped to the scale."""
        return Corrected(self.mos, self.n, self.squares, self.se, self.low, self.high).make_rows(self.item_ids)


class Corrected(MosColumns):
    """The bias-corrected MOS of items as columns. `mos` may be outside the scale; rows have it clipped."""

    def make_rows(self, item_ids: Sequence[object]) -> tuple[Mos, ...]:
        clipped = np.clip(self.mos, MIN_LEVEL, MAX_LEVEL)
        return MosColumns(clipped, self.n, self.squares, self.se, self.low, self.high).make_rows(item_ids)


@dataclass(frozen=True, slots=True, eq=False)
class WithinSums:
    """Sums over items, from which the model is fitted: A (raters, raters), the raters' sums of deviations and their
    numbers of ratings (raters,), the sum of squares within items and its degrees of freedom. Sums of parts of a table
    with the same raters add up."""

    a: Floats
    deviations: Floats
    rated: Ints
    squares: float
    freedom: int

    @classmethod
    def of(cls, table: RatingTable) -> "WithinSums":
        incidence = csr_array(
            (np.ones(len(table)), (table.items, table.raters)), shape=(table.item_count, table.rater_count)
        )
        deviations = table.scores - table.means[table.items]
        return cls(
            a=np.diag(table.rated.astype(np.float64)) - (incidence.T @ weigh_raters(table)).toarray(),
            deviations=table.sum_by_rater(deviations),
            rated=table.rated,
            squares=float((deviations**2).sum()),
            freedom=len(table) - table.item_count,
        )

    def keep_raters(self) -> tuple["WithinSums", Ints]:
        """Leave out the raters without a rating; return also the positions of the others."""
        columns = np.flatnonzero(self.rated)
        sums = WithinSums(
            self.a[np.ix_(columns, columns)], self.deviations[columns], self.rated[columns], self.squares, self.freedom
        )
        return sums, columns

    def __add__(self, other: "WithinSums") -> "WithinSums":
        return WithinSums(
            self.a + other.a,
            self.deviations + other.deviations,
            self.rated + other.rated,
            self.squares + other.squares,
            self.freedom + other.freedom,
        )


def weigh_raters(table: RatingTable) -> csr_array:
    """Return the weight of each rater in the mean of each item (items, raters): 1/n where they rated it."""
    shape = (table.item_count, table.rater_count)
    return csr_array((1 / table.n[table.items], (table.items, table.raters)), shape=shape)


@dataclass(frozen=True, slots=True, eq=False)
class Absorbed:
    """A table with its items absorbed: the eigenvalues and eigenvectors of A; the raters' sums of deviations in those
    vectors; the sum of squares within items and its degrees of freedom."""

    values: Floats
    vectors: Floats
    sums: Floats
    squares: float
    freedom: int


@dataclass(frozen=True, slots=True, eq=False)
class MixedFit:
    """The fitted variances and biases, which correct the MOS of any items that these raters rated."""

    absorbed: Absorbed
    rater: float
    residual: float
    bias: Floats
    population: str
    notes: tuple[str, ...]

    @classmethod
    def of(cls, sums: WithinSums) -> "MixedFit":
        """Fit the model. Every rater needs a rating."""
        absorbed = absorb(sums)
        rater, residual = estimate_variances(absorbed)
        return cls(
            absorbed=absorbed,
            rater=rater,
            residual=residual,
            bias=_predict_biases(absorbed, rater, residual),
            population=THESE_RATERS if len(sums.rated) < LEAST_RATERS else "",
            notes=_write_notes(sums, residual),
        )

    def correct(self, table: RatingTable) -> Corrected:
        """Correct the MOS of a table's items; its raters are those of the fit."""
        weights = weigh_raters(table)
        mos = table.means - np.asarray(weights @ self.bias)
        variances, freedom = self._compute_variances(weights, table.n)
        se = np.sqrt(variances)
        reach = stdtrit(freedom, (1 + CONFIDENCE) / 2) * se
        low, high = np.clip(mos - reach, MIN_LEVEL, MAX_LEVEL), np.clip(mos + reach, MIN_LEVEL, MAX_LEVEL)
        return Corrected(mos, table.n, table.squares, se, low, high)

    def compute_noise(self, table: RatingTable) -> float:
        """Compute the mean variance of the MOS about what these raters would give: the noise in differences between
        items."""
        share = self._list_shares()[0]
        return float((self._least / table.n + self._sum_squares(weigh_raters(table), share, centred=True)).mean())

    @property
    def _least(self) -> float:
        return max(self.residual, LEAST_SD**2)

    def _list_shares(self) -> tuple[Floats, Floats, Floats]:
        """Return for each eigenvector the variance that a unit weight along it adds to a MOS, and the derivatives of
        that variance by s_b^2 and s_e^2: s_b^2 s_e^2 / v with v = s_e^2 + s_b^2 lambda, s_e^4 / v^2, and
        lambda s_b^4 / v^2."""
        values, residual, rater = self.absorbed.values, self._least, self.rater
        v = residual + rater * values
        return rater * residual / v, residual**2 / v**2, values * rater**2 / v**2

    def _sum_squares(self, weights: csr_array, share: Floats, *, centred: bool) -> Floats:
        """Compute sum_k p_k^2 share_k of each item (items,), with p an item's weights in the eigenvectors; reduced by 1
        / raters first if `centred`."""
        vectors = self.absorbed.vectors
        form = (vectors * share) @ vectors.T
        sums = np.empty(weights.shape[0])
        step = max(1, _MOST_CELLS // len(share))
        for start in range(0, len(sums), step):
            rows = weights[start : start + step]
            sums[start : start + step] = rows.multiply(rows @ form).sum(axis=1)
        if centred:
            sums += form.sum() / len(share) ** 2 - 2 / len(share) * np.asarray(weights @ form.sum(axis=1))
        return np.maximum(sums, 0.0)

    def _compute_variances(self, weights: csr_array, n: Ints) -> tuple[Floats, Floats]:
        """Compute the variance of each item's MOS (items,) and its degrees of freedom (items,).

        Var = s_e^2 / n + sum_k p_k^2 s_b^2 s_e^2 / v_k. If the intervals hold for these raters only, the variance is
        about their mean.
        """
        centred = bool(self.population)
        share, to_rater, to_residual = (
            self._sum_squares(weights, each, centred=centred) for each in self._list_shares()
        )
        variances = self._least / n + share
        gradient = np.stack([to_rater, 1 / n + to_residual], axis=1)
        v = self._least + self.rater * self.absorbed.values
        spread = gradient @ _compute_covariance(self.absorbed, v, self._least)
        freedom = 2 * variances**2 / np.maximum((spread * gradient).sum(axis=1), 1e-300)
        return variances, np.clip(freedom, LEAST_FREEDOM, 1e6)


def fit_mixed_model(table: RatingTable) -> MixedModel | Undefined:
    """Fit a table; undefined only if it has no rating.

    If no item has two ratings, the SD is assumed (ASSUMED_SD) and biases are 0, and a note says so.
    """
    if not len(table):
        return Undefined("nothing has been rated yet")
    fit = MixedFit.of(WithinSums.of(table))
    corrected = fit.correct(table)
    return MixedModel(
        item_ids=table.item_ids,
        rater_ids=table.rater_ids,
        mos=corrected.mos,
        se=corrected.se,
        low=corrected.low,
        high=corrected.high,
        n=corrected.n,
        squares=corrected.squares,
        bias=fit.bias,
        variances=_split_variance(fit, table, corrected.mos),
        population=fit.population,
        notes=fit.notes,
    )


def estimate_components(table: RatingTable) -> Components | Undefined:
    """Estimate the variances of a table without the MOS of its items; undefined only if it has no rating."""
    if not len(table):
        return Undefined("nothing has been rated yet")
    fit = MixedFit.of(WithinSums.of(table))
    return _split_variance(fit, table, table.means - np.asarray(weigh_raters(table) @ fit.bias))


def _split_variance(fit: MixedFit, table: RatingTable, mos: Floats) -> Components:
    item = max(0.0, float(mos.var(ddof=1) - fit.compute_noise(table))) if len(mos) > 1 else 0.0
    return Components(item, fit.rater, fit.residual)


def absorb_items(table: RatingTable) -> Absorbed:
    """Subtract the items' means from a table and decompose what is left."""
    return absorb(WithinSums.of(table))


def absorb(sums: WithinSums) -> Absorbed:
    """Decompose the sums within items."""
    values, vectors = np.linalg.eigh((sums.a + sums.a.T) / 2)
    return Absorbed(
        values=np.where(values > 1e-9 * max(1.0, float(values[-1])), values, 0.0),
        vectors=vectors,
        sums=vectors.T @ sums.deviations,
        squares=sums.squares,
        freedom=sums.freedom,
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


def _compute_covariance(absorbed: Absorbed, v: Floats, residual: float) -> Floats:
    """Compute the large-sample covariance of the (rater, residual) variances (2, 2): the inverse of REML's expected
    information."""
    values = absorbed.values
    others = absorbed.freedom - int((values > 0).sum())
    both = values / v**2
    noise = (1 / v[values > 0] ** 2).sum() + others / residual**2
    information = np.array([[(values * both).sum(), both.sum()], [both.sum(), noise]]) / 2
    return np.linalg.pinv(information).astype(np.float64)


def _write_notes(sums: WithinSums, residual: float) -> tuple[str, ...]:
    if sums.freedom == 0:
        return (
            f"No clip has two ratings, so the spread is taken as {ASSUMED_SD:g} level and nobody's bias is corrected.",
        )
    notes = []
    if residual < LEAST_SD**2:
        notes.append("Ratings hardly differ, so their spread is taken as that of rounding to whole levels.")
    once = int((sums.rated == 1).sum())
    if once:
        notes.append(
            f"{once} {'rater' if once == 1 else 'raters'} gave one rating only: "
            f"{'its' if once == 1 else 'their'} bias is shrunk towards 0."
        )
    return tuple(notes)
