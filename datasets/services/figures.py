"""The figures of a release, axis by axis: the MOS of each clip under the target policy, and how far raters agree."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from datasets.services.mos_of_clips import ClipIds, IdCollector, MosOfClips, select_items
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.statistics.alpha import compute_alpha
from qsave.statistics.evidence import Weighed, weigh
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.mixed import fit_mixed_model
from qsave.statistics.mos import Mos, MosColumns, choose_prior_sd, compute_mos_columns, compute_pooled_sd
from qsave.statistics.p910 import LEAST_PANEL, fit_p910
from qsave.statistics.screening import LEAST_RATINGS, screen_raters
from qsave.statistics.table import RatingTable

NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's alpha of blind ratings, with its counts: `paired` clips have two blind ratings or more."""

    alpha: Weighed
    ratings: int
    clips: int
    paired: int


@dataclass(frozen=True, slots=True)
class AxisFigures:
    """One axis over the whole release.

    `weights` has the raters whose weight is not 1; `notes` are sentences on what was assumed or left out.
    """

    mos: Mapping[str, Mos]
    pooled_sd: float
    assumed_sd: bool
    agreement: Agreement
    weights: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


Figures = dict[Axis, AxisFigures]


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The MOS of items of a table, and the weights of raters that are not 1."""

    items: tuple[int, ...]
    columns: MosColumns
    weights: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Scored(Protocol):
    """The scores of a rating, one for each axis."""

    @property
    def rater(self) -> str: ...
    @property
    def blind(self) -> bool: ...
    @property
    def scores(self) -> Sequence[int]: ...


class Rated(Protocol):
    """A clip with its counted ratings."""

    @property
    def clip_id(self) -> str: ...
    @property
    def counted(self) -> Sequence[Scored]: ...


def compute_figures(records: Iterable[Rated], policy: ReleasePolicy) -> Figures:
    """Compute the figures of every axis over the counted ratings of `records`.

    Raises ReleaseRefused if the ratings do not allow the policy.
    """
    scores = _Scores()
    for record in records:
        scores.add(record.clip_id, record.counted)
    return {axis: _compute_axis(axis, scores, policy) for axis in AXES}


def replace_mos(row: Mos, mos: float, se: float, reach: float) -> Mos:
    """Return the row with another MOS and an interval of `reach` to either side, both clipped to the scale."""
    mos = min(max(mos, MIN_LEVEL), MAX_LEVEL)
    return Mos(row.item, mos, row.n, row.sd, se, max(MIN_LEVEL, mos - reach), min(MAX_LEVEL, mos + reach))


class _Scores:
    """Collects the scores of ratings clip by clip, in columns, and makes a table for each axis."""

    def __init__(self) -> None:
        self._ids = IdCollector()
        self._raters: dict[str, int] = {}
        self._items, self._numbers, self._blind = array("i"), array("i"), array("b")
        self._scores = {axis: array("b") for axis in AXES}

    def add(self, clip_id: str, ratings: Iterable[Scored]) -> None:
        """Add the counted ratings of a clip."""
        number = self._ids.add(clip_id)
        for rating in ratings:
            self._items.append(number)
            self._numbers.append(self._raters.setdefault(rating.rater, len(self._raters)))
            self._blind.append(rating.blind)
            for scores, score in zip(self._scores.values(), rating.scores, strict=True):
                scores.append(score)

    def sort_ids(self) -> ClipIds:
        """Return the ids of the clips; the items of a table are indexes into them."""
        return np.unique(self._ids.collect())

    def make_table(self, axis: Axis, *, blind: bool = False) -> RatingTable:
        """Return the scores of one axis, or only the blind ones."""
        mask = np.frombuffer(self._blind, dtype=np.bool_) if blind else np.ones(len(self._blind), dtype=np.bool_)
        clips = np.unique(self._ids.collect(), return_inverse=True)[1]
        raters, ranks = np.unique(list(self._raters), return_inverse=True)
        table = RatingTable.from_columns(
            clips[np.frombuffer(self._items, dtype=np.int32)[mask]],
            ranks[np.frombuffer(self._numbers, dtype=np.int32)[mask]],
            np.frombuffer(self._scores[axis], dtype=np.int8)[mask].astype(np.float64),
        )
        return replace(table, rater_ids=tuple(str(raters[number]) for number in table.rater_ids))


def _compute_axis(axis: Axis, scores: _Scores, policy: ReleasePolicy) -> AxisFigures:
    blind = scores.make_table(axis, blind=True)
    pooled, agreement = compute_pooled_sd(blind), _compute_agreement(blind, policy)
    del blind
    estimate = _estimate(axis, scores.make_table(axis), pooled, policy)
    return AxisFigures(
        mos=MosOfClips(select_items(scores.sort_ids(), estimate.items), estimate.columns),
        pooled_sd=round(choose_prior_sd(pooled), 6),
        assumed_sd=isinstance(pooled, Undefined),
        agreement=agreement,
        weights=estimate.weights,
        notes=estimate.notes,
    )


def _compute_agreement(blind: RatingTable, policy: ReleasePolicy) -> Agreement:
    paired = int((blind.n >= 2).sum())
    alpha = compute_alpha(blind, "ordinal", seed=policy.seed)
    return Agreement(weigh(alpha.estimate, clips=paired), len(blind), blind.item_count, paired)


def _estimate(axis: Axis, table: RatingTable, pooled: Figure, policy: ReleasePolicy) -> _Estimate:
    if policy.target == "bt500":
        return _screen(axis, table, pooled)
    if policy.target == "p910":
        return _project(axis, table, pooled)
    if policy.target == "bias_corrected":
        return _correct(table)
    return _Estimate(table.item_ids, compute_mos_columns(table, pooled=pooled))


def _screen(axis: Axis, table: RatingTable, pooled: Figure) -> _Estimate:
    large = table.keep(table.n[table.items] >= LEAST_RATINGS)
    if not len(large):
        raise ReleaseRefused(
            f"BT.500 screening needs clips with {LEAST_RATINGS} ratings or more, and {axis} has none: use mean or "
            "bias_corrected."
        )
    rejected = {str(rater.rater) for rater in screen_raters(large) if rater.rejected is True}
    accepted = large.keep(np.array([large.rater_ids[rater] not in rejected for rater in large.raters], dtype=np.bool_))
    columns = compute_mos_columns(accepted, pooled=pooled)
    return _Estimate(accepted.item_ids, columns, dict.fromkeys(sorted(rejected), 0.0))


def _project(axis: Axis, table: RatingTable, pooled: Figure) -> _Estimate:
    panel = table.keep(table.n[table.items] >= LEAST_PANEL)
    if not len(panel):
        raise ReleaseRefused(
            f"P.910 is for panels: it needs clips with {LEAST_PANEL} ratings or more, and {axis} has none. Use "
            "bias_corrected, which works for every campaign."
        )
    fit = fit_p910(panel)
    if isinstance(fit, Undefined):
        raise ReleaseRefused(f"P.910 is undefined on {axis}: {fit}. Use bias_corrected.")
    reach = NORMAL_95 * fit.se
    columns = replace(
        compute_mos_columns(panel, pooled=pooled),
        mos=np.clip(fit.mos, MIN_LEVEL, MAX_LEVEL),
        se=fit.se,
        low=np.maximum(MIN_LEVEL, np.clip(fit.mos, MIN_LEVEL, MAX_LEVEL) - reach),
        high=np.minimum(MAX_LEVEL, np.clip(fit.mos, MIN_LEVEL, MAX_LEVEL) + reach),
    )
    weights = {str(rater): float(sd) ** -2 for rater, sd in zip(panel.rater_ids, fit.inconsistency, strict=True)}
    return _Estimate(panel.item_ids, columns, weights, fit.notes)


def _correct(table: RatingTable) -> _Estimate:
    model = fit_mixed_model(table)
    if isinstance(model, Undefined):
        nothing = np.zeros(0)
        return _Estimate((), MosColumns(nothing, nothing.astype(np.int64), *[nothing] * 4))
    scope = (f"The intervals of the targets hold {model.population} only: there are few.",) if model.population else ()
    mos = np.clip(model.mos, MIN_LEVEL, MAX_LEVEL)
    columns = MosColumns(mos, model.n, model.squares, model.se, model.low, model.high)
    return _Estimate(table.item_ids, columns, notes=(*model.notes, *scope))
