"""What a reader must know before relying on an evaluation, found in its own figures."""

from collections.abc import Iterator, Mapping
from typing import Any

from modelassist.engine.figures import is_above_zero
from qsave.axes import AXES

FEW_CLIPS = 50
FEW_GENERATORS = 5
WIDE = 0.3
"""A 95% interval of SRCC wider than this says little."""
MUCH_UNPARSABLE = 0.05


def warnings_of(evaluation: Mapping[str, Any]) -> list[str]:
    """One sentence a reason for caution, split by split; empty where there is none."""
    return [f"{split}: {warning}" for split, found in evaluation["splits"].items() for warning in _of_split(found)]


def _of_split(figures: Mapping[str, Any]) -> Iterator[str]:
    if figures["simulated"]:
        yield "simulated clips or ratings are among them; nothing here says how the critic does with people."
    if figures["clips"] < FEW_CLIPS:
        yield f"few clips ({figures['clips']}); intervals of so few are themselves rough."
    if (figures["unparsable_rate"] or 0) > MUCH_UNPARSABLE:
        yield f"no report card for {figures['unparsable_rate']:.0%} of the clips: the figures are of the others only."
    generators = len(figures["generators"][AXES[0]]["means"])
    if generators < FEW_GENERATORS:
        yield f"{generators} generators: agreement of their means rests on as many points."
    for axis in AXES:
        found = list(_of_axis(figures["axes"][axis.value]))
        if found:
            yield f"{axis.value}: {'; '.join(found)}."


def _of_axis(figures: Mapping[str, Any]) -> Iterator[str]:
    srcc = figures["critic"]["srcc"]
    if "undefined" in srcc:
        yield f"SRCC is undefined ({srcc['undefined']})"
        return
    if "low" in srcc and srcc["high"] - srcc["low"] > WIDE:
        yield f"wide interval of SRCC ({srcc['low']:.2f} to {srcc['high']:.2f})"
    if not is_above_zero(figures["blank_frames"]["gain"]["srcc"]):
        yield "SRCC is not shown to be above that with blank frames, so it may be judging without looking"
    if not is_above_zero(figures["constant"]["gain"]["rmse"]):
        yield "RMSE is not shown to be below that of the constant predictor"
    if "previous" in figures and not is_above_zero(figures["previous"]["gain"]["srcc"]):
        yield "SRCC is not shown to be above that of the previous critic"
