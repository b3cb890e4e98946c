"""Lay out the figures of agreement for the page: readable figures, and thin ones folded behind a sentence."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.agreement.figures import ArmRow, AxisAgreement
from annotation.agreement.mos_curve import MosCurve
from annotation.agreement.plots import plot_levels, plot_mos
from annotation.agreement.rater_table import RaterRow
from annotation.models import Campaign
from annotation.shared.plots import Plot
from qsave.axes import Axis
from qsave.statistics.evidence import DIFFERENCE, Weighed, weigh
from qsave.statistics.figures import Interval, Undefined
from qsave.statistics.generators import PairedDifference
from qsave.words import isolate

REACH = {
    "baseline_srcc": gettext_lazy("One person against the others, SRCC"),
    "ceiling_srcc": gettext_lazy("Ceiling set by the MOS, SRCC"),
    "baseline_plcc": gettext_lazy("One person against the others, PLCC"),
    "ceiling_plcc": gettext_lazy("Ceiling set by the MOS, PLCC"),
}

Line = tuple[str, Weighed]


@dataclass(frozen=True, slots=True)
class Fold:
    """Thin figures, and the sentence that says what they lack."""

    sentence: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class AxisCard:
    """One axis. `lines` are (label, blind, assisted), without lines on which both are thin."""

    figures: AxisAgreement
    lines: tuple[tuple[str, Weighed, Weighed], ...]
    folds: tuple[Fold, ...]
    reach: tuple[Line, ...]
    reach_folds: tuple[Fold, ...]
    is_of_these_raters: bool
    """Whether an interval holds for these raters only."""
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True)
class AxisDifferences:
    """Pairs of generators on one axis: different, unclear, and on too few prompts."""

    axis: Axis
    different: tuple[PairedDifference, ...]
    unclear: tuple[PairedDifference, ...]
    thin: tuple[PairedDifference, ...]


def fold(lines: Iterable[Line], counts: Collection[str] = ()) -> tuple[Fold, ...]:
    """Group the thin figures behind sentences.

    A figure whose own sentence is in `counts` gets that one; the others share a sentence that names them.
    """
    by_sentence: dict[str, list[Line]] = {}
    for label, figure in lines:
        if figure.is_thin:
            by_sentence.setdefault(figure.thin if figure.thin in counts else "", []).append((label, figure))
    return tuple(
        Fold(
            sentence or _("Interval too wide or missing: %(figures)s.") % {"figures": _join_labels(folded)},
            tuple(folded),
        )
        for sentence, folded in by_sentence.items()
    )


def _join_labels(lines: Sequence[Line]) -> str:
    return "; ".join(label for label, _figure in lines)


def make_card(campaign: Campaign, figures: AxisAgreement, curve: MosCurve | None) -> AxisCard:
    """Return the card of one axis."""
    blind, assisted = figures.blind, figures.assisted
    lines = (
        (_("Krippendorff's alpha"), blind.alpha, assisted.alpha),
        (_("ICC of a MOS"), blind.icc, assisted.icc),
        (_("SD within a clip"), blind.pooled_sd, assisted.pooled_sd),
    )
    folded = [(_("Mean of MOS"), figures.mos), *((label, blind_figure) for label, blind_figure, _assisted in lines)]
    if assisted.basis.ratings:
        folded += [(_("%(figure)s, assisted") % {"figure": label}, figure) for label, _blind, figure in lines]
    counts = {blind.basis.thin, assisted.basis.thin}
    reach = [(str(label), blind.basis.weigh(getattr(figures.reach, name))) for name, label in REACH.items()]
    return AxisCard(
        figures=figures,
        lines=tuple(line for line in lines if not (line[1].is_thin and line[2].is_thin)),
        folds=fold(folded, counts),
        reach=tuple(line for line in reach if not line[1].is_thin),
        reach_folds=fold(reach, counts),
        is_of_these_raters=any_of_these_raters(
            figure for _label, *pair in lines for figure in pair if not figure.is_thin
        ),
        plots=tuple(plot for plot in (plot_mos(campaign, figures.axis, curve), plot_levels(campaign, figures)) if plot),
    )


def any_of_these_raters(figures: Iterable[Weighed]) -> bool:
    """Return whether an interval of these figures holds for these raters only."""
    intervals = (figure.estimate.interval for figure in figures)
    return any(isinstance(interval, Interval) and bool(interval.population) for interval in intervals)


def describe_screening(raters: Sequence[RaterRow]) -> str:
    """Return whom BT.500 would reject and on which axes, or why it has no verdict. The lead decides."""
    verdicts = [(rater.name, axis, line.rejected) for rater in raters for axis, line in rater.bt500.items()]
    reasons = [verdict.reason for _name, _axis, verdict in verdicts if isinstance(verdict, Undefined)]
    if reasons and len(reasons) == len(verdicts):
        return f"{reasons[0]}."
    rejected: dict[str, list[str]] = {}
    for name, axis, verdict in verdicts:
        if verdict is True:
            rejected.setdefault(name, []).append(axis)
    who = "; ".join(f"{isolate(name)} ({', '.join(axes)})" for name, axes in rejected.items())
    return _("would reject %(who)s.") % {"who": who or _("nobody")}


def fold_arms(arms: Sequence[ArmRow]) -> tuple[Fold, ...]:
    """Fold the thin figures of the table that compares the arms."""
    lines: list[Line] = []
    for arm in arms:
        figures = {
            _("assisted minus blind"): arm.difference,
            _("nearer to the draft by"): arm.nearer,
            _("spread, assisted over blind"): arm.spread_ratio,
        }
        lines += [(f"{arm.axis} {label}", figure) for label, figure in figures.items()]
    return fold(lines, {arm.thin for arm in arms})


def sort_differences(differences: Mapping[Axis, Sequence[PairedDifference]]) -> list[AxisDifferences]:
    """Sort the pairs of generators on each axis that has any."""
    return [_sort_pairs(axis, pairs) for axis, pairs in differences.items() if pairs]


def _sort_pairs(axis: Axis, pairs: Sequence[PairedDifference]) -> AxisDifferences:
    thin = tuple(pair for pair in pairs if weigh(pair.difference, scale=DIFFERENCE).is_thin)
    readable = [pair for pair in pairs if pair not in thin]
    different = tuple(pair for pair in readable if pair.is_significant)
    return AxisDifferences(axis, different, tuple(pair for pair in readable if not pair.is_significant), thin)
