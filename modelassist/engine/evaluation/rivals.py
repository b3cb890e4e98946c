"""Words for the rivals of a critic, which the report, the terminal and the warnings share."""

from collections.abc import Iterator

from modelassist.engine.evaluation.intervals import is_above_zero
from modelassist.engine.evaluation.tables import escape_markdown, render_estimate, render_reason
from qsave.run.evaluation import About
from qsave.run.figures import BLANK_FRAMES, DETECTORS, DIRECT, PREVIOUS, AxisFigures, Gain
from qsave.statistics.figures import Estimate, Interval, Undefined

RIVAL_NAMES = {
    PREVIOUS: "the previous critic",
    BLANK_FRAMES: "the critic with blank frames",
    DIRECT: "the critic without reasons",
    DETECTORS: "the detectors",
}
RIVALS_OF_SCORES = {
    DIRECT: "Against its own direct answers, without reasons, the critic",
    DETECTORS: "Against the detectors, which only measure pixels, the critic",
}
"""Rivals that give scores alone, by what a sentence on the critic's lead begins with."""


def is_compared(figures: AxisFigures, name: str) -> bool:
    """Whether a rival was measured. Detectors that could not be fitted have only the reason why."""
    return name in figures.rivals and (name != DETECTORS or figures.rivals[name].agreement.counts.clips > 0)


def describe_gains(figures: AxisFigures) -> str:
    """Say by how much the critic is better than each rival on the same clips, in Markdown.

    A difference without an interval comes with the reason, because it does not show that the critic is better.
    """
    rivals = {name: figures.rivals[name].gain for name in RIVAL_NAMES if is_compared(figures, name)}
    of_scores = {name: gain for name, gain in rivals.items() if name in RIVALS_OF_SCORES}
    constant = figures.constant.gain
    gains = [
        *(
            f"SRCC minus that of {RIVAL_NAMES[name]}: {_describe_gain(gain, gain.srcc)}"
            for name, gain in rivals.items()
        ),
        *(
            f"RMSE of {RIVAL_NAMES[name]} minus the critic's: {_describe_gain(gain, gain.rmse)}"
            for name, gain in of_scores.items()
        ),
        f"RMSE of the constant minus the critic's: {_describe_gain(constant, constant.rmse)}",
    ]
    verdicts = [f"{RIVALS_OF_SCORES[name]} {describe_lead(gain)}." for name, gain in of_scores.items()]
    paired = f"Paired differences, over the clips for which both have a score: {'; '.join(gains)}."
    return " ".join([paired, *verdicts])


def _describe_gain(gain: Gain, difference: Estimate) -> str:
    if not gain.counts.clips:
        return "undefined, as there is no clip for which both have a report card"
    if isinstance(difference.value, Undefined):
        return f"undefined, as {escape_markdown(difference.value)}"
    interval = difference.interval
    why = f"; no interval: {render_reason(interval)}" if isinstance(interval, Undefined) else ""
    return f"{render_estimate(difference)} ({gain.counts}{why})"


def describe_lead(gain: Gain) -> str:
    """Say whether the critic is better than a rival: a figure counts only if its whole interval is on one side of 0."""
    verdicts = {"SRCC": _judge(gain.srcc), "RMSE": _judge(gain.rmse)}
    if len(set(verdicts.values())) == 1:
        return f"{verdicts['SRCC']} by SRCC and RMSE"
    return " and ".join(f"{verdict} by {name}" for name, verdict in verdicts.items())


def _judge(difference: Estimate) -> str:
    if is_above_zero(difference):
        return "is better"
    is_below = isinstance(difference.interval, Interval) and difference.interval.high < 0
    return "is worse" if is_below else "is not shown to be better"


def describe_fits(about: About) -> Iterator[str]:
    """Yield a line of the method for the detectors: what their regression rests on."""
    fits = about.detectors
    if fits:
        counts = next(iter(fits.values())).counts
        errors = "; ".join(
            f"{axis} {fit.regression}, {fit.rmse:.2f} (the constant {fit.constant_rmse:.2f})"
            for axis, fit in fits.items()
        )
        yield (
            f"- Detectors: a regression from readings of the pixels to the MOS, fitted to {counts} of the train split. "
            "The kind with the lower RMSE on train prompts left out was chosen, before any held-out clip was read. "
            f"That RMSE: {errors}. Readings know nothing of the prompt."
        )
