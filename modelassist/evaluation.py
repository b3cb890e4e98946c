"""An evaluation, as the engine writes it, arranged for a page."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from qsave.axes import AXES

Figure = Mapping[str, Any]
MISSING: Figure = {"undefined": "not measured"}


@dataclass(frozen=True, slots=True)
class AxisFigures:
    """One axis on one split: the critic, beside the constant predictor, the same critic with blank frames, one rater
    against the others and the ceiling that noise in the MOS sets."""

    axis: str
    srcc: Figure
    plcc: Figure
    rmse: Figure
    within_one: Figure
    constant_rmse: Figure | float | None
    blank_srcc: Figure
    rater_srcc: Figure
    ceiling_srcc: Figure


@dataclass(frozen=True, slots=True)
class SplitFigures:
    """One split. `unparsable` is the share of clips for which no report card came."""

    split: str
    clips: int
    unparsable: float | None
    axes: tuple[AxisFigures, ...]
    plots: Mapping[str, str]
    """What a picture shows, and its file below the run's folder."""

    @property
    def reasons(self) -> list[str]:
        """Why figures are undefined, each reason once."""
        found = [getattr(axis, field.name) for axis in self.axes for field in fields(axis)]
        return sorted({str(one["undefined"]) for one in found if isinstance(one, Mapping) and "undefined" in one})


def splits_of(evaluation: Mapping[str, Any]) -> list[SplitFigures]:
    """The figures split by split; empty where nothing was measured."""
    return [
        SplitFigures(
            split=split,
            clips=found.get("clips", 0),
            unparsable=found.get("unparsable_rate"),
            axes=tuple(_axis(axis.value, found.get("axes", {}).get(axis.value, {})) for axis in AXES),
            plots=found.get("plots", {}),
        )
        for split, found in evaluation.get("splits", {}).items()
    ]


def _axis(axis: str, found: Mapping[str, Any]) -> AxisFigures:
    critic, blank, people = (found.get(name, {}) for name in ("critic", "blank_frames", "people"))
    unknown = {"undefined": people["missing"]} if "missing" in people else MISSING
    return AxisFigures(
        axis=axis,
        srcc=critic.get("srcc", MISSING),
        plcc=critic.get("plcc", MISSING),
        rmse=critic.get("rmse", MISSING),
        within_one=critic.get("within_1", MISSING),
        constant_rmse=found.get("constant", {}).get("rmse"),
        blank_srcc=blank.get("srcc", MISSING),
        rater_srcc=people.get("baseline_srcc", unknown),
        ceiling_srcc=people.get("ceiling_srcc", unknown),
    )
