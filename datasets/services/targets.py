"""The target of a clip under the release policy, and the words and defects to go with it."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from datasets.services.figures import Figures, with_interval
from datasets.services.policy import ReleasePolicy
from datasets.services.records import Answer, ClipRecord
from qsave.axes import AXES, Axis, level_of_mos
from qsave.release.rows import Target
from qsave.report_card import AxisReport, Evidence
from qsave.statistics.mos import Mos
from qsave.statistics.p910 import LEAST_PANEL
from qsave.statistics.screening import LEAST_RATINGS


@dataclass(frozen=True, slots=True)
class Words:
    """What an SFT row says on one axis, and where the reason comes from: `review`, or the rater's pseudonym."""

    report: AxisReport
    source: str


@dataclass(frozen=True, slots=True)
class _Said:
    """One counted answer on an axis, fit to be learned from."""

    rater: str
    blind: bool
    answer: Answer


def target_of(record: ClipRecord, axis: Axis, figures: Figures, policy: ReleasePolicy) -> tuple[Target, Mos] | None:
    """The target of one axis with its interval; None where the policy gives this clip none."""
    mos = figures[axis].mos.get(record.clip_id)
    if mos is None:
        return None
    if policy.target == "reviewed" and record.split == "train":
        if record.review is None:
            return None
        mos = with_interval(mos, record.review[axis].score, mos.se, max(mos.high - mos.mos, mos.mos - mos.low))
    evidence = _find_evidence(record, axis, mos.mos, policy)
    target = Target(
        mos=round(mos.mos, 6),
        se=round(mos.se, 6),
        n=mos.n,
        level=level_of_mos(round(mos.mos, 6)),
        defects=_defects_of(evidence or ()),
        evidence=evidence or (),
        described=evidence is not None,
    )
    return target, mos


def why_no_target(record: ClipRecord, policy: ReleasePolicy) -> str:
    """What to say of a clip that has counted ratings and no target under this policy."""
    if policy.target == "bt500":
        return f"fewer than {LEAST_RATINGS} counted ratings, which BT.500 needs, or none left after screening"
    if policy.target == "p910":
        return f"fewer than {LEAST_PANEL} counted ratings, which P.910 needs"
    if policy.target == "reviewed" and record.split == "train":
        return "not reviewed"
    return "no counted rating"


def words_of(record: ClipRecord, axis: Axis, target: Target, policy: ReleasePolicy) -> Words | None:
    """What an SFT row says on one axis: the target's level and defects, and a reason that fits them. None where all
    words there are stand as a critic drafted them."""
    review = record.review[axis] if record.review and record.split == "train" else None
    if review is not None and review.reason:
        reason, source = review.reason, "review"
    else:
        ranked = _rank(_usable(record, axis, policy), target.mos, target.defects, _lot(record, axis, policy))
        if not ranked:
            return None
        reason, source = ranked[0].answer.reason, ranked[0].rater
    return Words(AxisReport(float(target.level), target.evidence, reason), source)


def is_agreed(record: ClipRecord, policy: ReleasePolicy) -> bool:
    """Whether the blind ratings agree well enough for the cool-down: assisted ones may agree with one draft."""
    ratings = record.blind
    if len(ratings) < max(1, policy.cooldown_ratings):
        return False
    by_axis = [[rating.answers[axis].score for rating in ratings] for axis in AXES]
    return all(max(scores) - min(scores) <= policy.cooldown_range for scores in by_axis)


def pairwise_agreement(scores: Sequence[int]) -> float | None:
    """Share of pairs of ratings that lie within one level; None for fewer than two."""
    pairs = [abs(first - second) <= 1 for first, second in combinations(scores, 2)]
    return round(sum(pairs) / len(pairs), 6) if pairs else None


def _find_evidence(record: ClipRecord, axis: Axis, mos: float, policy: ReleasePolicy) -> tuple[Evidence, ...] | None:
    """Evidence of the defects of the target: the review's on train, else for each defect that half of the raters name
    the pieces of the rater who is nearest to the target. None where nobody has words of their own."""
    if record.review is not None and record.split == "train":
        return record.review[axis].evidence
    ranked = _rank(_usable(record, axis, policy), mos, None, _lot(record, axis, policy))
    if not ranked:
        return None
    answers = [said.answer for said in ranked]
    named = [defect for answer in answers for defect in _defects_of(answer.evidence)]
    majority = sorted(defect for defect in set(named) if 2 * named.count(defect) >= len(answers))
    return tuple(piece for defect in majority for piece in _pieces(defect, answers))


def _usable(record: ClipRecord, axis: Axis, policy: ReleasePolicy) -> list[_Said]:
    """The counted answers that may be learned from."""
    return [
        _Said(rating.rater, rating.blind, rating.answers[axis])
        for rating in record.counted
        if rating.answers[axis].own_words or policy.unedited_drafts
    ]


def _rank(said: Sequence[_Said], mos: float, defects: Collection[str] | None, lot: str) -> list[_Said]:
    """Best first: own words before a critic's, near the target, with defects like `defects` (where they are known),
    with a reason, blind, and a seeded lot where all that is equal."""

    def order(one: _Said) -> tuple[bool, float, int, bool, bool, str]:
        answer = one.answer
        others = 0 if defects is None else len(set(defects) ^ set(_defects_of(answer.evidence)))
        drawn = hashlib.sha256(f"{lot}|{one.rater}".encode()).hexdigest()
        return (
            not answer.own_words,
            round(abs(answer.score - mos), 6),
            others,
            not answer.reason,
            not one.blind,
            drawn,
        )

    return sorted(said, key=order)


def _lot(record: ClipRecord, axis: Axis, policy: ReleasePolicy) -> str:
    return f"{policy.seed}|{record.clip_id}|{axis}"


def _defects_of(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(piece.defect for piece in evidence))


def _pieces(defect: str, answers: Sequence[Answer]) -> list[Evidence]:
    for answer in answers:
        pieces = [piece for piece in answer.evidence if piece.defect == defect]
        if pieces:
            return pieces
    return []
