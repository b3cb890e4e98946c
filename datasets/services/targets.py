"""From ratings to targets: a MOS a clip and axis under the release policy, and the words and defects to go with it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from datasets.services.policy import ASSUMED_SD, ReleasePolicy, ReleaseRefused
from datasets.services.records import Answer, ClipRecord
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis, level_of_mos
from qsave.release import Target
from qsave.report_card import AxisReport, Evidence
from qsave.statistics.alpha import Alpha, krippendorff_alpha
from qsave.statistics.figures import Undefined
from qsave.statistics.mos import Mos, pooled_sd, summarise
from qsave.statistics.p910 import alternating_projection
from qsave.statistics.screening import LEAST_RATINGS, bt500
from qsave.statistics.table import RatingTable

NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class AxisFigures:
    """One axis over the whole release. `weights` are those of raters that do not weigh 1."""

    mos: dict[str, Mos]
    pooled_sd: float
    assumed_sd: bool
    alpha: Alpha
    weights: dict[str, float] = field(default_factory=dict)


Figures = dict[Axis, AxisFigures]


@dataclass(frozen=True, slots=True)
class Words:
    """What an SFT row says on one axis, and where it comes from: `review`, or the rater's pseudonym."""

    report: AxisReport
    source: str


def figures_of(records: Iterable[ClipRecord], policy: ReleasePolicy) -> Figures:
    """The figures of every axis over the counted ratings of `records`; raises ReleaseRefused where the policy cannot
    be followed."""
    triples: dict[Axis, list[tuple[str, str, float]]] = {axis: [] for axis in AXES}
    for record in records:
        for rating in record.counted:
            for axis in AXES:
                triples[axis].append((record.clip_id, rating.rater, float(rating.answers[axis].score)))
    return {axis: _axis_figures(axis, RatingTable.from_triples(triples[axis]), policy) for axis in AXES}


def target_of(record: ClipRecord, axis: Axis, figures: Figures, policy: ReleasePolicy) -> tuple[Target, Mos] | None:
    """The target of one axis with its interval; None where the policy gives this clip none."""
    mos = figures[axis].mos.get(record.clip_id)
    if mos is None:
        return None
    if policy.target == "reviewed" and record.split == "train":
        if record.review is None:
            return None
        mos = _moved(mos, record.review[axis].score)
    evidence = _evidence(record, axis, mos.mos, policy)
    target = Target(
        mos=round(mos.mos, 6),
        se=round(mos.se, 6),
        n=mos.n,
        level=level_of_mos(round(mos.mos, 6)),
        defects=tuple(dict.fromkeys(piece.defect for piece in evidence)),
        evidence=evidence,
    )
    return target, mos


def why_no_target(record: ClipRecord, policy: ReleasePolicy) -> str:
    """What to say of a clip that has counted ratings and no target under this policy."""
    if policy.target == "bt500":
        return f"fewer than {LEAST_RATINGS} counted ratings, which BT.500 needs, or none left after screening"
    if policy.target == "reviewed" and record.split == "train":
        return "not reviewed"
    return "no counted rating"


def words_of(record: ClipRecord, axis: Axis, mos: float, policy: ReleasePolicy) -> Words | None:
    """The reason and evidence of an SFT row; None where all words there are stand as a critic drafted them."""
    review = record.review[axis] if record.review and record.split == "train" else None
    level = float(level_of_mos(round(mos, 6)))
    if review is not None and review.reason:
        return Words(AxisReport(level, review.evidence, review.reason), "review")
    ranked = _ranked(record, axis, mos, policy)
    if not ranked:
        return None
    rater, answer = ranked[0]
    return Words(AxisReport(level, answer.evidence, answer.reason), rater)


def is_agreed(record: ClipRecord, policy: ReleasePolicy) -> bool:
    """Whether the counted ratings agree well enough for the cool-down."""
    ratings = record.counted
    if len(ratings) < max(1, policy.cooldown_ratings):
        return False
    by_axis = [[rating.answers[axis].score for rating in ratings] for axis in AXES]
    return all(max(scores) - min(scores) <= policy.cooldown_range for scores in by_axis)


def pairwise_agreement(scores: Sequence[int]) -> float | None:
    """Share of pairs of ratings that lie within one level; None for fewer than two."""
    pairs = [abs(first - second) <= 1 for first, second in combinations(scores, 2)]
    return round(sum(pairs) / len(pairs), 6) if pairs else None


