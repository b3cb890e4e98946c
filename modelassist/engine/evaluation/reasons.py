"""Is the *why* right: the defects a critic lists, the moments it points at, and whether they fit its own levels.

Label by label a clip counts once, however often it names a defect. Clips without a report card are in none of it: they
have a rate of their own. Where no clip has one, what people said is still counted.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from modelassist.engine.evaluation.intervals import share
from modelassist.engine.training.rewards import contradicts, evidence_overlap
from qsave.release.rows import Target
from qsave.report_card import AxisReport

Judged = Sequence[tuple[AxisReport, Target, str]]
"""What a critic said of an axis of a clip, what people said of it, and the clip's prompt group."""
_NO_CARD = "there is no report card"


def judge_why(judged: Judged, seed: int) -> dict[str, Any]:
    """Precision, recall and F1 over all labels and label by label; temporal IoU of evidence; contradictions."""
    return {"defects": defects(judged, seed), "evidence_iou": _evidence(judged, seed)} | {
        "contradictions": share(
            [contradicts(report) for report, _, _ in judged],
            [1] * len(judged),
            [group for _, _, group in judged],
            seed,
            _NO_CARD,
        )
    }


def why_of_people(said: Sequence[tuple[Target, str]]) -> dict[str, Any]:
    """The same where no clip has a report card: what people listed and marked, and nothing to hold against it. `said`
    is of each clip its target and its prompt group."""
    counts = Counter(label for target, _ in said for label in set(target.defects))
    marked = [group for target, group in said if evidence_overlap([], target.evidence) is not None]
    undefined = {"undefined": _NO_CARD}
    return {
        "defects": _unsaid(counts.total()) | {"labels": {label: _unsaid(counts[label]) for label in sorted(counts)}},
        "evidence_iou": _over(marked) | undefined,
        "contradictions": undefined,
    }


def _unsaid(meant: int) -> dict[str, Any]:
    shares = {name: {"undefined": _NO_CARD} for name in ("precision", "recall", "f1")}
    return {"said": None, "meant": meant, "both": None, **shares}


def defects(judged: Judged, seed: int) -> dict[str, Any]:
    """The labels listed against those people listed. Counts are of (clip, label) pairs."""
    said = [set(report.defects) for report, _, _ in judged]
    meant = [set(target.defects) for _, target, _ in judged]
    groups = [group for _, _, group in judged]
    labels = sorted(set().union(*said, *meant))
    by_label = {
        label: _found([one & {label} for one in said], [one & {label} for one in meant], groups, seed)
        for label in labels
    }
    return _found(said, meant, groups, seed) | {"labels": by_label}


def _found(said: Sequence[set[str]], meant: Sequence[set[str]], groups: Sequence[str], seed: int) -> dict[str, Any]:
    ours, theirs = [len(one) for one in said], [len(one) for one in meant]
    both = [len(one & other) for one, other in zip(said, meant, strict=True)]
    sizes = [one + other for one, other in zip(ours, theirs, strict=True)]
    return {
        "said": sum(ours),
        "meant": sum(theirs),
        "both": sum(both),
        "precision": share(both, ours, groups, seed, "the critic named none"),
        "recall": share(both, theirs, groups, seed, "people named none"),
        "f1": share([2 * count for count in both], sizes, groups, seed, "nobody named any"),
    }


def _evidence(judged: Judged, seed: int) -> dict[str, Any]:
    """Over the clips where people marked a time: how well the critic's time for the same defect overlaps with it."""
    overlaps = [evidence_overlap(report.evidence, target.evidence) for report, target, _ in judged]
    known = [overlap is not None for overlap in overlaps]
    groups = [group for _, _, group in judged]
    marked = [group for group, there in zip(groups, known, strict=True) if there]
    nothing = "people marked no times"
    return _over(marked) | share([overlap or 0.0 for overlap in overlaps], known, groups, seed, nothing)


def _over(groups: Sequence[str]) -> dict[str, Any]:
    """How many clips and prompts there are, given the prompt group of each clip."""
    return {"clips": len(groups), "prompts": len(set(groups))}
