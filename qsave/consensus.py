"""What raters agree on: the score of an axis, and its defects.

A score has a consensus if two thirds of the raters are at two neighbouring levels; it is then their median. A defect is
contested if neither the raters who name it nor the others are two thirds of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from qsave.axes import MAX_LEVEL, MIN_LEVEL, round_to_level
from qsave.report_card import AxisReport, Evidence


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one rater says of an axis; `order` breaks ties between raters, the lowest first."""

    report: AxisReport
    order: int = 0


def has_consensus(scores: Sequence[int]) -> bool:
    """Return whether two thirds of the scores are at two neighbouring levels; False without a score."""
    counts = Counter(scores)
    most = max(counts[level] + counts[level + 1] for level in range(MIN_LEVEL, MAX_LEVEL))
    return bool(scores) and 3 * most >= 2 * len(scores)


def is_contested(named: int, raters: int) -> bool:
    """Return whether a defect that `named` of the raters name has no majority of two thirds, for it or against it."""
    return raters < 3 * named < 2 * raters


def list_contested(reports: Sequence[AxisReport]) -> list[str]:
    """Return the contested defects of an axis, in the order of their names."""
    counts = Counter(defect for report in reports for defect in report.defects)
    return sorted(defect for defect, named in counts.items() if is_contested(named, len(reports)))


def list_majority(named: Sequence[Iterable[str]]) -> list[str]:
    """Return the defects that at least half of the raters name, in the order of their names."""
    counts = Counter(defect for defects in named for defect in set(defects))
    return sorted(defect for defect, count in counts.items() if 2 * count >= len(named))


def find_pieces(defect: str, evidence: Iterable[Sequence[Evidence]]) -> list[Evidence]:
    """Return the pieces of a defect in the first of the lists that has any."""
    for pieces in evidence:
        named = [piece for piece in pieces if piece.defect == defect]
        if named:
            return named
    return []


def compute_median(scores: Sequence[int]) -> int:
    """Return the median as a level, half up."""
    return round_to_level(median(scores))


def make_consensus(opinions: Sequence[Opinion]) -> AxisReport | None:
    """Return the consensus of raters on an axis, or None if their scores have none.

    Its score is the median and its defects are those that at least half of the raters name. Marks and reason come from
    the rater whose score is closest to the median, then whose defects are most like the consensus.
    """
    scores = [round(opinion.report.score) for opinion in opinions]
    if not has_consensus(scores):
        return None
    score = compute_median(scores)
    defects = list_majority([opinion.report.defects for opinion in opinions])
    ranked = [opinion.report for opinion in sorted(opinions, key=lambda opinion: _rank(opinion, score, defects))]
    evidence = tuple(piece for defect in defects for piece in find_pieces(defect, [one.evidence for one in ranked]))
    reason = next((report.reason for report in ranked if report.reason), "")
    return AxisReport(float(score), evidence, reason)


def _rank(opinion: Opinion, score: int, defects: Sequence[str]) -> tuple[float, int, int]:
    report = opinion.report
    return abs(report.score - score), len(set(report.defects) ^ set(defects)), opinion.order
