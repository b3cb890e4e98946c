"""Shares of variance, plans, AC2, SOS, drift and agreement on defects, as JSON for the API."""

from typing import Any

from annotation.agreement.details import AxisDetails
from annotation.agreement.headlines import figure_to_json
from annotation.agreement.stored import StoredFigures
from qsave.statistics.evidence import Scale, weigh
from qsave.statistics.figures import Figure, Undefined

SLOPE = Scale(float("-inf"), float("inf"), 4.0)
"""The scale of a drift, in levels over 100 ratings."""


def measures_to_json(figures: StoredFigures) -> dict[str, Any]:
    """Return the measures by axis, and the drift of raters by name."""
    names = {rater.rater: rater.name for rater in figures.raters}
    return {
        "measures": {axis.value: _axis_to_json(one) for axis, one in figures.details.items()},
        "drift": [
            {"rater": names[rater], "axis": axis.value, "slope": figure_to_json(weigh(estimate, scale=SLOPE))}
            for rater, drifts in figures.drifts.items()
            for axis, estimate in drifts.items()
            if rater in names
        ],
        "defect_agreement": [
            {
                "axis": axis.value,
                "defect": row.defect,
                "prevalence": round_figure(row.prevalence),
                "clips": row.clips,
                "alpha": figure_to_json(row.alpha),
            }
            for axis, rows in figures.defect_agreement.items()
            for row in rows
            if row.clips
        ],
    }


def _axis_to_json(one: AxisDetails) -> dict[str, Any]:
    shares, power = one.shares, one.power
    parts = {"prompt": shares.prompt, "clip": shares.item, "rater": shares.rater, "residual": shares.residual}
    return {
        "dominant_level_share": round(one.dominant, 4),
        "ac2": one.ac2 and figure_to_json(one.ac2),
        "sos": figure_to_json(one.sos),
        "variance": round_figure(shares.total),
        "variance_shares": {name: round_figure(share) for name, share in parts.items()},
        "gap_sd": round_figure(power.sd),
        "prompts_needed": round_figure(power.prompts),
    }


def round_figure(figure: Figure) -> Any:
    """Return a number with four decimals, or {"undefined": reason}."""
    if isinstance(figure, Undefined):
        return {"undefined": figure.reason}
    return figure if isinstance(figure, int) else round(figure, 4) + 0.0  # never -0.0
