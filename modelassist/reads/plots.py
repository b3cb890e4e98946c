"""The plots of runs and critics: curves of a training, and how an evaluated critic follows the raters."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotation.shared.plots import MAX_MARKS, Mark, Plot, Row, Scale, Side, make_levels_side, thin_evenly
from modelassist.reads.evaluation import AxisRow, arrange_axis
from qsave.axes import AXES, Axis
from qsave.run.evaluation import Evaluation, Split
from qsave.run.files import name_predictions_file
from qsave.statistics.figures import Interval, Undefined

CURVES = {
    "loss": gettext_lazy("Loss"),
    "reward": gettext_lazy("Reward"),
    "kl": gettext_lazy("KL divergence"),
    "learning_rate": gettext_lazy("Learning rate"),
}
"""Figures that are drawn as curves if the run has them; all others are in its metrics file only."""
STAGE_NAMES = {"sft": "SFT", "grpo": "GRPO", "cooldown": gettext_lazy("Cool-down")}
"""What pages call the stages of a training run."""
PREDICTORS = {
    "srcc": gettext_lazy("This critic"),
    "blank_srcc": gettext_lazy("With blank frames"),
    "detectors_srcc": gettext_lazy("Detectors"),
    "rater_srcc": gettext_lazy("One rater"),
    "ceiling_srcc": gettext_lazy("Ceiling of the MOS"),
}
"""What is compared by SRCC, by its field in `AxisRow`."""
Curve = list[tuple[int, float]]


def plot_curves(stage: str, curves: dict[str, Curve]) -> list[Plot]:
    """Plot each figure of a stage that has at least two steps."""
    return [
        _plot_curve(stage, name, str(title), curves[name])
        for name, title in CURVES.items()
        if len(curves.get(name, ())) > 1
    ]


def _plot_curve(stage: str, name: str, title: str, points: Curve) -> Plot:
    first, last = f"{points[0][1]:.3g}", f"{points[-1][1]:.3g}"
    return Plot(
        id=f"plot-{stage}-{name}",
        title=title,
        caption=_("First %(first)s, last %(last)s.") % {"first": first, "last": last},
        summary=_("%(figure)s by step, from %(first)s at step %(start)s to %(last)s at step %(end)s.")
        % {"figure": title, "first": first, "last": last, "start": points[0][0], "end": points[-1][0]},
        mark=Mark.LINE,
        columns={"x": _("Step"), "y": title},
        rows=tuple(points),
        x=Side(_("Step")),
        y=Side(title),
    )


def plot_evaluation(evaluation: Evaluation, folder: Path | None) -> dict[str, list[Plot]]:
    """Return the plots of each split. `folder` has the predictions; None if the critic has no run."""
    return {name: list(_plot_split(name, split, folder)) for name, split in evaluation.splits.items()}


def _plot_split(name: str, split: Split, folder: Path | None) -> Iterator[Plot]:
    srcc = _plot_srcc(name, split)
    if srcc:
        yield srcc
    calibration = _plot_calibration(name, split)
    if calibration:
        yield calibration
    if folder is not None:
        yield from _plot_predictions(name, split, folder / name_predictions_file(name))


def _plot_srcc(name: str, split: Split) -> Plot | None:
    """Plot the SRCC of the critic beside what blank frames, a rater and a perfect critic reach."""
    rows = [row for axis in AXES for row in _list_correlations(arrange_axis(axis, split.axes[axis]))]
    order = [str(title) for title in PREDICTORS.values()]
    rows.sort(key=lambda row: order.index(str(row[1])))
    if not rows:
        return None
    lowest = min(value for row in rows for value in row[2:] if isinstance(value, float))
    return Plot(
        id=f"plot-srcc-{name}",
        title=_("SRCC with the MOS, and its 95% interval"),
        summary=_(
            "SRCC on each axis: this critic, the critic with blank frames, the detectors, one rater, and the ceiling,"
            " on %(split)s."
        )
        % {"split": name},
        mark=Mark.POINT,
        columns={"series": _("Axis"), "label": _("Predictor"), "x": _("SRCC"), "low": _("Low"), "high": _("High")},
        rows=tuple(rows),
        x=Side(_("SRCC"), low=-1 if lowest < 0 else 0, high=1),
        y=Side("", Scale.NAMES),
        table=f"figures-{name}",
        is_simulated=split.simulated,
    )


def _list_correlations(row: AxisRow) -> Iterator[Row]:
    for field, title in PREDICTORS.items():
        estimate = getattr(row, field)
        if not isinstance(estimate.value, Undefined):
            interval = estimate.interval
            ends = (interval.low, interval.high) if isinstance(interval, Interval) else (None, None)
            yield (row.axis, str(title), estimate.value, *ends)


def _plot_calibration(name: str, split: Split) -> Plot | None:
    """Plot how often a level is true against the probability that the critic gave it."""
    rows: list[Row] = [
        (axis.value, each.expected, each.observed, each.interval.low, each.interval.high, each.count)
        for axis in AXES
        for each in split.axes[axis].calibration.bins
    ]
    if not rows:
        return None
    return Plot(
        id=f"plot-calibration-{name}",
        title=_("Calibration of the level probabilities"),
        caption=_("On the dotted line, probabilities are as often right as they say."),
        summary=_(
            "Share of clips at a level against the probability that the critic gave it, with intervals, on %(split)s."
        )
        % {"split": name},
        mark=Mark.POINT,
        columns={
            "series": _("Axis"),
            "x": _("Probability given"),
            "y": _("Share at that level"),
            "low": _("Low"),
            "high": _("High"),
            "count": _("Probabilities"),
        },
        rows=tuple(rows),
        x=Side(_("Probability given to a level"), low=0, high=1),
        y=Side(_("Share of clips at that level"), low=0, high=1),
        diagonal=True,
        is_simulated=split.simulated,
    )


def _plot_predictions(name: str, split: Split, path: Path) -> Iterator[Plot]:
    """Plot the predicted score of each clip against its MOS, one plot for each axis."""
    lines = list(_read_lines(path))
    for axis in AXES:
        values = sorted(_list_scores(axis, lines))
        if not values:
            continue
        yield plot_scores(f"plot-predicted-{name}-{axis}", axis, values, name, is_simulated=split.simulated)


def plot_scores(
    plot_id: str,
    axis: Axis,
    values: Sequence[tuple[float, float, str]],
    where: str,
    *,
    is_simulated: bool,
    total: int | None = None,
) -> Plot:
    """Plot the predicted score of each clip against its MOS; `values` are (score, MOS, clip), sorted.

    `total` is the number of clips if `values` are only some of them.
    """
    n = len(values) if total is None else total
    rows = thin_evenly([(axis.value, clip, score, mos) for score, mos, clip in values], MAX_MARKS)
    caption = _("%(shown)s of %(n)s clips, evenly spaced.") % {"shown": len(rows), "n": n}
    return Plot(
        id=plot_id,
        title=_("Predicted score against MOS: %(axis)s") % {"axis": axis},
        caption=caption if n > len(rows) else "",
        summary=ngettext(
            "Predicted score of %(n)s clip against its MOS on the axis %(axis)s, on %(split)s.",
            "Predicted score of %(n)s clips against their MOS on the axis %(axis)s, on %(split)s.",
            n,
        )
        % {"n": n, "axis": axis, "split": where},
        mark=Mark.POINT,
        columns={"series": _("Axis"), "label": _("Clip"), "x": _("Predicted score"), "y": _("MOS")},
        rows=rows,
        x=make_levels_side(_("Predicted score")),
        y=make_levels_side(_("MOS")),
        diagonal=True,
        is_simulated=is_simulated,
    )


def _read_lines(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def _list_scores(axis: Axis, lines: Iterable[dict[str, str]]) -> Iterator[tuple[float, float, str]]:
    """Yield (score, MOS, clip) of the clips with a report card."""
    for line in lines:
        score, mos = line.get(f"{axis}_score"), line.get(f"{axis}_mos")
        if score and mos:
            yield float(score), float(mos), line.get("clip_id") or ""
