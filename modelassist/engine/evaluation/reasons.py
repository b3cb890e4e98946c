"""Measure a critic's reasons: the defects that it lists, the times that it marks, and whether they fit its levels.

A label counts once for each clip, even if the clip lists the defect several times. Clips without a report card have
their own rate and do not count here; if no clip has a report card, the defects that raters listed are still counted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from modelassist.engine.evaluation.intervals import compute_share, count_clips
from qsave.card_agreement import compute_evidence_overlap, contradicts_level
from qsave.release.rows import Target
from qsave.report_card import AxisReport
from qsave.run.figures import DefectFigures, Reasons
from qsave.statistics.figures import Estimate

NO_CARD = Estimate.undefined("there is no report card")


@dataclass(frozen=True, slots=True)
class AxisPair:
    """One axis of one clip: the critic's report, the raters' target, and the prompt group of the clip."""

    report: AxisReport
    target: Target
    group: str


def measure_reasons(pairs: Sequence[AxisPair], seed: int) -> Reasons:
    """Measure precision, recall and F1 over all labels and by label, temporal IoU of evidence, and contradictions."""
    listed = [set(pair.report.defects) for pair in pairs]
    by_raters = [set(pair.target.defects) for pair in pairs]
    groups = [pair.group for pair in pairs]
    overlaps = [compute_evidence_overlap(pair.report.evidence, pair.target.evidence) for pair in pairs]
    marked = [overlap is not None for overlap in overlaps]
    return Reasons(
        defects=_compare_defects(listed, by_raters, groups, seed),
        labels={
            label: _compare_defects(
                [labels & {label} for labels in listed], [labels & {label} for labels in by_raters], groups, seed
            )
            for label in sorted(set().union(*listed, *by_raters))
        },
        evidence_counts=count_clips([group for group, has_time in zip(groups, marked, strict=True) if has_time]),
        evidence_iou=compute_share(
            [overlap or 0.0 for overlap in overlaps], marked, groups, seed, "people marked no times"
        ),
        contradictions=compute_share(
            [contradicts_level(pair.report) for pair in pairs], [1] * len(pairs), groups, seed, str(NO_CARD.value)
        ),
    )


def count_reasons_of_raters(targets: Sequence[tuple[Target, str]]) -> Reasons:
    """Count what raters listed and marked if no clip has a report card.

    `targets` has the target and the prompt group of each clip.
    """
    counts = Counter(label for target, _ in targets for label in set(target.defects))
    return Reasons(
        defects=_make_figures_without_card(counts.total()),
        labels={label: _make_figures_without_card(counts[label]) for label in sorted(counts)},
        evidence_counts=count_clips(
            [group for target, group in targets if compute_evidence_overlap([], target.evidence) is not None]
        ),
        evidence_iou=NO_CARD,
        contradictions=NO_CARD,
    )


def _make_figures_without_card(by_raters: int) -> DefectFigures:
    return DefectFigures(listed=None, by_raters=by_raters, both=None, precision=NO_CARD, recall=NO_CARD, f1=NO_CARD)


def _compare_defects(
    listed: Sequence[set[str]], by_raters: Sequence[set[str]], groups: Sequence[str], seed: int
) -> DefectFigures:
    """Compare the labels of each clip. Counts are of (clip, label) pairs."""
    critic_counts, rater_counts = [len(labels) for labels in listed], [len(labels) for labels in by_raters]
    both = [len(labels & others) for labels, others in zip(listed, by_raters, strict=True)]
    sizes = [count + other for count, other in zip(critic_counts, rater_counts, strict=True)]
    return DefectFigures(
        listed=sum(critic_counts),
        by_raters=sum(rater_counts),
        both=sum(both),
        precision=compute_share(both, critic_counts, groups, seed, "the critic listed no defect"),
        recall=compute_share(both, rater_counts, groups, seed, "no rater listed a defect"),
        f1=compute_share(
            [2 * count for count in both], sizes, groups, seed, "neither the critic nor a rater listed a defect"
        ),
    )
