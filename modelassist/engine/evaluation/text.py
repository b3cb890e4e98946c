"""Render an evaluation as plain text for a terminal: one line for each axis, intervals in brackets."""

from collections.abc import Iterator

from modelassist.engine.evaluation.intervals import LEAST_GROUPS
from modelassist.engine.evaluation.rivals import RIVAL_NAMES, RIVALS_OF_SCORES, describe_lead, is_compared
from qsave.axes import AXES
from qsave.run.encoding import NOT_MEASURED
from qsave.run.evaluation import Evaluation, Split
from qsave.run.figures import BLANK_FRAMES, AxisFigures
from qsave.statistics.figures import Estimate, Interval, Undefined

_COLUMNS = {"SRCC": 20, "PLCC": 20, "RMSE": 6, "RMSE constant": 14, "within 1": 9, "SRCC blank frames": 20}


def render_evaluation_table(evaluation: Evaluation) -> str:
    """Render the figures of an evaluation, split by split."""
    if not evaluation.splits:
        return "no held-out clips: nothing was measured"
    lines: list[str] = []
    for name, split in evaluation.splits.items():
        lines += _describe_counts(name, split)
        lines.append(f"{'axis':<10}" + "".join(f"{title:>{width}}" for title, width in _COLUMNS.items()))
        lines += [_format_axis(axis, split.axes[axis]) for axis in AXES]
        lines += [line for axis in AXES for line in _describe_rivals(axis, split.axes[axis])]
    for when, figures in evaluation.cooldown.items():
        spread = "-" if figures.score_spread is None else _format_number(figures.score_spread)
        lines.append(f"{when} the cool-down: {_format_number(figures.valid)} of samples parse, score spread {spread}")
    return "\n".join(lines)


def _describe_counts(name: str, split: Split) -> Iterator[str]:
    """Yield how many clips the figures of a split are computed on."""
    read, rivals = split.read or split.counts, split.axes[AXES[0]].rivals
    blank = f", with blank frames {rivals[BLANK_FRAMES].agreement.counts}" if BLANK_FRAMES in rivals else ""
    yield f"\n{name}: {split.counts}; with a report card {read}{blank}"
    if not read.clips:
        yield "the critic has no figures; RMSE constant is of all clips"
    elif read.clips < split.counts.clips:
        yield "figures are of the clips with a report card; RMSE constant is of those of the critic"
    if read.prompts and read.prompts < LEAST_GROUPS:
        yield f"no intervals: too few prompts ({read.prompts}, and {LEAST_GROUPS} are the least)"


def _format_axis(axis: str, figures: AxisFigures) -> str:
    critic, blank = figures.critic, figures.rivals.get(BLANK_FRAMES)
    cells = (
        _format_estimate(critic.srcc),
        _format_estimate(critic.plcc),
        _format_value(critic.rmse),
        _format_value(figures.constant.agreement.rmse),
        _format_value(critic.within_one),
        _format_estimate(blank.agreement.srcc if blank else NOT_MEASURED),
    )
    return f"{axis:<10}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, _COLUMNS.values(), strict=True))


def _describe_rivals(axis: str, figures: AxisFigures) -> Iterator[str]:
    """Yield a line for each rival that gives scores alone, and whether the critic beats it."""
    for name in RIVALS_OF_SCORES:
        if name not in figures.rivals:
            continue
        rival = figures.rivals[name]
        if not is_compared(figures, name):
            if axis == AXES[0]:  # the reason is the same on all axes
                yield f"{RIVAL_NAMES[name]}: {rival.agreement.srcc.value}"
            continue
        agreement = rival.agreement
        srcc, plcc = (_format_estimate(each) for each in (agreement.srcc, agreement.plcc))
        yield (
            f"{axis}, {RIVAL_NAMES[name]}: SRCC {srcc}, PLCC {plcc}, RMSE {_format_estimate(agreement.rmse)};"
            f" the critic {describe_lead(rival.gain)}"
        )


def _format_estimate(estimate: Estimate) -> str:
    if isinstance(estimate.value, Undefined):
        return "undefined"
    interval = estimate.interval
    ends = f" [{interval.low:z.2f} {interval.high:z.2f}]" if isinstance(interval, Interval) else ""
    return _format_number(estimate.value) + ends


def _format_value(estimate: Estimate) -> str:
    return "-" if isinstance(estimate.value, Undefined) else _format_number(estimate.value)


def _format_number(value: float) -> str:
    return f"{value:z.2f}"
