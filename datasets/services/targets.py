"""The target of a clip under the release policy, and the defects and the reason that go with it."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from datasets.services.figures import Figures, replace_mos
from datasets.services.filters import explain_not_agreed, may_give_words
from datasets.services.options import TARGETS
from datasets.services.policy import ReleasePolicy
from datasets.services.records import Answer, ClipRecord
from qsave.axes import Axis, round_to_level
from qsave.consensus import find_pieces, list_majority
from qsave.release.rows import Target
from qsave.report_card import AxisReport, Evidence
from qsave.statistics.mos import Mos


@dataclass(frozen=True, slots=True)
class Words:
    """The answer of an SFT row on one axis. `source` says who wrote its reason: `review` or a rater's pseudonym."""

    report: AxisReport
    source: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A counted answer on one axis that a critic may learn from."""

    rater: str
    blind: bool
    answer: Answer


def compute_target(
    record: ClipRecord, axis: Axis, figures: Figures, policy: ReleasePolicy
) -> tuple[Target, Mos] | None:
    """Return the target of one axis with its interval; None if the policy gives this clip no target."""
    reviewed = record.review[axis].score if record.review else None
    mos = choose_mos(figures[axis].mos.get(record.clip_id), reviewed, record.split, policy)
    if mos is None:
        return None
    evidence = _find_evidence(record, axis, mos.mos, policy)
    target = Target(
        mos=round(mos.mos, 6),
        se=round(mos.se, 6),
        n=mos.n,
        level=round_to_level(round(mos.mos, 6)),
        defects=_list_defects(evidence or ()),
        evidence=evidence or (),
        described=evidence is not None,
    )
    return target, mos


def choose_mos(mos: Mos | None, reviewed: float | None, split: str, policy: ReleasePolicy) -> Mos | None:
    """Return the MOS of a target: that of the ratings, or the lead's score under the policy `reviewed`; None without
    it. `reviewed` is None for a clip without a review."""
    if mos is None or policy.choose_target(split) != "reviewed":
        return mos
    if reviewed is None:
        return None
    return replace_mos(mos, reviewed, mos.se, max(mos.high - mos.mos, mos.mos - mos.low))


def explain_no_target(split: str, policy: ReleasePolicy) -> str:
    """Say why a clip with counted ratings has no target under this policy."""
    return TARGETS[policy.choose_target(split)].why_none


def choose_words(record: ClipRecord, axis: Axis, target: Target, policy: ReleasePolicy) -> Words | None:
    """Return the answer of an SFT row on one axis: the target's level and defects, and a reason that fits them.

    Return None if the policy lets no reason on the axis be learned from (`explain_no_words`).
    """
    if policy.reasons_from == "none":
        return None
    review = record.review[axis] if record.review and record.split == "train" else None
    if review is not None and review.reason:
        reason, source = review.reason, "review"
    else:
        candidates = [
            candidate
            for candidate in _find_candidates(record, axis, policy)
            if may_give_words(own_words=candidate.answer.own_words, blind=candidate.blind, policy=policy)
        ]
        ranked = _rank(candidates, target.mos, target.defects, _name_draw(record, axis, policy))
        if not ranked:
            return None
        reason, source = ranked[0].answer.reason, ranked[0].rater
    return Words(AxisReport(float(target.level), target.evidence, reason), source)


def is_agreed(record: ClipRecord, policy: ReleasePolicy) -> bool:
    """Return whether blind ratings agree well enough for the cool-down. Assisted ones may agree only with the draft."""
    return not explain_not_agreed([rating.scores for rating in record.blind], policy)


def compute_pairwise_agreement(scores: Sequence[int]) -> float | None:
    """Return the share of pairs of ratings that lie within one level; None for fewer than two ratings."""
    pairs = [abs(first - second) <= 1 for first, second in combinations(scores, 2)]
    return round(sum(pairs) / len(pairs), 6) if pairs else None


def _find_evidence(record: ClipRecord, axis: Axis, mos: float, policy: ReleasePolicy) -> tuple[Evidence, ...] | None:
    """Return the evidence of the target's defects; None if no rater has words of their own.

    On train a review decides, if there is one. Otherwise it has each defect that at least half of the raters name, with
    the evidence of the rater whose score is closest to the target.
    """
    if record.review is not None and record.split == "train":
        return record.review[axis].evidence
    ranked = _rank(_find_candidates(record, axis, policy), mos, None, _name_draw(record, axis, policy))
    if not ranked:
        return None
    answers = [candidate.answer for candidate in ranked]
    majority = list_majority([_list_defects(answer.evidence) for answer in answers])
    pieces = [answer.evidence for answer in answers]
    return tuple(piece for defect in majority for piece in find_pieces(defect, pieces))


def _find_candidates(record: ClipRecord, axis: Axis, policy: ReleasePolicy) -> list[_Candidate]:
    """Return the counted answers that a critic may learn from."""
    return [
        _Candidate(rating.rater, rating.blind, rating.answers[axis])
        for rating in record.counted
        if rating.answers[axis].own_words or policy.unedited_drafts
    ]


def _rank(candidates: Sequence[_Candidate], mos: float, defects: Collection[str] | None, draw: str) -> list[_Candidate]:
    """Sort, best first: own words before a critic's, then scores close to `mos`, then defects like `defects`
    (unless None), then those with a reason, then blind ones. `draw` seeds the order of ties.
    """

    def key(candidate: _Candidate) -> tuple[bool, float, int, bool, bool, str]:
        answer = candidate.answer
        others = 0 if defects is None else len(set(defects) ^ set(_list_defects(answer.evidence)))
        drawn = hashlib.sha256(f"{draw}|{candidate.rater}".encode()).hexdigest()
        return (
            not answer.own_words,
            round(abs(answer.score - mos), 6),
            others,
            not answer.reason,
            not candidate.blind,
            drawn,
        )

    return sorted(candidates, key=key)


def _name_draw(record: ClipRecord, axis: Axis, policy: ReleasePolicy) -> str:
    return f"{policy.seed}|{record.clip_id}|{axis}"


def _list_defects(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(piece.defect for piece in evidence))
