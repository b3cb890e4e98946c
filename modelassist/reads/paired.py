"""Pair the scores of critics with blind ratings of the same clips, and compare a critic with another or a constant.

A score of a critic is that of its draft, or of its prediction, which also exists for clips of val and test.

Blind ratings are those that no draft can have influenced. A clip counts where a critic gave a score on the axis and at
least one blind rating exists.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from annotation.models import Campaign, Item, ItemSummary
from annotation.rating.drafts import select_current_drafts
from modelassist.engine.evaluation.intervals import Pairs, compute_gain
from modelassist.models import Critic, DetectorFit, Prediction
from qsave.axes import AXES, Axis
from qsave.proposal import proposal_from_json
from qsave.run.figures import Gain
from qsave.statistics.tallies import unpack_tally
from qsave.words import isolate

SEED = 0
Scores = Mapping[Axis, Mapping[int, float]]
"""axis -> item -> score"""


@dataclass(frozen=True, slots=True)
class AxisComparison:
    """How much better a critic follows blind ratings than a rival on one axis, on the clips that both scored."""

    axis: Axis
    gain: Gain | None
    missing: str = ""
    """A full sentence that says why there is no figure; empty if there is one."""


def read_blind_scores(campaign: Campaign, *, least: int = 1) -> Scores:
    """Return the mean blind score of each item with at least so many, from the summaries of the items. One query."""
    tallies = [f"{axis.value}_blind_tally" for axis in AXES]
    blind: dict[Axis, dict[int, float]] = {axis: {} for axis in AXES}
    for item, *packed in ItemSummary.objects.filter(campaign=campaign).values_list("item", *tallies).iterator():
        for axis, tally in zip(AXES, map(unpack_tally, packed), strict=True):
            if tally.n >= least:
                blind[axis][item] = tally.total / tally.n
    return blind


def read_drafted_scores(campaign: Campaign, critic: Critic) -> Scores:
    """Return the scores that a critic drafted for the present file of each clip. One query."""
    drafts = select_current_drafts().filter(item__campaign=campaign, critic=str(critic))
    return _collect_scores(drafts.order_by("pk").values_list("item", "proposal"))


def read_critic_scores(campaign: Campaign, critic: Critic) -> Scores:
    """Return the scores of a critic for the present file of each clip: drafted, else predicted. Two queries.

    Detectors that were fitted to ratings of a clip have the score of the fold that did not see its prompt, instead: no
    critic is compared on the ratings that it was fitted to. That is one more query.
    """
    predictions = Prediction.objects.filter(
        prediction_set__campaign=campaign,
        prediction_set__critic=critic,
        clip_version=F("item__clip__version"),
        proposal__isnull=False,
    )
    predicted = _collect_scores(predictions.order_by("pk").values_list("item", "proposal"))
    drafted = read_drafted_scores(campaign, critic)
    unseen = _read_unseen_scores(campaign, critic)
    return {axis: {**predicted[axis], **drafted[axis], **unseen.get(axis, {})} for axis in AXES}


def _read_unseen_scores(campaign: Campaign, critic: Critic) -> Scores:
    if critic.kind != Critic.Kind.DETECTORS:
        return {}
    fit = DetectorFit.objects.filter(critic=critic, campaign=campaign).first()
    stored = fit.unseen.items() if fit else ()
    return {Axis(name): {int(item): score for item, score in scores.items()} for name, scores in stored}


def _collect_scores(rows: Iterable[tuple[int, Any]]) -> dict[Axis, dict[int, float]]:
    scores: dict[Axis, dict[int, float]] = {axis: {} for axis in AXES}
    for item, proposal in rows:
        for axis, score in proposal_from_json(proposal).scores.items():
            scores[axis][item] = score
    return scores


def compare_critics(campaign: Campaign, critic: Critic, present: Critic) -> list[AxisComparison]:
    """Compare a critic with the present one of a campaign, axis by axis."""
    blind, groups = read_blind_scores(campaign), read_groups(campaign)
    scores, rival = read_critic_scores(campaign, critic), read_critic_scores(campaign, present)
    return [
        _compare(axis, scores[axis], rival[axis], blind[axis], groups, names=(str(critic), str(present)))
        for axis in AXES
    ]


def compare_with_constant(campaign: Campaign, critic: Critic) -> list[AxisComparison]:
    """Compare a critic with the constant: the mean blind score of the clips of all other prompts."""
    blind, groups = read_blind_scores(campaign), read_groups(campaign)
    scores = read_critic_scores(campaign, critic)
    return [
        _compare(
            axis,
            scores[axis],
            predict_constant(scores[axis].keys() & blind[axis].keys(), blind[axis], groups),
            blind[axis],
            groups,
            names=(str(critic), "the constant"),
        )
        for axis in AXES
    ]


def read_groups(campaign: Campaign) -> dict[int, str]:
    """Return the prompt group of each item. One query."""
    rows = Item.objects.filter(campaign=campaign).values_list("pk", "clip__prompt_group")
    return {item: str(group) for item, group in rows.iterator()}


def predict_constant(items: Iterable[int], blind: Mapping[int, float], groups: Mapping[int, str]) -> dict[int, float]:
    """Predict each item by the mean of all clips of other prompts; an item without any has no prediction."""
    total, count = sum(blind.values()), len(blind)
    sums: dict[str, tuple[float, int]] = {}
    for item, score in blind.items():
        own, number = sums.get(groups[item], (0.0, 0))
        sums[groups[item]] = (own + score, number + 1)
    others = {item: (total - sums[groups[item]][0], count - sums[groups[item]][1]) for item in items}
    return {item: rest / number for item, (rest, number) in others.items() if number}


def _compare(  # two predictors, the truth and their names
    axis: Axis,
    scores: Mapping[int, float],
    rival: Mapping[int, float],
    blind: Mapping[int, float],
    groups: Mapping[int, str],
    names: tuple[str, str],
) -> AxisComparison:
    """Compare on the items that both predictors scored and that have blind ratings."""
    items = sorted(scores.keys() & rival.keys() & blind.keys())
    if not items:
        return AxisComparison(axis, None, _explain_missing(axis, scores, rival, blind, names))
    pairs = Pairs([scores[item] for item in items], [blind[item] for item in items], [groups[item] for item in items])
    return AxisComparison(axis, compute_gain(pairs, [rival[item] for item in items], SEED))


def _explain_missing(
    axis: Axis,
    scores: Mapping[int, float],
    rival: Mapping[int, float],
    blind: Mapping[int, float],
    names: tuple[str, str],
) -> str:
    if not blind:
        return _("No clip has a blind rating on this axis.")
    for name, given in zip(names, (scores, rival), strict=True):
        if not given:
            return _("%(critic)s has scored no clip on this axis.") % {"critic": isolate(name)}
    return _("No clip has a blind rating and a score of both critics on this axis.")
