"""Agreement on defects: whether raters of one clip name the same ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qsave.statistics.alpha import compute_alpha
from qsave.statistics.evidence import Weighed, weigh
from qsave.statistics.figures import Bools, Figure, Undefined
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
    prevalence: Figure = float(marks.mean()) if len(table) else Undefined("nothing has been rated yet")
    clips = len(np.unique(table.items[marks]))
    alpha = compute_alpha(table.replace_scores(marks.astype(np.float64)), "nominal")
    weighed = weigh(alpha.estimate, clips=paired)
    if clips < LEAST_CLIPS:
        number = {0: "No clip has", 1: "1 clip has"}.get(clips, f"{clips} clips have")
        few = f"{number} this defect; agreement on it can be read from about {LEAST_CLIPS}."
        weighed = Weighed(weighed.estimate, few)
    return DefectAgreement(defect, prevalence, clips, weighed)
