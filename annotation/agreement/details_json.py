"""The stored figures that are not headlines, as JSON for the API: raters, prompts, defects and critics."""

from collections.abc import Mapping
from typing import Any

from annotation.agreement.critic_figures import CriticFigures
from annotation.agreement.generator_contrasts import DefectTable, Gaps
from annotation.agreement.headlines import figure_to_json
from annotation.agreement.rater_signs import list_signs
from annotation.agreement.rater_table import RaterRow
from annotation.agreement.stored import StoredFigures
from qsave.axes import AXES
from qsave.statistics.figures import Figure, Undefined
from qsave.statistics.raters import Matches, RaterFigures


def details_to_json(figures: StoredFigures) -> dict[str, Any]:
    """Return raters, prompts, defects and critics. A number that is undefined is {"undefined": reason}."""
    signs = list_signs(figures.raters)
    return {
        "raters": [_rater_to_json(rater, signs.get(rater.rater, [])) for rater in figures.raters],
        "prompts": _gaps_to_json(figures.gaps),
        "defects": _defects_to_json(figures.defects),
        "critics": [_critic_to_json(critic) for critic in figures.critics],
    }


def _number(figure: Figure) -> Any:
    return {"undefined": figure.reason} if isinstance(figure, Undefined) else round(figure, 4) + 0.0  # never -0.0


def _rater_to_json(rater: RaterRow, signs: list[str]) -> dict[str, Any]:
    verdict = rater.verdict
    return {
        "rater": rater.name,
        "ratings": rater.ratings,
        "seconds": _number(rater.seconds),
        "watched": _number(rater.watched),
        "spread": _number(rater.spread),
        "drafts_confirmed": _number(rater.drafts_confirmed),
        "gold": _matches_to_json(rater.gold),
        "repeats": _matches_to_json(rater.repeats),
        "axes": {axis.value: _rater_axis_to_json(one) for axis, one in rater.axes.items()},
        "reasons_to_look": signs,
        "screened_out": rater.is_screened,
        "verdict": verdict
        and {
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "by": str(verdict.decided_by),
            "at": verdict.created_at.isoformat(),
        },
    }


def _matches_to_json(matches: Matches) -> dict[str, Any]:
    return {"n": matches.n, "equal": _number(matches.equal), "within_one": _number(matches.within_one)}


def _rater_axis_to_json(one: RaterFigures) -> dict[str, Any]:
    names = ("mean", "spread", "bias", "inconsistency", "plcc", "srcc")
    return {"n": one.n, "shared": one.shared} | {name: _number(getattr(one, name)) for name in names}


def _gaps_to_json(gaps: Gaps) -> list[dict[str, Any]]:
    return [
        {
            "axis": axis.value,
            "prompt_group": gap.group,
            "prompt": gap.prompt,
            "best": gap.best,
            "best_mos": _number(gap.best_mos),
            "worst": gap.worst,
            "worst_mos": _number(gap.worst_mos),
        }
        for axis, rows in gaps.items()
        for gap in rows
    ]


def _defects_to_json(table: DefectTable) -> list[dict[str, Any]]:
    totals: Mapping[Any, tuple[int, ...]] = table.ratings
    return [
        {"axis": row.axis.value, "defect": row.defect, "generator": name, "named": named, "ratings": total}
        for row in table.rows
        for name, named, total in zip(table.generators, row.ratings, totals[row.axis], strict=True)
    ]


def _critic_to_json(critic: CriticFigures) -> dict[str, Any]:
    by_axis = {one.axis: one for one in critic.axes}
    return {
        "critic": critic.critic,
        "clips": critic.every,
        "clips_compared": critic.clips,
        "axes": {
            axis.value: {
                "clips": by_axis[axis].clips,
                "bias": figure_to_json(by_axis[axis].bias),
                "distance": _number(by_axis[axis].distance),
                "srcc": figure_to_json(by_axis[axis].srcc),
                "plcc": figure_to_json(by_axis[axis].plcc),
            }
            for axis in AXES
        },
        "defects_over_clips": critic.sampled,
        "defects": [
            {
                "axis": one.axis.value,
                "defect": one.defect,
                "drafted": one.drafted,
                "named": one.named,
                "both": one.both,
            }
            for one in critic.defects
        ],
    }
