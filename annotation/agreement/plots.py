"""The plots of the agreement page: MOS of clips, levels given, generators, and biases of raters."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.agreement.figures import Agreement, AxisAgreement
from annotation.agreement.generator_table import GeneratorRow
from annotation.agreement.rater_table import RaterRow
from annotation.shared.plots import MAX_MARKS, Cell, Mark, Plot, Scale, Side, make_levels_side, thin_evenly
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.statistics.evidence import LEAST_CLIPS
from qsave.statistics.figures import Estimate, Interval, Undefined

MAX_RATERS = 30
"""Most raters in the plot of biases; of more, those with the largest bias."""


def plot_mos(agreement: Agreement, figures: AxisAgreement) -> Plot | None:
    """Plot the MOS of each clip on one axis, with its interval, in rising order. None without clips."""
    axis = figures.axis
    values = [(row.clip_id, row.mos[axis]) for row in agreement.rows if axis in row.mos]
    if not values:
        return None
    values.sort(key=lambda value: (value[1].mos, value[0]))
    rows = thin_evenly([(clip, mos.mos, mos.low, mos.high) for clip, mos in values], MAX_MARKS)
    low, middle, high = values[0][1].mos, median(mos.mos for _clip, mos in values), values[-1][1].mos
    words = {"axis": axis, "n": len(values), "low": f"{low:.2f}", "middle": f"{middle:.2f}", "high": f"{high:.2f}"}
    summary = ngettext(
        "MOS of %(n)s clip on the axis %(axis)s: %(middle)s.",
        "MOS of %(n)s clips on the axis %(axis)s in rising order, from %(low)s to %(high)s; half are above %(middle)s.",
        len(values),
    )
    thinned = _("%(shown)s of %(n)s clips, evenly spaced.") % {"shown": len(rows), "n": len(values)}
    return Plot(
        id=f"plot-mos-{axis}",
        title=_("MOS of each clip with its 95% interval, in rising order"),
        caption=thinned if len(rows) < len(values) else "",
        summary=summary % words,
        mark=Mark.POINT,
        columns={"label": _("Clip"), "y": _("MOS"), "low": _("Low"), "high": _("High")},
        rows=rows,
        x=Side(_("Clips"), Scale.RANKS),
        y=make_levels_side(_("MOS")),
        table="clips-table",
        is_simulated=agreement.campaign.is_simulated,
    )


def plot_levels(agreement: Agreement, figures: AxisAgreement) -> Plot | None:
    """Plot how often each level was given on one axis. None if no score was given."""
    total = sum(count for _level, count in figures.levels)
    if not total:
        return None
    counts = ", ".join(f"{level}: {count}" for level, count in figures.levels)
    return Plot(
        id=f"plot-levels-{figures.axis}",
        title=_("How often each level was given"),
        summary=_("Scores given on the axis %(axis)s by level. %(counts)s.") % {"axis": figures.axis, "counts": counts},
        mark=Mark.BAR,
        columns={"label": _("Level"), "y": _("Scores")},
        rows=tuple(figures.levels),
        x=Side(_("Level"), Scale.NAMES),
        y=Side(_("Scores"), low=0),
        is_simulated=agreement.campaign.is_simulated,
    )


def plot_generators(agreement: Agreement, generators: Sequence[GeneratorRow]) -> Plot | None:
    """Plot the mean MOS of each generator with its interval. None if no two generators can be read on every axis."""
    names = [generator.name for generator in generators if not generator.thin]
    rows = [
        (axis.value, generator.name, *_list_ends(figure.estimate))
        for generator in generators
        if not generator.thin
        for axis, figure in zip(AXES, generator.figures, strict=True)
        if figure
    ]
    if len(names) < 2:
        return None
    return Plot(
        id="plot-generators",
        title=_("Mean MOS of each generator with its 95% interval"),
        summary=_("Mean MOS of %(n)s generators on each axis, on a scale from 1 to 5, with intervals over prompts.")
        % {"n": len(names)},
        mark=Mark.POINT,
        columns={
            "series": _("Axis"),
            "label": _("Generator"),
            "x": _("Mean of MOS"),
            "low": _("Low"),
            "high": _("High"),
        },
        rows=tuple(rows),
        x=make_levels_side(_("Mean of MOS")),
        y=Side("", Scale.NAMES),
        table="generators-table",
        is_simulated=agreement.campaign.is_simulated,
    )


def _list_ends(estimate: Estimate) -> tuple[Cell, Cell, Cell]:
    """Return a figure that can be read, and the ends of its interval."""
    assert not isinstance(estimate.value, Undefined)
    assert isinstance(estimate.interval, Interval)
    return estimate.value, estimate.interval.low, estimate.interval.high


def plot_biases(agreement: Agreement) -> Plot | None:
    """Plot the bias of each rater on each axis. None if no two raters share enough clips with the others."""
    raters = [rater for rater in agreement.raters if rater.shared >= LEAST_CLIPS]
    if len(raters) < 2:
        return None
    most = {rater.rater for rater in sorted(raters, key=_find_largest_bias)[-MAX_RATERS:]}
    drawn = [rater for rater in raters if rater.rater in most]  # in the order of the table
    names = _make_unique_names(drawn)
    rows = tuple(
        (axis.value, names[rater.rater], figures.bias)
        for rater in drawn
        for axis, figures in rater.axes.items()
        if not isinstance(figures.bias, Undefined)
    )
    largest = max(map(_find_largest_bias, drawn))
    few = _("The %(shown)s of %(n)s raters with the largest bias.") % {"shown": len(drawn), "n": len(raters)}
    span = MAX_LEVEL - MIN_LEVEL if largest > 1.9 else 2
    return Plot(
        id="plot-biases",
        title=_("Bias of each rater"),
        caption=few if len(raters) > len(drawn) else "",
        summary=_(
            "How far the scores of %(n)s raters are above or below the others' mean; the largest bias is %(most)s."
        )
        % {"n": len(drawn), "most": f"{largest:.2f}"},
        mark=Mark.POINT,
        columns={"series": _("Axis"), "label": _("Rater"), "x": _("Bias")},
        rows=rows,
        x=Side(_("Bias in levels"), low=-span, high=span, step=1),
        y=Side("", Scale.NAMES),
        table="raters-table",
        is_simulated=agreement.campaign.is_simulated,
    )


def _find_largest_bias(rater: RaterRow) -> float:
    biases = [figures.bias for figures in rater.axes.values()]
    return max((abs(bias) for bias in biases if not isinstance(bias, Undefined)), default=0.0)


def _make_unique_names(raters: Sequence[RaterRow]) -> dict[int, str]:
    """Return a name for each rater; raters of one name also show their number."""
    uses = Counter(rater.name for rater in raters)
    return {each.rater: each.name if uses[each.name] == 1 else f"{each.name} ({each.rater})" for each in raters}
