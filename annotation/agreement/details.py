"""Figures beyond the headlines: where variance comes from, how many prompts a comparison needs, AC2, the SOS parameter,
drift of raters, and agreement on each defect. All but the plan of prompts rest on blind ratings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotation.agreement.figures import Agreement, RatedAxis
from annotation.agreement.named_defects import NamedDefects
from annotation.models import Campaign
from qsave.axes import AXES, Axis
from qsave.statistics.chance import DOMINANT, compute_ac2, compute_dominant_share
from qsave.statistics.defects import DefectAgreement, compute_defect_agreement
from qsave.statistics.drift import compute_drifts
from qsave.statistics.evidence import RATIO, Weighed, weigh
from qsave.statistics.figures import Estimate
from qsave.statistics.power import Power, plan_prompts
from qsave.statistics.spread_of_opinion import compute_sos
from qsave.statistics.variance_shares import VarianceShares, compute_variance_shares


@dataclass(frozen=True, slots=True)
class AxisDetails:
    """One axis. `dominant` is the share of the most frequent level among blind ratings; `ac2` is there if a level
    dominates (`qsave.statistics.chance.DOMINANT`), because alpha is misleading then."""

    dominant: float
    ac2: Weighed | None
    sos: Weighed
    shares: VarianceShares
    power: Power


Details = Mapping[Axis, AxisDetails]
Drifts = Mapping[int, Mapping[Axis, Estimate]]
"""By rater and axis: the change of the bias over 100 ratings."""
DefectFigures = Mapping[Axis, tuple[DefectAgreement, ...]]


def compute_details(agreement: Agreement) -> Details:
    """Compute the details of each axis."""
    return {axis: _compute_axis(agreement, axis, rated) for axis, rated in agreement.rated.items()}


def _compute_axis(agreement: Agreement, axis: Axis, rated: RatedAxis) -> AxisDetails:
    blind, items = rated.blind, agreement.inputs.items
    paired = int((blind.n >= 2).sum())
    dominant = compute_dominant_share(blind)
    groups = items.group[items.find(np.array(blind.item_ids, dtype=np.int64))].tolist()
    return AxisDetails(
        dominant=dominant,
        ac2=weigh(compute_ac2(blind), clips=paired) if dominant >= DOMINANT else None,
        sos=weigh(compute_sos(blind), clips=paired, scale=RATIO),
        shares=compute_variance_shares(blind, groups),
        power=plan_prompts(agreement.rated_clips[axis]),
    )


def compute_drift_of_raters(agreement: Agreement) -> Drifts:
    """Compute the drift of each rater on each axis, from all ratings: of raters who are screened out too."""
    drifts: dict[int, dict[Axis, Estimate]] = {}
    for axis in AXES:
        answers = agreement.inputs.answers.on_axis(axis)
        table = answers.make_table()
        order = answers.rating[np.lexsort((answers.rater, answers.item))]  # keys of ratings rise in time
        for rater, drift in compute_drifts(table, order, screened=agreement.inputs.screened).items():
            drifts.setdefault(int(str(rater)), {})[axis] = drift
    return drifts


def compute_defect_figures(agreement: Agreement, named: NamedDefects) -> DefectFigures:
    """Compute the agreement of blind ratings on each defect of the campaign, by axis."""
    return {axis: _compute_defects(agreement.campaign, axis, rated, named) for axis, rated in agreement.rated.items()}


def _compute_defects(
    campaign: Campaign, axis: Axis, rated: RatedAxis, named: NamedDefects
) -> tuple[DefectAgreement, ...]:
    answers = rated.answers.keep(rated.answers.ratings.is_blind[rated.answers.rating])
    order = np.lexsort((answers.rater, answers.item))  # that of the table
    keys = answers.ratings.key[answers.rating][order]
    own = [str(defect["id"]) for defect in campaign.taxonomy if defect["axis"] == axis]
    groups, none = named.group_by_defect(axis), np.zeros(len(keys), dtype=np.bool_)
    marks = {defect: np.isin(keys, groups[defect]) if defect in groups else none for defect in own}
    return compute_defect_agreement(answers.make_table(), marks)
