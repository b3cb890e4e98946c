"""The figures of a release, axis by axis: the MOS of each clip under the target policy, and how far raters agree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.records import ClipRecord, RatingRecord
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.statistics.alpha import compute_alpha
from qsave.statistics.evidence import Weighed, weigh
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.mixed import fit_mixed_model
from qsave.statistics.mos import Mos, choose_prior_sd, compute_mos, compute_pooled_sd
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

    mos: dict[str, Mos]
    pooled_sd: float
    assumed_sd: bool
    agreement: Agreement
    weights: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


Figures = dict[Axis, AxisFigures]
Estimated = tuple[Sequence[Mos], dict[str, float], tuple[str, ...]]
"""MOS by clip, weights of raters, notes."""


def compute_figures(records: Iterable[ClipRecord], policy: ReleasePolicy) -> Figures:
    """Compute the figures of every axis over the counted ratings of `records`.

    Raises ReleaseRefused if the ratings do not allow the policy.
    """
    counted, blind = _Triples(), _Triples()
    for record in records:
        counted.add(record.clip_id, record.counted)
        blind.add(record.clip_id, record.blind)
    return {axis: _compute_axis(axis, counted.make_table(axis), blind.make_table(axis), policy) for axis in AXES}


def replace_mos(row: Mos, mos: float, se: float, reach: float) -> Mos:
    """Return the row with another MOS and an interval of `reach` to either side, both clipped to the scale."""
    mos = min(max(mos, MIN_LEVEL), MAX_LEVEL)
    return Mos(row.item, mos, row.n, row.sd, se, max(MIN_LEVEL, mos - reach), min(MAX_LEVEL, mos + reach))


class _Triples:
    """Collects ratings clip by clip, and makes a table for each axis."""

    def __init__(self) -> None:
        self._by_axis: dict[Axis, list[tuple[str, str, float]]] = {axis: [] for axis in AXES}

    def add(self, clip_id: str, ratings: Iterable[RatingRecord]) -> None:
        for rating in ratings:
            for axis, triples in self._by_axis.items():
                triples.append((clip_id, rating.rater, float(rating.answers[axis].score)))

    def make_table(self, axis: Axis) -> RatingTable:
        return RatingTable.from_triples(self._by_axis[axis])


def _compute_axis(axis: Axis, counted: RatingTable, blind: RatingTable, policy: ReleasePolicy) -> AxisFigures:
    pooled = compute_pooled_sd(blind)
    rows, weights, notes = _estimate(axis, counted, pooled, policy)
    return AxisFigures(
        mos={str(row.item): row for row in rows},
        pooled_sd=round(choose_prior_sd(pooled), 6),
        assumed_sd=isinstance(pooled, Undefined),
        agreement=_compute_agreement(blind, policy),
        weights=weights,
        notes=notes,
    )


def _compute_agreement(blind: RatingTable, policy: ReleasePolicy) -> Agreement:
    paired = int((blind.n >= 2).sum())
    alpha = compute_alpha(blind, "ordinal", seed=policy.seed)
    return Agreement(weigh(alpha.estimate, clips=paired), len(blind), blind.item_count, paired)


def _estimate(axis: Axis, table: RatingTable, pooled: Figure, policy: ReleasePolicy) -> Estimated:
    if policy.target == "bt500":
        return _screen(axis, table, pooled)
    if policy.target == "p910":
        return _project(axis, table, pooled)
    if policy.target == "bias_corrected":
        return _correct(table)
    return compute_mos(table, pooled=pooled), {}, ()


def _screen(axis: Axis, table: RatingTable, pooled: Figure) -> Estimated:
    large = table.keep(table.n[table.items] >= LEAST_RATINGS)
    if not len(large):
        raise ReleaseRefused(
            f"BT.500 screening needs clips with {LEAST_RATINGS} ratings or more, and {axis} has none: use mean or "
            "bias_corrected."
        )
    rejected = {str(rater.rater) for rater in screen_raters(large) if rater.rejected is True}
    accepted = large.keep(np.array([large.rater_ids[rater] not in rejected for rater in large.raters], dtype=np.bool_))
    return compute_mos(accepted, pooled=pooled), dict.fromkeys(sorted(rejected), 0.0), ()


def _project(axis: Axis, table: RatingTable, pooled: Figure) -> Estimated:
    panel = table.keep(table.n[table.items] >= LEAST_PANEL)
    if not len(panel):
        raise ReleaseRefused(
            f"P.910 is for panels: it needs clips with {LEAST_PANEL} ratings or more, and {axis} has none. Use "
            "bias_corrected, which works for every campaign."
        )
    fit = fit_p910(panel)
    if isinstance(fit, Undefined):
        raise ReleaseRefused(f"P.910 is undefined on {axis}: {fit}. Use bias_corrected.")
    rows = [
        replace_mos(row, float(mos), float(se), NORMAL_95 * float(se))
        for row, mos, se in zip(compute_mos(panel, pooled=pooled), fit.mos, fit.se, strict=True)
    ]
    weights = {str(rater): float(sd) ** -2 for rater, sd in zip(panel.rater_ids, fit.inconsistency, strict=True)}
    return rows, weights, fit.notes


def _correct(table: RatingTable) -> Estimated:
    model = fit_mixed_model(table)
    if isinstance(model, Undefined):
        return (), {}, ()
    scope = (f"The intervals of the targets hold {model.population} only: there are few.",) if model.population else ()
    return model.rows, {}, (*model.notes, *scope)
