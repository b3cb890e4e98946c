"""The sections of a campaign's stored figures: what each holds, and how it is computed.

A page reads only the sections that it shows. To add one, define a frozen record, add a Section to SECTIONS, and change
VERSION, as for any change of what a section holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from annotation.agreement.critic_figures import CriticFigures, compare_critics
from annotation.agreement.details import (
    DefectFigures,
    Details,
    Drifts,
    compute_defect_figures,
    compute_details,
    compute_drift_of_raters,
)
from annotation.agreement.figures import Agreement, ArmRow, AxisAgreement
from annotation.agreement.generator_contrasts import DefectTable, Gaps, count_defects, find_prompt_gaps
from annotation.agreement.imported import SourceFigures
from annotation.agreement.mos_curve import MosCurve, make_mos_curve
from annotation.agreement.named_defects import read_named_defects
from annotation.agreement.rater_table import RaterRow
from qsave.axes import Axis
from qsave.statistics.generators import GeneratorFigures, PairedDifference

VERSION = "4"
"""Version of the code that computes figures. Figures of another version are computed again before they are shown."""

T = TypeVar("T")
Curves = Mapping[Axis, MosCurve | None]
Generators = Mapping[Axis, tuple[GeneratorFigures, ...]]
Differences = Mapping[Axis, tuple[PairedDifference, ...]]


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of the whole campaign: ratings that count, blind ones among them, clips with one, raters screened out."""

    ratings: int
    blind_ratings: int
    clips: int
    screened_out: int


@dataclass(frozen=True)
class Section(Generic[T]):
    """One section: the name of its row, the type of its record, and how the record is computed."""

    name: str
    kind: Any
    compute: Callable[[Agreement], T]


def _count(agreement: Agreement) -> Overview:
    return Overview(agreement.ratings, agreement.blind_ratings, agreement.clips, agreement.screened_out)


def _make_curves(agreement: Agreement) -> Curves:
    return {axis: make_mos_curve(rated.item_keys, rated.mos) for axis, rated in agreement.rated.items()}


OVERVIEW: Section[Overview] = Section("overview", Overview, _count)
AXES_OF_CAMPAIGN: Section[tuple[AxisAgreement, ...]] = Section("axes", tuple[AxisAgreement, ...], lambda one: one.axes)
RATERS: Section[tuple[RaterRow, ...]] = Section("raters", tuple[RaterRow, ...], lambda one: one.raters)
ARMS: Section[tuple[ArmRow, ...]] = Section("arms", tuple[ArmRow, ...], lambda one: one.arms)
CURVES: Section[Curves] = Section("curves", Curves, _make_curves)
GENERATORS: Section[Generators] = Section("generators", Generators, lambda one: one.generators)
DIFFERENCES: Section[Differences] = Section("differences", Differences, lambda one: one.differences)
IMPORTED: Section[tuple[SourceFigures, ...]] = Section("imported", tuple[SourceFigures, ...], lambda one: one.imported)
GAPS: Section[Gaps] = Section("gaps", Gaps, find_prompt_gaps)
DEFECTS: Section[DefectTable] = Section("defects", DefectTable, lambda one: count_defects(one.campaign))
CRITICS: Section[tuple[CriticFigures, ...]] = Section("critics", tuple[CriticFigures, ...], compare_critics)

DETAILS: Section[Details] = Section("details", Details, compute_details)
DRIFTS: Section[Drifts] = Section("drifts", Drifts, compute_drift_of_raters)
DEFECT_AGREEMENT: Section[DefectFigures] = Section(
    "defect_agreement", DefectFigures, lambda one: compute_defect_figures(one, read_named_defects(one.campaign))
)

SECTIONS: tuple[Section[Any], ...] = (
    OVERVIEW,
    AXES_OF_CAMPAIGN,
    CURVES,
    RATERS,
    ARMS,
    GENERATORS,
    DIFFERENCES,
    IMPORTED,
    GAPS,
    DEFECTS,
    CRITICS,
    DETAILS,
    DRIFTS,
    DEFECT_AGREEMENT,
)
