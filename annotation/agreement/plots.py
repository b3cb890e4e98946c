"""The plots of the agreement page: MOS of clips, levels given, generators, and biases of raters."""

from collections import Counter
from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.agreement.critic_figures import CriticAxis
from annotation.agreement.figures import AxisAgreement
from annotation.agreement.generator_pair import PromptPair
from annotation.agreement.generator_table import GeneratorRow
from annotation.agreement.mos_curve import MosCurve
from annotation.agreement.rater_table import RaterRow
from annotation.models import Campaign
from annotation.shared.plots import MAX_MARKS, Cell, Mark, Plot, Scale, Side, make_levels_side, thin_evenly
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.statistics.evidence import LEAST_CLIPS
from qsave.statistics.figures import Estimate, Interval, Undefined
from qsave.words import isolate

MAX_RATERS = 30
"""Most raters in the plot of biases; of more, those with the largest bias."""


def plot_mos(campaign: Campaign, axis: Axis, curve: MosCurve | None) -> Plot | None:
    """Plot the MOS of each clip on one axis, with its interval, in rising order. None without clips."""
    if curve is None:
        return None
    words = {"axis": axis, "n": curve.clips}
    words |= {name: f"{getattr(curve, name):.2f}" for name in ("low", "middle", "high")}
    summary = ngettext(
        "MOS of %(n)s clip on the axis %(axis)s: %(middle)s.",
        "MOS of %(n)s clips on the axis %(axis)s in rising order, from %(low)s to %(high)s; half are above %(middle)s.",
        curve.clips,
    )
    thinned = _("%(shown)s of %(n)s clips, evenly spaced.") % {"shown": len(curve.points), "n": curve.clips}
    return Plot(
        id=f"plot-mos-{axis}",
        title=_("MOS of each clip with its 95% interval, in rising order"),
        caption=thinned if len(curve.points) < curve.clips else "",
        summary=summary % words,
        mark=Mark.POINT,
        columns={"label": _("Clip"), "y": _("MOS"), "low": _("Low"), "high": _("High")},
        rows=curve.points,
        x=Side(_("Clips"), Scale.RANKS),
        y=make_levels_side(_("MOS")),
        is_simulated=campaign.is_simulated,
    )


def plot_levels(campaign: Campaign, figures: AxisAgreement) -> Plot | None:
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
        is_simulated=campaign.is_simulated,
    )


def plot_generators(campaign: Campaign, generators: Sequence[GeneratorRow]) -> Plot | None:
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
        is_simulated=campaign.is_simulated,
    )


def _list_ends(estimate: Estimate) -> tuple[Cell, Cell, Cell]:
    """Return a figure that can be read, and the ends of its interval."""
    assert not isinstance(estimate.value, Undefined)
    assert isinstance(estimate.interval, Interval)
    return estimate.value, estimate.interval.low, estimate.interval.high


def plot_biases(campaign: Campaign, every: Sequence[RaterRow]) -> Plot | None:
    """Plot the bias of each rater on each axis. None if no two raters share enough clips with the others."""
    raters = [rater for rater in every if rater.shared >= LEAST_CLIPS]
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
        is_simulated=campaign.is_simulated,
    )


def _find_largest_bias(rater: RaterRow) -> float:
    biases = [figures.bias for figures in rater.axes.values()]
    return max((abs(bias) for bias in biases if not isinstance(bias, Undefined)), default=0.0)


def _make_unique_names(raters: Sequence[RaterRow]) -> dict[int, str]:
    """Return a name for each rater; raters of one name also show their number."""
    uses = Counter(rater.name for rater in raters)
    return {each.rater: each.name if uses[each.name] == 1 else f"{each.name} ({each.rater})" for each in raters}


def plot_prompt_pairs(
    campaign: Campaign, first: str, second: str, axis: Axis, pairs: Sequence[PromptPair]
) -> Plot | None:
    """Plot the MOS of two generators on the prompts that both have. None without such a prompt."""
    if not pairs:
        return None
    drawn = thin_evenly(sorted(pairs, key=lambda pair: pair.difference), MAX_MARKS)
    better = sum(pair.difference > 0 for pair in pairs)
    worse = sum(pair.difference < 0 for pair in pairs)
    thinned = _("%(shown)s of %(n)s prompts, evenly spaced.") % {"shown": len(drawn), "n": len(pairs)}
    summary = _(
        "MOS on the axis %(axis)s of %(n)s prompts: %(first)s is better on %(better)s, %(second)s on %(worse)s."
    )
    words = {"axis": axis, "n": len(pairs), "better": better, "worse": worse}
    return Plot(
        id="plot-pair",
        title=_("MOS of each prompt; marks below the line are prompts on which the first generator is better"),
        caption=thinned if len(drawn) < len(pairs) else "",
        summary=summary % (words | {"first": isolate(first), "second": isolate(second)}),
        mark=Mark.POINT,
        columns={"series": _("Axis"), "x": first, "y": second},
        rows=tuple((axis.value, pair.first, pair.second) for pair in drawn),
        x=make_levels_side(first),
        y=make_levels_side(second),
        table="prompts-table",
        diagonal=True,
        is_simulated=campaign.is_simulated,
    )


def plot_critic(campaign: Campaign, critic: str, number: int, figures: CriticAxis) -> Plot | None:
    """Plot the scores that a critic drafted against the blind MOS of one axis. None without such a clip."""
    if not figures.points:
        return None
    axis, drawn = figures.axis, len(figures.points)
    thinned = _("%(shown)s of %(n)s clips, evenly spaced.") % {"shown": drawn, "n": figures.clips}
    summary = _("Scores that the critic drafted on the axis %(axis)s against the MOS of blind ratings, on %(n)s clips.")
    return Plot(
        id=f"plot-critic-{number}-{axis}",
        title=_("%(critic)s against blind ratings: %(axis)s") % {"critic": isolate(critic), "axis": axis},
        caption=thinned if drawn < figures.clips else "",
        summary=summary % {"axis": axis, "n": figures.clips},
        mark=Mark.POINT,
        columns={"series": _("Axis"), "x": _("Drafted score"), "y": _("Blind MOS")},
        rows=tuple((axis.value, *point) for point in figures.points),
        x=make_levels_side(_("Drafted score")),
        y=make_levels_side(_("Blind MOS")),
        diagonal=True,
        is_simulated=campaign.is_simulated,
    )
