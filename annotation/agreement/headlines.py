"""The headlines of a campaign as a flat list, for the API and the CSV."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.agreement.basis import Basis
from annotation.agreement.figures import Agreement, AxisAgreement, Reliability
from annotation.agreement.stored import StoredFigures
from qsave.axes import Axis
from qsave.csv_rows import Cell, round_cell, write_csv
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

AnyFigures = Agreement | StoredFigures
"""The figures as computed, or as stored."""


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure of an axis. `of` names the ratings behind it: all, blind or assisted."""

    axis: Axis
    name: str
    of: str
    figure: Weighed
    basis: Basis


def list_headlines(axis: AxisAgreement) -> Iterator[Headline]:
    """Yield each headline of an axis, of assisted ratings only if there are any."""
    yield Headline(axis.axis, "mean_mos", "all", axis.mos, axis.basis)
    yield from _list_reliability(axis.axis, "blind", axis.blind)
    if axis.assisted.basis.ratings:
        yield from _list_reliability(axis.axis, "assisted", axis.assisted)
    for name in CEILING:
        yield Headline(axis.axis, name, "blind", axis.blind.basis.weigh(getattr(axis.reach, name)), axis.blind.basis)


def _list_reliability(axis: Axis, kind: str, figures: Reliability) -> Iterator[Headline]:
    for name in ("alpha", "icc", "pooled_sd"):
        yield Headline(axis, name, kind, getattr(figures, name), figures.basis)


def agreement_to_json(agreement: AnyFigures) -> dict[str, Any]:
    """Return the figures of a campaign for the API.

    A figure is {value, low, high, thin} or {undefined, thin}. `thin` is the sentence to show before a figure that rests
    on too little, and empty for one that can be read.
    """
    return {
        "ratings": agreement.ratings,
        "blind_ratings": agreement.blind_ratings,
        "clips": agreement.clips,
        "screened_out": agreement.screened_out,
        "headlines": [_headline_to_json(headline) for axis in agreement.axes for headline in list_headlines(axis)],
        "anchoring": [
            {
                "axis": arm.axis.value,
                "clips": arm.anchoring.items,
                "difference": figure_to_json(arm.difference),
                "nearer": figure_to_json(arm.nearer),
                "spread_ratio": figure_to_json(arm.spread_ratio),
            }
            for arm in agreement.arms
        ],
        "generators": [
            {
                "axis": axis.value,
                "generator": row.generator,
                "clips": row.clips,
                "prompt_groups": row.groups,
                "mos": figure_to_json(weigh(row.mos, scale=LEVELS)),
            }
            for axis, rows in agreement.generators.items()
            for row in rows
        ],
        "differences": [
            {
                "axis": axis.value,
                "better": row.first,
                "worse": row.second,
                "prompt_groups": row.groups,
                "difference": figure_to_json(weigh(row.difference, scale=DIFFERENCE)),
                "p_holm": _round(row.adjusted),
            }
            for axis, pairs in agreement.differences.items()
            for row in pairs
        ],
        "imported": [
            {
                "source": row.source,
                "axis": row.axis.value,
                "judgements": row.judgements,
                "clips": row.clips,
                "clips_with_mos": row.shared,
                "mean": _round(row.mean),
                "mos": _round(row.mos),
                "srcc": figure_to_json(row.srcc),
                "plcc": figure_to_json(row.plcc),
            }
            for row in agreement.imported
        ],
    }


def figure_to_json(figure: Weighed) -> dict[str, Any]:
    """Return a figure as JSON, rounded to four decimals."""
    value, interval = figure.estimate.value, figure.estimate.interval
    if isinstance(value, Undefined):
        return {"undefined": value.reason, "thin": figure.thin}
    low, high = (interval.low, interval.high) if isinstance(interval, Interval) else (None, None)
    population = {"population": interval.population} if isinstance(interval, Interval) and interval.population else {}
    return {"value": _round(value), "low": _round(low), "high": _round(high), "thin": figure.thin} | population


def write_agreement_csv(agreement: AnyFigures) -> Iterator[str]:
    """Yield one line per headline, header first. An undefined figure is empty, with the reason in the last column."""
    return write_csv(COLUMNS, (_make_cells(line) for axis in agreement.axes for line in list_headlines(axis)))


def _headline_to_json(headline: Headline) -> dict[str, Any]:
    basis = headline.basis
    return {
        "axis": headline.axis.value,
        "figure": headline.name,
        "of": headline.of,
        "ratings": basis.ratings,
        "clips": basis.clips,
        "clips_with_two": basis.paired,
    } | figure_to_json(headline.figure)


def _make_cells(headline: Headline) -> list[Cell]:
    values: Mapping[str, Any] = _headline_to_json(headline)
    return [_make_cell(values.get(column)) for column in COLUMNS]


def _make_cell(value: Any) -> Cell:
    if isinstance(value, float):
        return round_cell(value, 4)
    return "" if value is None else value


def _round(value: Figure | None) -> float | None:
    return None if value is None or isinstance(value, Undefined) else round(value, 4) + 0.0  # never -0.0
