"""Figures as JSON: a value with its interval, or the reason why the value or the interval is missing.

Earlier versions wrote fewer figures. A figure that a file lacks is NOT_MEASURED and is not written back.
"""

from collections.abc import Mapping
from typing import Any

from qsave.statistics.figures import Estimate, Interval, Undefined

NOT_MEASURED = Estimate.undefined("not measured")

Json = Mapping[str, Any]


class EvaluationError(ValueError):
    """A file that is not an evaluation; the message says what is wrong with it."""


def encode_figure(figure: Estimate) -> dict[str, Any]:
    """Write `{"value", "low", "high"}`, `{"value", "interval": why it is missing}` or `{"undefined": why}`."""
    if figure == NOT_MEASURED:
        return {}
    if isinstance(figure.value, Undefined):
        return {"undefined": str(figure.value)}
    if isinstance(figure.interval, Interval):
        return {"value": figure.value, "low": figure.interval.low, "high": figure.interval.high}
    is_recorded = figure.interval != NOT_MEASURED.interval
    return {"value": figure.value, **({"interval": str(figure.interval)} if is_recorded else {})}


def encode_figures(figures: Mapping[str, Estimate]) -> dict[str, Any]:
    """Write the figures by name, without those that were not measured."""
    return {name: encode_figure(figure) for name, figure in figures.items() if figure != NOT_MEASURED}


def decode_figure(value: object) -> Estimate:
    """Read a figure; a bare number, as the first versions wrote some, has no interval."""
    if isinstance(value, int | float):
        return Estimate(value, NOT_MEASURED.interval)
    figure = decode_object(value)
    if "undefined" in figure:
        return Estimate.undefined(str(figure["undefined"]))
    if "value" not in figure:
        return NOT_MEASURED
    if "low" in figure:
        low, high = decode_number(figure["low"]), decode_number(figure["high"])
        return Estimate(decode_number(figure["value"]), Interval(low, high))
    reason = Undefined(str(figure["interval"])) if "interval" in figure else NOT_MEASURED.interval
    return Estimate(decode_number(figure["value"]), reason)


def decode_object(value: object) -> Json:
    """Return a JSON object, an empty one for None; raises TypeError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def decode_number(value: object) -> float:
    """Return a number as it is; raises TypeError. An int stays an int, as its bytes differ from those of a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    return value


def decode_optional_number(value: object) -> float | None:
    return None if value is None else decode_number(value)


def decode_count(value: object) -> int:
    """Return a whole number; raises TypeError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {value!r}")
    return value


def decode_optional_count(value: object) -> int | None:
    return None if value is None else decode_count(value)


def drop_absent(values: Json) -> dict[str, Any]:
    """Leave out what an earlier version did not write."""
    return {name: value for name, value in values.items() if value is not None}
