"""Pictures of an evaluation, three panels each, an axis a panel: predicted against MOS, residuals, calibration.

Figures are drawn on canvases of their own: nothing of matplotlib's global state is touched, and no display is needed.
Colours are those of Okabe and Ito, which the colour-blind can tell apart; nothing is told by colour alone.
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
from qsave.run import PLOTS_FOLDER
from qsave.statistics.correlation import fit_logistic, plcc, srcc
from qsave.statistics.figures import Figure as Number
from qsave.statistics.figures import Floats, Undefined
from qsave.statistics.mos import target_interval

LEAST_CLIPS = 5
"""Below this a picture shows nothing."""
_COLOURS = {Axis.VISUAL: "#0072B2", Axis.DYNAMIC: "#D55E00", Axis.ALIGNMENT: "#009E73"}
_INK, _FAINT = "#222222", "#9a9a9a"
_DOTS_AN_INCH = 110
_ROOM = 0.15
_Panel = Callable[[Axes, Axis, Sequence[Prediction]], str]
"""Draws one axis and answers with its figures in words."""


def draw_plots(out: Path, split: str, predictions: Sequence[Prediction]) -> dict[str, str]:
    """Draw what a split shows into out/plots; returns the names of the files, from `out`. Clips without a report card
    are in no picture; with fewer than LEAST_CLIPS others there is none."""
    read = [each for each in predictions if each.scored.card]
    if len(read) < LEAST_CLIPS:
        return {}
    (out / PLOTS_FOLDER).mkdir(parents=True, exist_ok=True)
    counts = count_clips([each.example.prompt_group for each in read])
    note = ", simulated" if any(each.example.simulated for each in read) else ""
    pictures: dict[str, tuple[str, _Panel]] = {
        "predicted": ("predicted score against MOS", _predicted),
        "residuals": ("residuals (predicted score minus MOS)", _residuals),
        "calibration": ("calibration of the level probabilities", _calibration),
    }
    names = {kind: f"{PLOTS_FOLDER}/{split}-{kind}.png" for kind in pictures}
    for kind, (title, panel) in pictures.items():
        _picture(out / names[kind], f"{split}, {counts} with a report card{note}: {title}", panel, read)
    return names


def _picture(path: Path, title: str, panel: _Panel, read: Sequence[Prediction]) -> None:
    figure = Figure(figsize=(11, 4.4), layout="constrained", facecolor="white")
    figure.suptitle(title, fontsize=11, color=_INK, x=0.01, ha="left")
    panels = figure.subplots(1, len(AXES))
    for axes, axis in zip(panels, AXES, strict=True):
        axes.set_title(axis.value, fontsize=10, color=_COLOURS[axis], loc="left", fontweight="bold")
        axes.set_title(panel(axes, axis, read), fontsize=8.5, color=_INK, loc="right")
        axes.tick_params(labelsize=8, colors=_INK, length=2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_FAINT)
        axes.xaxis.label.set_size(9)
        axes.yaxis.label.set_size(9)
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)
    with atomic_path(path) as unfinished, unfinished.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})


def _predicted(axes: Axes, axis: Axis, read: Sequence[Prediction]) -> str:
    scores, targets = _scores(read, axis), [each.example.targets[axis] for each in read]
    mos = _mos(targets)
    low, high = target_interval(mos, [target.se for target in targets], [target.n for target in targets])
    axes.plot([MIN_LEVEL, MAX_LEVEL], [MIN_LEVEL, MAX_LEVEL], ":", color=_FAINT, linewidth=1, label="equal")
    axes.vlines(scores, low, high, color=_FAINT, alpha=0.35, linewidth=0.8, label="95% interval of the MOS")
    axes.plot(scores, mos, **_dots(axis))
    curve = fit_logistic(scores, mos)
    if not isinstance(curve, Undefined):
        along = np.linspace(scores.min(), scores.max(), 200)
        axes.plot(along, curve(along), color=_INK, linewidth=1.5, label="logistic fit")
    _levels(axes.set_xticks, axes.set_xlim)
    _levels(axes.set_yticks, axes.set_ylim)
    axes.set_xlabel("predicted score")
    axes.set_ylabel("MOS")
    axes.set_aspect("equal")
    return f"SRCC {_number(srcc(scores, mos))}, PLCC {_number(plcc(scores, mos))}"


def _residuals(axes: Axes, axis: Axis, read: Sequence[Prediction]) -> str:
    scores = _scores(read, axis)
    residuals = scores - _mos([each.example.targets[axis] for each in read])
    mean = float(residuals.mean())
    axes.axhspan(-1, 1, color=_FAINT, alpha=0.15, linewidth=0, label="within one level")
    axes.axhline(0, color=_FAINT, linewidth=1)
    axes.plot(scores, residuals, **_dots(axis))
    axes.axhline(mean, color=_INK, linewidth=1.2, linestyle="--", label="mean residual")
    _levels(axes.set_xticks, axes.set_xlim)
    axes.set_ylim(MIN_LEVEL - MAX_LEVEL - _ROOM, MAX_LEVEL - MIN_LEVEL + _ROOM)
    axes.set_xlabel("predicted score")
    axes.set_ylabel("predicted score − MOS")
    return f"mean {mean:+z.2f}, RMSE {np.sqrt((residuals**2).mean()):.2f}"


def _calibration(axes: Axes, axis: Axis, read: Sequence[Prediction]) -> str:
    levels = [each.example.targets[axis].level for each in read]
    calibration = measure_calibration([each.scored.probabilities[axis] for each in read], levels)
    bins = calibration.bins
    expected, observed = np.array([each.expected for each in bins]), np.array([each.observed for each in bins])
    reach = np.abs(np.array([[each.interval.low, each.interval.high] for each in bins]).T - observed)
    axes.plot([0, 1], [0, 1], ":", color=_FAINT, linewidth=1, label="perfectly calibrated")
    axes.errorbar(expected, observed, yerr=reach, fmt="none", ecolor=_FAINT, elinewidth=1, label="95% interval")
    axes.plot(
        expected, observed, **_dots(axis) | {"markersize": 5, "label": "probabilities within a tenth, counted beside"}
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


def _dots(axis: Axis) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": "o",
        "markersize": 3.5,
        "markeredgewidth": 0,
        "color": _COLOURS[axis],
        "alpha": 0.75,
        "label": "clip",
    }


def _number(found: Number) -> str:
    return "undefined" if isinstance(found, Undefined) else f"{found:z.2f}"


def _scores(read: Sequence[Prediction], axis: Axis) -> Floats:
    return np.array([each.scored.card.axis(axis).score for each in read if each.scored.card])


def _mos(targets: Sequence[Target]) -> Floats:
    return np.array([target.mos for target in targets])


def _levels(set_ticks: Callable[..., object], set_limits: Callable[..., object]) -> None:
    set_ticks(range(MIN_LEVEL, MAX_LEVEL + 1))
    set_limits(MIN_LEVEL - _ROOM, MAX_LEVEL + _ROOM)
