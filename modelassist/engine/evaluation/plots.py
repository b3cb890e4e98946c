"""Draw the pictures of an evaluation: predicted against MOS, residuals, calibration. Each has one panel per axis.

Each picture has its own canvas, so matplotlib's global state is not used and no display is needed. The colours are
those of Okabe and Ito, which colour-blind people can distinguish; no information is in colour alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from modelassist.engine.evaluation.calibration import measure_calibration
from modelassist.engine.evaluation.intervals import count_clips
from modelassist.engine.evaluation.predictions import Prediction
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.files import atomic_path
from qsave.release.rows import Target
from qsave.run.files import PLOTS_FOLDER
from qsave.statistics.correlation import compute_plcc, compute_srcc, fit_logistic
from qsave.statistics.figures import Figure as Number
from qsave.statistics.figures import Floats, Undefined
from qsave.statistics.mos import compute_target_interval

LEAST_CLIPS = 5
"""Smallest number of clips with a report card for which pictures are drawn."""
_COLOURS = {Axis.VISUAL: "#0072B2", Axis.DYNAMIC: "#D55E00", Axis.ALIGNMENT: "#009E73"}
_INK, _FAINT = "#222222", "#9a9a9a"
_MARGIN = 0.15
"""Space beyond the outermost levels, in levels."""
_Panel = Callable[[Axes, Axis, Sequence[Prediction]], str]
"""Draws one axis and returns its figures in words."""


def draw_plots(out: Path, split: str, predictions: Sequence[Prediction]) -> dict[str, str]:
    """Draw the pictures of a split into out/plots, over the clips with a report card.

    Returns the path of each picture relative to `out`, by its kind; nothing if there are fewer than LEAST_CLIPS clips.
    """
    with_card = [each for each in predictions if each.scored.card]
    if len(with_card) < LEAST_CLIPS:
        return {}
    (out / PLOTS_FOLDER).mkdir(parents=True, exist_ok=True)
    counts = count_clips([each.example.prompt_group for each in with_card])
    note = ", simulated" if any(each.example.simulated for each in with_card) else ""
    pictures: dict[str, tuple[str, _Panel]] = {
        "predicted": ("predicted score against MOS", _draw_predicted),
        "residuals": ("residuals (predicted score minus MOS)", _draw_residuals),
        "calibration": ("calibration of the level probabilities", _draw_calibration),
    }
    names = {kind: f"{PLOTS_FOLDER}/{split}-{kind}.png" for kind in pictures}
    for kind, (title, panel) in pictures.items():
        _draw_picture(out / names[kind], f"{split}, {counts} with a report card{note}: {title}", panel, with_card)
    return names


def _draw_picture(path: Path, title: str, panel: _Panel, predictions: Sequence[Prediction]) -> None:
    figure = Figure(figsize=(11, 4.4), layout="constrained", facecolor="white")
    figure.suptitle(title, fontsize=11, color=_INK, x=0.01, ha="left")
    panels = figure.subplots(1, len(AXES))
    for axes, axis in zip(panels, AXES, strict=True):
        axes.set_title(axis.value, fontsize=10, color=_COLOURS[axis], loc="left", fontweight="bold")
        axes.set_title(panel(axes, axis, predictions), fontsize=8.5, color=_INK, loc="right")
        axes.tick_params(labelsize=8, colors=_INK, length=2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_FAINT)
        axes.xaxis.label.set_size(9)
        axes.yaxis.label.set_size(9)
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})


def _draw_predicted(axes: Axes, axis: Axis, predictions: Sequence[Prediction]) -> str:
    scores, targets = _list_scores(predictions, axis), [each.example.targets[axis] for each in predictions]
    mos = _list_mos(targets)
    low, high = compute_target_interval(mos, [target.se for target in targets], [target.n for target in targets])
    axes.plot([MIN_LEVEL, MAX_LEVEL], [MIN_LEVEL, MAX_LEVEL], ":", color=_FAINT, linewidth=1, label="equal")
    axes.vlines(scores, low, high, color=_FAINT, alpha=0.35, linewidth=0.8, label="95% interval of the MOS")
    axes.plot(scores, mos, **_get_dot_style(axis))
    curve = fit_logistic(scores, mos)
    if not isinstance(curve, Undefined):
        along = np.linspace(scores.min(), scores.max(), 200)
        axes.plot(along, curve(along), color=_INK, linewidth=1.5, label="logistic fit")
    _set_levels(axes.set_xticks, axes.set_xlim)
    _set_levels(axes.set_yticks, axes.set_ylim)
    axes.set_xlabel("predicted score")
    axes.set_ylabel("MOS")
    axes.set_aspect("equal")
    return f"SRCC {_format_number(compute_srcc(scores, mos))}, PLCC {_format_number(compute_plcc(scores, mos))}"


def _draw_residuals(axes: Axes, axis: Axis, predictions: Sequence[Prediction]) -> str:
    scores = _list_scores(predictions, axis)
    residuals = scores - _list_mos([each.example.targets[axis] for each in predictions])
    mean = float(residuals.mean())
    axes.axhspan(-1, 1, color=_FAINT, alpha=0.15, linewidth=0, label="within one level")
    axes.axhline(0, color=_FAINT, linewidth=1)
    axes.plot(scores, residuals, **_get_dot_style(axis))
    axes.axhline(mean, color=_INK, linewidth=1.2, linestyle="--", label="mean residual")
    _set_levels(axes.set_xticks, axes.set_xlim)
    axes.set_ylim(MIN_LEVEL - MAX_LEVEL - _MARGIN, MAX_LEVEL - MIN_LEVEL + _MARGIN)
    axes.set_xlabel("predicted score")
    axes.set_ylabel("predicted score − MOS")
    return f"mean {mean:+z.2f}, RMSE {np.sqrt((residuals**2).mean()):.2f}"


def _draw_calibration(axes: Axes, axis: Axis, predictions: Sequence[Prediction]) -> str:
    levels = [each.example.targets[axis].level for each in predictions]
    calibration = measure_calibration([each.scored.probabilities[axis] for each in predictions], levels)
    bins = calibration.bins
    expected, observed = np.array([each.expected for each in bins]), np.array([each.observed for each in bins])
    reach = np.abs(np.array([[each.interval.low, each.interval.high] for each in bins]).T - observed)
    axes.plot([0, 1], [0, 1], ":", color=_FAINT, linewidth=1, label="perfectly calibrated")
    axes.errorbar(expected, observed, yerr=reach, fmt="none", ecolor=_FAINT, elinewidth=1, label="95% interval")
    axes.plot(
        expected,
        observed,
        **_get_dot_style(axis) | {"markersize": 5, "label": "probabilities within a tenth, counted beside"},
    )
    for each in bins:
        point, offset = (each.expected, each.observed), (5, 4 if each.observed < 0.5 else -9)  # away from the axes
        axes.annotate(str(each.count), point, offset, textcoords="offset points", fontsize=6.5, color=_INK)
    axes.set_xlim(-0.03, 1.05)
    axes.set_ylim(-0.03, 1.05)
    axes.set_aspect("equal")
    axes.set_xlabel("probability given to a level")
    axes.set_ylabel("share of clips at that level")
    return "X"


def _get_dot_style(axis: Axis) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": "o",
        "markersize": 3.5,
        "markeredgewidth": 0,
        "color": _COLOURS[axis],
        "alpha": 0.75,
        "label": "clip",
    }


def _format_number(value: Number) -> str:
    return "undefined" if isinstance(value, Undefined) else f"{value:z.2f}"


def _list_scores(predictions: Sequence[Prediction], axis: Axis) -> Floats:
    return np.array([each.scored.card.axis(axis).score for each in predictions if each.scored.card])


def _list_mos(targets: Sequence[Target]) -> Floats:
    return np.array([target.mos for target in targets])


def _set_levels(set_ticks: Callable[..., object], set_limits: Callable[..., object]) -> None:
    set_ticks(range(MIN_LEVEL, MAX_LEVEL + 1))
    set_limits(MIN_LEVEL - _MARGIN, MAX_LEVEL + _MARGIN)
