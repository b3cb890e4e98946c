"""The sections of the agreement page: what each shows, from the stored figures. Each is loaded by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.agreement import cards
from annotation.agreement.advice import describe_arm, list_advice
from annotation.agreement.critic_figures import CriticFigures, DefectMatch
from annotation.agreement.generator_contrasts import DefectTable
from annotation.agreement.generator_table import list_generator_rows
from annotation.agreement.measures_page import read_measures
from annotation.agreement.plots import plot_biases, plot_critic, plot_generators
from annotation.agreement.rater_signs import list_signs
from annotation.agreement.rater_table import RaterRow
from annotation.agreement.ratings_needed import Needed, compute_needed
from annotation.agreement.replacements import count_replaceable
from annotation.agreement.stored import StoredFigures
from annotation.models import Campaign
from qsave.axes import AXES, Axis
from qsave.statistics.evidence import LEAST_CLIPS

Context = dict[str, Any]
MOST_RATERS = 30
"""Most raters in the section of the page; all of them are on a page of their own."""


@dataclass(frozen=True, slots=True)
class PageSection:
    """A section: its anchor, its heading, its template, and what the template needs."""

    id: str
    title: str | Promise
    read: Callable[[StoredFigures], Context]

    @property
    def template(self) -> str:
        return f"annotation/agreement/_{self.id}.html"


@dataclass(frozen=True, slots=True)
class DefectShares:
    """A defect of the campaign's taxonomy, and the share of each generator's ratings that name it."""

    label: str
    shares: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class DefectLine:
    """A drafted defect against people. `thin` is said instead of shares that rest on too few clips."""

    label: str
    match: DefectMatch

    @property
    def confirmed(self) -> float | None:
        """Share of the drafted ones that people name too; None if too few were drafted."""
        return self.match.both / self.match.drafted if self.match.drafted >= LEAST_CLIPS else None

    @property
    def recall(self) -> float | None:
        """Share of those that people name which were drafted; None if people name too few."""
        return self.match.both / self.match.named if self.match.named >= LEAST_CLIPS else None


def _read_next(figures: StoredFigures) -> Context:
    signs = list_signs(figures.raters)
    campaign = figures.campaign
    return {
        "advice": list_advice(campaign, figures.axes, figures.arms, figures.raters, signs, _list_needed(figures)),
        "figures": figures,
    }


def _list_needed(figures: StoredFigures) -> list[Needed]:
    return [compute_needed(axis.axis, axis.spread, figures.campaign.overlap) for axis in figures.axes]


def _read_axes(figures: StoredFigures) -> Context:
    return {
        "figures": figures,
        "cards": [cards.make_card(figures.campaign, axis, figures.curves[axis.axis]) for axis in figures.axes],
    }


def _read_needed(figures: StoredFigures) -> Context:
    return {"needed": _list_needed(figures)}


def _read_arms(figures: StoredFigures) -> Context:
    weighed = (figure for arm in figures.arms for figure in (arm.difference, arm.nearer, arm.spread_ratio))
    return {
        "figures": figures,
        "arms": [(arm, describe_arm(arm)) for arm in figures.arms],
        "arm_folds": cards.fold_arms(figures.arms),
        "arms_of_these_raters": cards.any_of_these_raters(weighed),
    }


def _read_generators(figures: StoredFigures) -> Context:
    rows = list_generator_rows(figures.generators)
    return {
        "generator_plot": plot_generators(figures.campaign, rows),
        "generators": [row for row in rows if not row.thin],
        "thin_generators": [row for row in rows if row.thin],
        "differences": cards.sort_differences(figures.differences),
    }


def _read_prompts(figures: StoredFigures) -> Context:
    return {"gaps": [(axis, gaps) for axis, gaps in figures.gaps.items() if gaps]}


def _read_defects(figures: StoredFigures) -> Context:
    table = figures.defects
    labels = _label_defects(figures.campaign)
    return {
        "generators": table.generators,
        "defect_axes": [(axis, table.ratings[axis], _list_shares(table, axis, labels)) for axis in AXES],
        "has_defects": bool(table.rows),
    }


def _list_shares(table: DefectTable, axis: Axis, labels: Mapping[str, str]) -> list[DefectShares]:
    totals = table.ratings[axis]
    rows = [row for row in table.rows if row.axis == axis]
    return [
        DefectShares(
            labels.get(row.defect, row.defect),
            tuple(named / total if total else None for named, total in zip(row.ratings, totals, strict=True)),
        )
        for row in sorted(rows, key=lambda row: -sum(row.ratings))
    ]


def _label_defects(campaign: Campaign) -> dict[str, str]:
    return {str(defect["id"]): str(defect["label"]) for defect in campaign.taxonomy}


def _read_raters(figures: StoredFigures, *, limit: int | None = MOST_RATERS) -> Context:
    raters, signs = figures.raters, list_signs(figures.raters)
    return {
        "raters": choose_raters(raters, signs, limit),
        "rater_count": len(raters),
        "signs": signs,
        "bias_plot": plot_biases(figures.campaign, raters),
        "least_clips": LEAST_CLIPS,
        "few_shared": [rater for rater in raters if rater.shared < LEAST_CLIPS],
        "replaceable": count_replaceable(figures.campaign, {row.rater for row in raters if row.is_screened}),
        "bt500": cards.describe_screening(raters),
    }


def choose_raters(
    raters: Sequence[RaterRow], signs: Mapping[int, Sequence[str]], limit: int | None
) -> Sequence[RaterRow]:
    """Return at most `limit` raters in their order: those with signs or a verdict, then those with most ratings."""
    if limit is None or len(raters) <= limit:
        return raters
    notable = sorted(raters, key=lambda one: (one.rater not in signs, one.verdict is None, -one.ratings))[:limit]
    chosen = {one.rater for one in notable}
    return [one for one in raters if one.rater in chosen]


def read_all_raters(figures: StoredFigures) -> Context:
    """Return what the section of raters shows, with every rater."""
    return _read_raters(figures, limit=None)


def _read_critics(figures: StoredFigures) -> Context:
    labels = _label_defects(figures.campaign)
    return {
        "critics": [
            _lay_out_critic(figures.campaign, number, critic, labels)
            for number, critic in enumerate(figures.critics, start=1)
        ],
        "least_clips": LEAST_CLIPS,
    }


def _lay_out_critic(campaign: Campaign, number: int, critic: CriticFigures, labels: Mapping[str, str]) -> Context:
    plots = [plot_critic(campaign, critic.critic, number, axis) for axis in critic.axes if axis.clips >= LEAST_CLIPS]
    lines = [DefectLine(labels.get(match.defect, match.defect), match) for match in critic.defects]
    return {
        "number": number,
        "figures": critic,
        "plots": [plot for plot in plots if plot],
        "lines": [line for line in lines if line.confirmed is not None or line.recall is not None],
        "rare": sum(line.confirmed is None and line.recall is None for line in lines),
    }


def _read_elsewhere(figures: StoredFigures) -> Context:
    return {"imported": figures.imported}


PAGE_SECTIONS = (
    PageSection("next", _("What to do next"), _read_next),
    PageSection("axes", _("The three axes"), _read_axes),
    PageSection("needed", _("Ratings needed"), _read_needed),
    PageSection("arms", _("Blind and assisted"), _read_arms),
    PageSection("generators", _("Generators"), _read_generators),
    PageSection("prompts", _("Prompts"), _read_prompts),
    PageSection("defects", _("Defects"), _read_defects),
    PageSection("measures", _("Noise and plans"), read_measures),
    PageSection("raters", _("Raters"), _read_raters),
    PageSection("critics", _("Critics"), _read_critics),
    PageSection("elsewhere", _("Ratings made elsewhere"), _read_elsewhere),
)
BY_ID = {section.id: section for section in PAGE_SECTIONS}
