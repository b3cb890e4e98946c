"""Compute the rewards of GRPO: pure functions from report cards and people's targets to numbers in [0, 1].

Levels are those that the sample wrote, so that the credit goes to tokens that were sampled. A sample that does not
parse gets 0 in every term.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import NormalDist, fmean, pvariance

from modelassist.engine.settings.config import RewardConfig
from qsave.axes import AXES, Axis
from qsave.card_agreement import compute_defect_f1, compute_evidence_overlap, contradicts_level
from qsave.release.rows import Target
from qsave.report_card import ReportCard

Cards = Sequence[Sequence[ReportCard | None]]
"""Clips x samples; None is a sample that does not parse."""
Targets = Mapping[Axis, Target]


@dataclass(frozen=True, slots=True)
class Terms:
    """The reward of one sample, term by term; `RewardConfig` has the weight of each term under the same name."""

    format: float = 0.0
    accuracy: float = 0.0
    rank: float = 0.0
    defects: float = 0.0
    evidence: float = 0.0
    consistency: float = 0.0
    length: float = 0.0

    def compute_total(self, weights: RewardConfig) -> float:
        """Return the weighted sum."""
        return sum(getattr(self, item.name) * getattr(weights, item.name) for item in fields(self))


def compute_reward_terms(
    cards: Cards, lengths: Sequence[Sequence[int]], targets: Sequence[Targets], config: RewardConfig, limit: int
) -> list[list[Terms]]:
    """Compute the terms of every sample of a round: clips x samples. `lengths` are in tokens, at most `limit`."""
    ranks = compute_rank_rewards(cards, targets)
    return [
        [
            _compute_terms(
                card, target, config, rank=rank, length=compute_length_reward(size, config.free_tokens, limit)
            )
            for card, size, rank in zip(group, sizes, group_ranks, strict=True)
        ]
        for group, sizes, group_ranks, target in zip(cards, lengths, ranks, targets, strict=True)
    ]


def compute_accuracy_reward(card: ReportCard, targets: Targets, floor: float) -> float:
    """Compute the mean over the axes of a Gaussian kernel on |level - MOS|.

    The width of the kernel is the standard error of the MOS, but at least `floor`.
    """
    return fmean(
        math.exp(-0.5 * ((card.axis(axis).score - target.mos) / max(floor, target.se)) ** 2)
        for axis, target in targets.items()
    )


def compute_rank_rewards(cards: Cards, targets: Sequence[Targets]) -> list[list[float]]:
    """Compute how well the rank of each sample among the other clips of the round agrees with the order of their MOS.

    Each sample is compared with the mean score of every other clip's group, which gives the probability that its clip
    is better (Thurstone, with the variances within both groups). The reward is the fidelity between this probability
    and the truth by MOS: 1, 0 or, for a tie, 1/2. A single clip has no order: its reward is 0.
    """
    by_axis = [_rank_axis(cards, targets, axis) for axis in AXES]
    return [
        [fmean(rewards[clip][sample] for rewards in by_axis) for sample in range(len(group))]
        for clip, group in enumerate(cards)
    ]


def compute_length_reward(length: int, free: int, limit: int) -> float:
    """Return 1 up to `free` tokens, then fall linearly to 0 at `limit`."""
    if length <= free:
        return 1.0
    return max(0.0, (limit - length) / (limit - free)) if limit > free else 0.0


def _compute_terms(
    card: ReportCard | None, targets: Targets, config: RewardConfig, rank: float, length: float
) -> Terms:
    if card is None:
        return Terms()
    described = [axis for axis, target in targets.items() if target.described]
    overlaps = [compute_evidence_overlap(card.axis(axis).evidence, targets[axis].evidence) for axis in targets]
    known = [overlap for overlap in overlaps if overlap is not None]
    return Terms(
        format=1.0,
        accuracy=compute_accuracy_reward(card, targets, config.kernel_floor),
        rank=rank,
        defects=fmean(compute_defect_f1(card.axis(axis).defects, targets[axis].defects) for axis in described)
        if described
        else 1.0,
        evidence=fmean(known) if known else 1.0,
        consistency=fmean(not contradicts_level(card.axis(axis)) for axis in targets),
        length=length,
    )


def _rank_axis(cards: Cards, targets: Sequence[Targets], axis: Axis) -> list[list[float]]:
    scores = [[card.axis(axis).score for card in group if card is not None] for group in cards]
    mos = [target[axis].mos for target in targets]
    return [
        [_rank_sample(card.axis(axis).score, clip, scores, mos) if card else 0.0 for card in group]
        for clip, group in enumerate(cards)
    ]


def _rank_sample(score: float, clip: int, scores: Sequence[Sequence[float]], mos: Sequence[float]) -> float:
    fidelities = [
        _compute_fidelity(_compute_probability_above(score, scores[clip], scores[other]), mos[clip], mos[other])
        for other in range(len(scores))
        if other != clip and scores[other]
    ]
    return fmean(fidelities) if fidelities else 0.0


def _compute_probability_above(score: float, own: Sequence[float], others: Sequence[float]) -> float:
    """Compute the probability that a score is above another clip's, given the variance within both groups."""
    spread = math.sqrt(pvariance(own) + pvariance(others) + 1e-2)
    return NormalDist().cdf((score - fmean(others)) / spread)


def _compute_fidelity(probability: float, mos: float, other: float) -> float:
    truth = 0.5 if mos == other else float(mos > other)
    return math.sqrt(truth * probability) + math.sqrt((1 - truth) * (1 - probability))