def _axis_figures(axis: Axis, table: RatingTable, policy: ReleasePolicy) -> AxisFigures:
    alpha = krippendorff_alpha(table, "ordinal", seed=policy.seed)
    weights: dict[str, float] = {}
    if policy.target == "bt500":
        table, weights = _screened(axis, table)
    sd = pooled_sd(table)
    spread = ASSUMED_SD if isinstance(sd, Undefined) else sd
    rows = summarise(table, prior_sd=spread)
    if policy.target == "p910":
        rows, weights = _bias_corrected(axis, table, rows)
    return AxisFigures(
        mos={str(row.item): row for row in rows},
        pooled_sd=round(spread, 6),
        assumed_sd=isinstance(sd, Undefined),
        alpha=alpha,
        weights=weights,
    )


def _screened(axis: Axis, table: RatingTable) -> tuple[RatingTable, dict[str, float]]:
    large = table.keep(table.n[table.items] >= LEAST_RATINGS)
    if not len(large):
        raise ReleaseRefused(
            f"BT.500 screening needs clips with {LEAST_RATINGS} ratings or more, and {axis} has none: use mean"
        )
    rejected = {str(rater.rater) for rater in bt500(large) if rater.rejected is True}
    kept = large.keep(np.array([large.rater_ids[rater] not in rejected for rater in large.raters], dtype=np.bool_))
    return kept, dict.fromkeys(sorted(rejected), 0.0)


def _bias_corrected(axis: Axis, table: RatingTable, rows: Sequence[Mos]) -> tuple[tuple[Mos, ...], dict[str, float]]:
    fit = alternating_projection(table)
    if isinstance(fit, Undefined):
        raise ReleaseRefused(f"P.910 bias correction of {axis} is undefined: {fit}. Use mean")
    corrected = [
        _with_interval(row, float(mos), float(se), NORMAL_95 * float(se))
        for row, mos, se in zip(rows, fit.mos, fit.se, strict=True)
    ]
    weights = {str(rater): float(sd) ** -2 for rater, sd in zip(table.rater_ids, fit.inconsistency, strict=True)}
    return tuple(corrected), weights


def _moved(row: Mos, score: float) -> Mos:
    """A reviewed score in the place of the mean, with the uncertainty of the ratings around it."""
    return _with_interval(row, score, row.se, max(row.high - row.mos, row.mos - row.low))


def _with_interval(row: Mos, mos: float, se: float, reach: float) -> Mos:
    mos = min(max(mos, MIN_LEVEL), MAX_LEVEL)
    return Mos(row.item, mos, row.n, row.sd, se, max(MIN_LEVEL, mos - reach), min(MAX_LEVEL, mos + reach))


def _ranked(record: ClipRecord, axis: Axis, mos: float, policy: ReleasePolicy) -> list[tuple[str, Answer]]:
    """Counted answers fit to be a target, best first: own words before a critic's, near the target, with a reason,
    blind, and a seeded lot where all that is equal."""
    found = [
        (rating.rater, rating.arm, rating.answers[axis])
        for rating in record.counted
        if rating.answers[axis].own_words or policy.unedited_drafts
    ]

    def order(row: tuple[str, str, Answer]) -> tuple[bool, float, bool, bool, str]:
        rater, arm, answer = row
        lot = hashlib.sha256(f"{policy.seed}|{record.clip_id}|{axis}|{rater}".encode()).hexdigest()
        return (not answer.own_words, round(abs(answer.score - mos), 6), not answer.reason, arm != "blind", lot)

    return [(rater, answer) for rater, _, answer in sorted(found, key=order)]


def _evidence(record: ClipRecord, axis: Axis, mos: float, policy: ReleasePolicy) -> tuple[Evidence, ...]:
    """Evidence of the defects that stand: the review's on train, else of each defect that half of the raters name the
    pieces of the rater who lies nearest to the target."""
    if record.review is not None and record.split == "train":
        return record.review[axis].evidence
    answers = [answer for _, answer in _ranked(record, axis, mos, policy)]
    named = [defect for answer in answers for defect in dict.fromkeys(piece.defect for piece in answer.evidence)]
    standing = sorted(defect for defect in set(named) if 2 * named.count(defect) >= len(answers))
    return tuple(piece for defect in standing for piece in _pieces(defect, answers))


def _pieces(defect: str, answers: Sequence[Answer]) -> list[Evidence]:
    for answer in answers:
        pieces = [piece for piece in answer.evidence if piece.defect == defect]
        if pieces:
            return pieces
    return []
