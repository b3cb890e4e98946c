"""Figures of an evaluation in words: a value with its interval, or the reason why there is none; never NaN."""

from collections.abc import Mapping
from typing import Any

from qsave.axes import AXES
from qsave.splits import HELD_OUT

NOT_MEASURED = "not measured"


def headline(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """axis -> SRCC with people, in words: on the test split or, without one, on val."""
    splits = evaluation.get("splits", {})
    axes: Mapping[str, Any] = next((splits[split]["axes"] for split in reversed(HELD_OUT) if split in splits), {})
    return {axis.value: figure(axes.get(axis.value, {}).get("critic", {}).get("srcc")) for axis in AXES}


def figure(value: Mapping[str, Any] | None) -> str:
    """`0.71 (0.52 to 0.83)`, or why there is none."""
    if not value:
        return NOT_MEASURED
    if "undefined" in value:
        return f"undefined: {value['undefined']}"
    if "low" in value:
        return f"{number(value['value'])} ({number(value['low'])} to {number(value['high'])})"
    return number(value["value"])


def number(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.2f}"


def share(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{100 * value:.0f}%"
