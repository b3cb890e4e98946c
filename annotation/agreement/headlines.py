"""The headlines of a campaign as a flat list: one source for the page, the API and the CSV."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.agreement.basis import Basis
from annotation.agreement.figures import Agreement, AxisAgreement, Reliability
from annotation.shared.csv_rows import Cell, round_cell, write_csv
from qsave.axes import Axis
from qsave.statistics.evidence import DIFFERENCE, LEVELS, Weighed, weigh
from qsave.statistics.figures import Figure, Interval, Undefined

COLUMNS = (
    "axis",
    "figure",
    "of",
    "value",
    "low",
    "high",
    "ratings",
    "clips",
    "clips_with_two",
    "population",
    "thin",
    "undefined",
)
CEILING = ("baseline_srcc", "ceiling_srcc", "baseline_plcc", "ceiling_plcc")


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure of an axis. `of` says which ratings it rests on: all, blind or assisted ones."""

    axis: Axis
    name: str
    of: str
    figure: Weighed
    basis: Basis


def list_headlines(axis: AxisAgreement) -> Iterator[Headline]:
    """Yield each headline of an axis, those of assisted ratings where there are any."""
    yield Headline(axis.axis, "mean_mos", "all", axis.mos, axis.basis)
    yield from _of_kind(axis.axis, "blind", axis.blind)
    if axis.assisted.basis.ratings:
        yield from _of_kind(axis.axis, "assisted", axis.assisted)
    for name in CEILING:
        yield Headline(axis.axis, name, "blind", axis.blind.basis.weigh(getattr(axis.reach, name)), axis.blind.basis)


def _of_kind(axis: Axis, kind: str, figures: Reliability) -> Iterator[Headline]:
    for name in ("alpha", "icc", "pooled_sd"):
        yield Headline(axis, name, kind, getattr(figures, name), figures.basis)


def agreement_json(found: Agreement) -> dict[str, Any]:
    """The figures of a campaign for the API. A figure is {value, low, high, thin} or {undefined, thin}; `thin` is the
    sentence that a figure on too little has to be read with, and empty for one that can be read."""
    return {
        "ratings": found.ratings,
        "blind_ratings": found.blind_ratings,
        "clips": len(found.rows),
        "screened_out": found.screened_out,
        "headlines": [_headline(one) for axis in found.axes for one in list_headlines(axis)],
        "anchoring": [
            {
                "axis": arm.axis.value,
                "clips": arm.anchoring.items,
                "difference": figure_json(arm.difference),
                "nearer": figure_json(arm.nearer),
                "spread_ratio": figure_json(arm.spread_ratio),
            }
            for arm in found.arms
        ],
        "generators": [
            {
                "axis": axis.value,
                "generator": row.generator,
                "clips": row.clips,
                "prompt_groups": row.groups,
                "mos": figure_json(weigh(row.mos, scale=LEVELS)),
            }
            for axis, rows in found.generators.items()
            for row in rows
        ],
        "differences": [
            {
                "axis": axis.value,
                "better": row.first,
                "worse": row.second,
                "prompt_groups": row.groups,
                "difference": figure_json(weigh(row.difference, scale=DIFFERENCE)),
                "p_holm": _number(row.adjusted),
            }
            for axis, pairs in found.differences.items()
            for row in pairs
        ],
    }


def figure_json(figure: Weighed) -> dict[str, Any]:
    """A figure as JSON, rounded to four decimals."""
    value, interval = figure.estimate.value, figure.estimate.interval
    if isinstance(value, Undefined):
        return {"undefined": value.reason, "thin": figure.thin}
    low, high = (interval.low, interval.high) if isinstance(interval, Interval) else (None, None)
    population = {"population": interval.population} if isinstance(interval, Interval) and interval.population else {}
    return {"value": _number(value), "low": _number(low), "high": _number(high), "thin": figure.thin} | population


def agreement_csv(found: Agreement) -> Iterator[str]:
    """Yield a line a headline, header first. A figure that is undefined is an empty cell with its reason at the end."""
    return write_csv(COLUMNS, (_cells(one) for axis in found.axes for one in list_headlines(axis)))


def _headline(one: Headline) -> dict[str, Any]:
    basis = one.basis
    return {
        "axis": one.axis.value,
        "figure": one.name,
        "of": one.of,
        "ratings": basis.ratings,
        "clips": basis.clips,
        "clips_with_two": basis.paired,
    } | figure_json(one.figure)


def _cells(one: Headline) -> list[Cell]:
    stated: Mapping[str, Any] = _headline(one)
    return [_cell(stated.get(column)) for column in COLUMNS]


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return round_cell(value, 4)
    return "" if value is None else value


def _number(value: Figure | None) -> float | None:
    return None if value is None or isinstance(value, Undefined) else round(value, 4) + 0.0  # never -0.0
