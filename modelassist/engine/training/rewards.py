"""Rewards of the practice match: pure functions from what was said and what people said to numbers in [0, 1].

Levels are those the sample wrote, so that the credit goes to tokens that were drawn. A sample that does not parse
earns nothing at all.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import NormalDist, fmean, pvariance

from modelassist.engine.settings.config import RewardConfig
from qsave.axes import AXES, MAX_LEVEL, Axis, level_of_mos
from qsave.release.rows import Target
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

Targets = Mapping[Axis, Target]
_POOR = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """The reward of one sample, term by term."""

    format: float = 0.0
    accuracy: float = 0.0
    rank: float = 0.0
    defects: float = 0.0
    evidence: float = 0.0
    consistency: float = 0.0
    length: float = 0.0

    def total(self, weights: RewardConfig) -> float:
        """The weighted sum."""
        return sum(getattr(self, item.name) * getattr(weights, item.name) for item in fields(self))


def reward_terms(
    cards: Sequence[Sequence[ReportCard | None]],
    lengths: Sequence[Sequence[int]],
    targets: Sequence[Targets],
    config: RewardConfig,
    limit: int,
) -> list[list[Terms]]:
    """The terms of every sample of a step: clips x samples. `limit` is the most tokens a sample may have."""
    ranks = rank_rewards(cards, targets)
    return [
        [
            _terms(card, length, rank, target, config, limit)
            for card, length, rank in zip(group, tokens, ranked, strict=True)
        ]
        for group, tokens, ranked, target in zip(cards, lengths, ranks, targets, strict=True)
    ]


def accuracy_reward(card: ReportCard, targets: Targets, floor: float) -> float:
    """Mean over the axes of a Gaussian kernel on |level - MOS|, as wide as the MOS is uncertain, `floor` at least."""
    return fmean(
        math.exp(-0.5 * ((card.axis(axis).score - target.mos) / max(floor, target.se)) ** 2)
        for axis, target in targets.items()
    )


def rank_rewards(cards: Sequence[Sequence[ReportCard | None]], targets: Sequence[Targets]) -> list[list[float]]:
    """Fidelity of each sample's standing among the other clips of the step to the order of their MOS.

    A sample is compared with the mean of every other clip's group; the probability that it is better (Thurstone,
    equal within-group variances pooled in) is matched with 1, 0 or 1/2 by MOS. One clip alone has no order: 0.
    """
    per_axis = [_rank_axis(cards, targets, axis) for axis in AXES]
    return [
        [fmean(axis[clip][sample] for axis in per_axis) for sample in range(len(group))]
        for clip, group in enumerate(cards)
    ]


def defect_f1(said: Sequence[str], meant: Sequence[str]) -> float:
    """F1 of the defects of one axis; two empty lists agree."""
    if not said and not meant:
        return 1.0
    return 2 * len(set(said) & set(meant)) / (len(set(said)) + len(set(meant)))


def evidence_overlap(said: Sequence[Evidence], meant: Sequence[Evidence]) -> float | None:
    """Mean over people's timed evidence of its best overlap with a piece that names the same defect; None where
    people gave no time."""
    timed = [piece for piece in meant if piece.time is not None]
    if not timed:
        return None
    return fmean(max((_overlap(piece, other) for other in said), default=0.0) for piece in timed)


def time_iou(one: TimeRange, other: TimeRange) -> float:
    """Intersection over union of two time ranges; equal moments of no length overlap wholly."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    union = max(one.end, other.end) - min(one.start, other.start)
    if shared < 0:
        return 0.0
    return shared / union if union > 0 else 1.0


def contradicts(report: AxisReport) -> bool:
    """Whether the defects listed deny the level given: excellent with a defect, or poor and worse with none."""
    level = level_of_mos(report.score)
    return (level == MAX_LEVEL and bool(report.evidence)) or (level <= _POOR and not report.evidence)


def length_guard(length: int, free: int, limit: int) -> float:
    """1 up to `free` tokens, falling evenly to 0 at `limit`."""
    if length <= free:
        return 1.0
    return max(0.0, (limit - length) / (limit - free)) if limit > free else 0.0


def _terms(
    card: ReportCard | None, length: int, rank: float, targets: Targets, config: RewardConfig, limit: int
) -> Terms:
    if card is None:
        return Terms()
    described = [axis for axis, target in targets.items() if target.described]
    overlaps = [evidence_overlap(card.axis(axis).evidence, targets[axis].evidence) for axis in targets]
    known = [overlap for overlap in overlaps if overlap is not None]
    return Terms(
        format=1.0,
        accuracy=accuracy_reward(card, targets, config.kernel_floor),
        rank=rank,
        defects=fmean(defect_f1(card.axis(axis).defects, targets[axis].defects) for axis in described)
        if described
        else 1.0,
        evidence=fmean(known) if known else 1.0,
        consistency=fmean(not contradicts(card.axis(axis)) for axis in targets),
        length=length_guard(length, config.free_tokens, limit),
    )


def _overlap(meant: Evidence, said: Evidence) -> float:
    if meant.defect != said.defect or meant.time is None or said.time is None:
        return 0.0
    return time_iou(meant.time, said.time)


def _rank_axis(
    cards: Sequence[Sequence[ReportCard | None]], targets: Sequence[Targets], axis: Axis
) -> list[list[float]]:
    scores = [[card.axis(axis).score for card in group if card is not None] for group in cards]
    return [
        [_standing(card.axis(axis).score, clip, scores, targets, axis) if card else 0.0 for card in group]
        for clip, group in enumerate(cards)
    ]


def _standing(
    score: float, clip: int, scores: Sequence[Sequence[float]], targets: Sequence[Targets], axis: Axis
) -> float:
    fidelities = [
        _fidelity(_better(score, scores[clip], scores[other]), targets[clip][axis].mos, targets[other][axis].mos)
        for other in range(len(scores))
        if other != clip and scores[other]
    ]
    return fmean(fidelities) if fidelities else 0.0


def _better(score: float, own: Sequence[float], others: Sequence[float]) -> float:
    """Probability that a score is above another clip's, given the spread within both groups."""
    spread = math.sqrt(pvariance(own) + pvariance(others) + 1e-2)
    return NormalDist().cdf((score - fmean(others)) / spread)


def _fidelity(probability: float, mos: float, other: float) -> float:
    truth = 0.5 if mos == other else float(mos > other)
    return math.sqrt(truth * probability) + math.sqrt((1 - truth) * (1 - probability))
