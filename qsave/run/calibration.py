"""The calibration of a critic's level probabilities as records that read and write their part of `evaluation.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qsave.run.encoding import Json, decode_count, decode_number, decode_optional_number
from qsave.statistics.figures import Interval


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Level probabilities from `start` to `end`: their number and mean, and the share that came true, with interval."""

    start: float
    end: float
    count: int
    expected: float
    observed: float
    interval: Interval

    def to_json(self) -> dict[str, Any]:
        return {
            "from": self.start,
            "to": self.end,
            "count": self.count,
            "expected": self.expected,
            "observed": self.observed,
            "low": self.interval.low,
            "high": self.interval.high,
        }

    @classmethod
    def from_json(cls, value: Json) -> CalibrationBin:
        start, end, expected, observed, low, high = (
            decode_number(value[name]) for name in ("from", "to", "expected", "observed", "low", "high")
        )
        return cls(start, end, decode_count(value["count"]), expected, observed, Interval(low, high))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability of the level probabilities; `error` is the expected calibration error, if there are report cards."""

    bins: tuple[CalibrationBin, ...] = ()
    error: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {"bins": [each.to_json() for each in self.bins], "error": self.error}

    @classmethod
    def from_json(cls, value: Json) -> Calibration:
        bins = tuple(CalibrationBin.from_json(each) for each in value.get("bins", ()))
        return cls(bins, decode_optional_number(value.get("error")))
