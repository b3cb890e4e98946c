"""Measure predictions against blind ratings. The figures are computed by the job and stored; pages only show them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import F

from annotation.models import Item
from annotation.shared.plots import MAX_MARKS, thin_evenly
from modelassist.engine.evaluation.intervals import Pairs, compute_agreement
from modelassist.models import Prediction, PredictionSet
from modelassist.reads.paired import SEED, predict_constant, read_blind_scores, read_groups
from qsave.axes import AXES, Axis
from qsave.proposal import Proposal, proposal_from_json
from qsave.run.encoding import encode_figures
from qsave.run.figures import Agreement as Figures


def compute_figures(prediction_set: PredictionSet) -> dict[str, Any]:
    """Return by axis: how many clips have the axis, a score, each defect; and RMSE and SRCC to the mean blind score.

    `points` are [clip, score, blind score] of evenly spaced clips, sorted by score. Intervals draw the clips of a
    prompt together.
    """
    campaign = prediction_set.campaign
    blind, groups = read_blind_scores(campaign), read_groups(campaign)
    proposals = read_proposals(prediction_set)
    return {axis.value: _measure(axis, proposals, blind[axis], groups) for axis in AXES}


def read_proposals(prediction_set: PredictionSet) -> dict[int, Proposal]:
    """Return the proposals by item, without those on a file that was replaced since. One query."""
    answered = Prediction.objects.filter(prediction_set=prediction_set, proposal__isnull=False)
    answered = answered.filter(clip_version=F("item__clip__version")).order_by("item")
    return {item: proposal_from_json(value) for item, value in answered.values_list("item", "proposal").iterator()}


def _measure(
    axis: Axis, proposals: Mapping[int, Proposal], blind: Mapping[int, float], groups: Mapping[int, str]
) -> dict[str, Any]:
    proposed = {item: one.axes[axis] for item, one in proposals.items() if axis in one.axes}
    defects = Counter(defect for one in proposed.values() for defect in {piece.defect for piece in one.evidence or ()})
    scores = {item: one.score for item, one in proposed.items() if one.score is not None}
    return {
        "proposed": len(proposed),
        "scored": len(scores),
        "silent": sum(one.evidence is None for one in proposed.values()),
        "clean": sum(one.evidence == () for one in proposed.values()),
        "defects": dict(defects.most_common()),
        **_compare(scores, blind, groups),
    }


def _compare(scores: Mapping[int, float], blind: Mapping[int, float], groups: Mapping[int, str]) -> dict[str, Any]:
    """Compare on the clips that have a score and a blind rating; the constant is the mean of the other prompts."""
    items = sorted(scores.keys() & blind.keys(), key=lambda item: (scores[item], item))
    if not items:
        return {"clips": 0, "points": []}
    constant = predict_constant(items, blind, groups)
    figures = {"constant_rmse": _agree(constant, blind, groups).rmse} if constant else {}
    drawn = thin_evenly(items, MAX_MARKS)
    names = dict(Item.objects.filter(pk__in=drawn).values_list("pk", "clip__clip_id"))
    ours = _agree({item: scores[item] for item in items}, blind, groups)
    return {
        "clips": len(items),
        "prompts": ours.counts.prompts,
        **encode_figures({"srcc": ours.srcc, "rmse": ours.rmse, **figures}),
        "points": [[names[item], scores[item], blind[item]] for item in drawn],
    }


def _agree(scores: Mapping[int, float], blind: Mapping[int, float], groups: Mapping[int, str]) -> Figures:
    items = sorted(scores)
    pairs = Pairs([scores[item] for item in items], [blind[item] for item in items], [groups[item] for item in items])
    return compute_agreement(pairs, SEED)
