"""Agreement on defects: whether raters of one clip name the same ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsave.statistics.alpha import compute_alpha
from qsave.statistics.evidence import Weighed, weigh
from qsave.statistics.figures import Bools, Estimate, Figure, Undefined
from qsave.statistics.table import RatingTable

LEAST_CLIPS = 10
"""Fewest clips on which somebody named a defect for its alpha to say anything."""


@dataclass(frozen=True, slots=True)
class DefectAgreement:
    """One defect: the share of ratings that name it, on how many clips somebody did, and nominal alpha of its presence
    over clips with two ratings."""

    defect: str
    prevalence: Figure
    clips: int
    alpha: Weighed


def compute_defect_agreement(table: RatingTable, named: Mapping[str, Bools]) -> tuple[DefectAgreement, ...]:
    """Compute the agreement on each defect; `named` marks the ratings that name it (ratings,)."""
    paired = int((table.n >= 2).sum())
    return tuple(_compute(defect, table, marks, paired) for defect, marks in named.items())


def _compute(defect: str, table: RatingTable, marks: Bools, paired: int) -> DefectAgreement:
    if not marks.any():
        nothing = Undefined("no rating names it")
        return DefectAgreement(
            defect, 0.0 if len(table) else nothing, 0, Weighed(Estimate(nothing, nothing), _say_few(0))
        )
    clips = len(np.unique(table.items[marks]))
    alpha = compute_alpha(table.replace_scores(marks.astype(np.float64)), "nominal")
    weighed = weigh(alpha.estimate, clips=paired)
    if clips < LEAST_CLIPS:
        weighed = Weighed(weighed.estimate, _say_few(clips))
    return DefectAgreement(defect, float(marks.mean()), clips, weighed)


def _say_few(clips: int) -> str:
    number = {0: "No clip has", 1: "1 clip has"}.get(clips, f"{clips} clips have")
    return f"{number} this defect; agreement on it can be read from about {LEAST_CLIPS}."
